import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultSettings, readSettings } from '../src/settings.js';

describe('settings', () => {
  test('are those of the schema, with its defaults', () => {
    const schema = JSON.parse(readFileSync(new URL('../settings.schema.json', import.meta.url), 'utf8'));
    const { properties } = schema;
    expect(Object.keys(properties)).toEqual(Object.keys(defaultSettings));
    for (const name of ['codeLens', 'inlayHints'] as const)
      expect(properties[name].default).toBe(defaultSettings[name]);
    const diagnostics = Object.entries(
      properties.diagnostics.properties as Record<string, { readonly default: unknown }>,
    );
    expect(Object.fromEntries(diagnostics.map(([name, value]) => [name, value.default]))).toEqual(
      defaultSettings.diagnostics,
    );
  });

  test('come as the section or as the object that holds it', () => {
    const section = { binary: 'bin/orders', diagnostics: { staleBinary: 'warning' } };
    const expected = {
      ...defaultSettings,
      binary: 'bin/orders',
      diagnostics: { ...defaultSettings.diagnostics, staleBinary: 'warning' },
    };
    expect(readSettings(section)).toEqual({ settings: expected, problems: [] });
    expect(readSettings({ probelens: section, gopls: {} })).toEqual({ settings: expected, problems: [] });
  });

  test('given later override those given at the start, value by value', () => {
    const start = { binary: 'a', codeLens: false, diagnostics: { noBinary: 'off', staleBinary: 'error' } };
    const later = { binary: 'b', codeLens: null, diagnostics: { staleBinary: 'hint' } };
    const { settings } = readSettings(start, { probelens: later });
    expect(settings).toMatchObject({ binary: 'b', codeLens: false });
    expect(settings.diagnostics).toMatchObject({ noBinary: 'off', staleBinary: 'hint' });
    expect(readSettings(start, {}).settings.binary).toBe('a');
  });

  test.each([[undefined], [null], [{}], [{ binary: '' }], [{ binary: null, diagnostics: null }], ['text'], [[1]]])(
    '%j are the defaults',
    (given) => {
      expect(readSettings(given)).toEqual({ settings: defaultSettings, problems: [] });
    },
  );

  test('anything at all gives settings, and sentences about what was not understood', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { settings, problems } = readSettings({
          binary: value,
          codeLens: value,
          diagnostics: { noBinary: value },
        });
        expect(typeof settings.codeLens).toBe('boolean');
        for (const problem of problems) expect(problem).toMatch(/^The setting probelens\..*\.$/);
      }),
    );
  });
});
