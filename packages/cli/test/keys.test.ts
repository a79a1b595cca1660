/** The table of keys against the editors' own reading of their configuration, and against terminfo. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../../test/command.js';
import { root } from '../../../test/delve.js';
import { requirement } from '../../../test/requirements.js';
import { keyEditors } from '../src/keys/binding.js';
import { codeKeys, emacsKeys, helixKeys, keysText, spokenKeys, vimKeys } from '../src/keys/chord.js';
import {
  arrivesAs,
  bytesOf,
  encodingNames,
  namesOf,
  sequenceOf,
  splitSequences,
  visible,
} from '../src/keys/encodings.js';
import { parseLisp } from '../src/keys/lisp.js';
import { luaTable } from '../src/keys/lua.js';
import { operationOf } from '../src/keys/operation.js';
import { keyTable, shippedBindings } from '../src/keys/table.js';

const directory = mkdtempSync(join(tmpdir(), 'probelens-keys-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const shipped = (file: string): string => readFileSync(join(root, 'editors', file), 'utf8');

describe('the table', () => {
  it.each(keyEditors)('knows what each key of %s is for, and where it is bound', (editor) => {
    const bindings = shippedBindings(editor);
    expect(bindings.length).toBeGreaterThan(3);
    expect(bindings.filter(({ action }) => operationOf(action) === undefined)).toEqual([]);
    expect(keyTable(editor).every(({ request, title }) => request !== '' && title !== '')).toBe(true);
    for (const { file, line, written } of bindings.filter((each) => each.line > 0)) {
      const text = shipped(`${editor}/${file}`).split('\n')[line - 1] ?? '';
      expect(text).toContain(written.split(' ').at(-1));
    }
  });

  it('has one meaning for a key in one kind of session', () => {
    for (const editor of keyEditors) {
      const seen = new Map<string, string>();
      for (const { key, context, title, owner, action } of keyTable(editor)) {
        if (key.startsWith('[') || owner !== 'probelens') continue;
        // dap-mode and dape are two debuggers: one of them runs.
        const place = `${context} ${key} ${action.startsWith('dape-') ? 'dape' : ''}`;
        expect(seen.get(place) ?? title).toBe(title);
        seen.set(place, title);
      }
    }
  });

  it.skipIf(requirement('nvim').missing)('has the keys that Neovim reads in probelens.lua', async () => {
    const script = join(directory, 'options.lua');
    const lines = [
      `package.path = ${JSON.stringify(join(root, 'editors/nvim'))} .. '/?.lua;' .. package.path`,
      "local options = require('probelens').options",
      'local found = {}',
      "for _, name in ipairs { 'lens_keys', 'go_keys', 'session_keys' } do found[name] = options[name] or {} end",
      'io.stdout:write(vim.json.encode(found))',
      "vim.cmd 'qall!'",
    ];
    writeFileSync(script, lines.join('\n'));
    const { stdout } = await execa('nvim', ['--headless', '-u', 'NONE', '-i', 'NONE', '-n', '-c', `luafile ${script}`]);
    const read: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>> = JSON.parse(stdout);
    const expected = [
      ...Object.entries(read.lens_keys ?? {}).flatMap(([name, keys]) =>
        [keys].flat().map((key) => `${key} lens_keys.${name}`),
      ),
      ...[read.go_keys ?? {}, read.session_keys ?? {}].flatMap((table) =>
        Object.entries(table).map(([key, action]) => `${key} ${String(action)}`),
      ),
    ];
    const ours = shippedBindings('nvim').map(({ written, action }) => `${written} ${action}`);
    expect(ours.sort()).toEqual(expected.sort());
  });

  it.skipIf(requirement('emacs').missing)('has the keys that Emacs reads in probelens.el', async () => {
    const program = `(progn (load ${JSON.stringify(join(root, 'editors/emacs/probelens.el'))} nil t)
      (dolist (name (quote ${`(${emacsMaps().join(' ')})`}))
        (named-let walk ((map (symbol-value name)) (prefix (vector)))
          (map-keymap (lambda (event binding)
            (let ((keys (vconcat prefix (vector event))))
              (cond ((keymapp binding) (walk binding keys))
                    ((symbolp binding) (princ (format "%s %s\\n" (key-description keys) binding))))))
            map))))`;
    const { stdout } = await execa('emacs', ['-Q', '--batch', '--eval', `(require 'subr-x)`, '--eval', program]);
    const read = stdout.split('\n').map((line) => {
      const at = line.lastIndexOf(' ');
      return `${keysText(emacsKeys(line.slice(0, at)))} ${line.slice(at + 1)}`;
    });
    const ours = shippedBindings('emacs').map(({ keys, action }) => `${keysText(keys)} ${action}`);
    expect(ours.sort()).toEqual(read.sort());
  });

  it('has the keys that stand in the lines of the file for Helix', () => {
    const [, section = ''] = shipped('helix/config.toml').split('[keys.normal]\n');
    const expected = [...section.matchAll(/^(\S+) = "(.+)"$/gm)].map(([, key, action]) => `${key} ${action}`);
    expect(expected.length).toBeGreaterThan(5);
    const ours = shippedBindings('helix').map(({ written, action }) => `${written} ${action}`);
    expect(ours).toEqual(expected);
  });

  it('is printed for one editor and for all, for people and as JSON', async () => {
    const { stdout } = await runCommand(['keys', 'nvim']);
    expect(stdout).toMatch(/^Neovim\n/);
    expect(stdout).toMatch(/F10, .*\n {4}step over: step_over\n {4}Delve session: next\n/);
    const all = await runCommand(['keys', '--json']);
    const rows = all.stdout.split('\n').map((line) => JSON.parse(line));
    expect(new Set(rows.map(({ editor }) => editor))).toEqual(new Set(keyEditors));
    expect(rows.find(({ editor, key }) => editor === 'terminal' && key === 'Shift+F5')).toMatchObject({
      title: 'stop',
      sent: { legacy: '\u001b[15;2~' },
    });
    expect(rows.find(({ editor, key }) => editor === 'vscode' && key === 'F12')).toMatchObject({
      title: 'definition',
      owner: 'VS Code with gopls',
    });
    expect(await runCommand(['keys', 'ed'])).toMatchObject({ exitCode: 2 });
  });
});

const emacsMaps = (): readonly string[] =>
  [...shipped('emacs/probelens.el').matchAll(/\(defvar (probelens-\S+-mode-map)/g)].map(([, name]) => name ?? '');

describe('keys', () => {
  it('are one and the same in every way of writing', () => {
    const same = [vimKeys('<C-S-k>'), emacsKeys('C-S-k'), helixKeys('C-S-k'), codeKeys('ctrl+shift+k')];
    expect(new Set(same.map(keysText))).toEqual(new Set(['Ctrl+Shift+K']));
    expect(keysText(vimKeys('<leader>pk'))).toBe('Leader p k');
    expect(keysText(emacsKeys('C-c p S-<f5>'))).toBe('Ctrl+C p Shift+F5');
    for (const spoken of ['Alt+L', 'Ctrl+Shift+K', 'Ctrl+C p k', 'F5', 'Ctrl+\\', 'Alt+Shift+L'])
      expect(keysText(spokenKeys(spoken))).toBe(spoken);
    expect(spokenKeys('Ctrl+\\')).toEqual(vimKeys('<C-\\>'));
    expect(keysText(codeKeys('ctrl+k ctrl++'))).toBe('Ctrl+K Ctrl++');
  });

  const infocmp = spawnSync('infocmp', ['-V']).status === 0;
  it.skipIf(!infocmp)('are sent as terminfo has them for xterm', async () => {
    const { stdout } = await execa('infocmp', ['-x', '-1', 'xterm']);
    const capabilities = new Map(
      [...stdout.matchAll(/^\t(\w+)=(.*),$/gm)].map(([, name = '', value = '']) => [
        name,
        value.replaceAll('\\E', '\u001b'),
      ]),
    );
    const ofKey = (name: string): string | undefined => bytesOf(vimKeys(`<${name}>`)[0] ?? { ...never }, 'legacy');
    for (let number = 1; number <= 36; number++) expect(ofKey(`F${number}`)).toBe(capabilities.get(`kf${number}`));
    expect(ofKey('S-F5')).toBe(capabilities.get('kf17'));
    expect(ofKey('C-F5')).toBe(capabilities.get('kf29'));
  });
  const never = { ctrl: false, alt: false, shift: false, key: '' };

  it('have their names again when they arrive', () => {
    for (const editor of keyEditors) {
      for (const { keys } of shippedBindings(editor)) {
        for (const each of keys.filter(
          ({ key }) => (key !== 'Leader' && !/^F[123]\d$/.test(key)) || /^F1[012]$/.test(key),
        )) {
          for (const encoding of encodingNames) {
            const bytes = bytesOf(each, encoding);
            if (bytes === undefined) continue;
            expect(splitSequences(bytes)).toEqual({ whole: [bytes], rest: '' });
            expect(namesOf(bytes)[encoding]).toBe(keysText([each]));
          }
        }
      }
    }
  });

  it('that a terminal cannot tell apart are said to be what arrives', () => {
    const one = (written: string) => vimKeys(written)[0] ?? never;
    expect(bytesOf(one('<C-S-k>'), 'legacy')).toBeUndefined();
    expect(arrivesAs(one('<C-S-k>'))).toBe('Ctrl+K');
    expect(arrivesAs(one('<C-CR>'))).toBe('Enter');
    expect(arrivesAs(one('<F5>'))).toBeUndefined();
    expect(visible(sequenceOf(vimKeys('<C-S-k>'), 'csiU') ?? '')).toBe('^[[75;6u');
    expect(visible(sequenceOf(vimKeys('<C-S-k>'), 'kitty') ?? '')).toBe('^[[107;6u');
  });

  it('are split wherever one ends, and an unfinished one waits', () => {
    expect(splitSequences('a\u001b[15~\u001bl\u001bOP\u001b[1;5')).toEqual({
      whole: ['a', '\u001b[15~', '\u001bl', '\u001bOP'],
      rest: '\u001b[1;5',
    });
  });
});

describe('what cannot be read', () => {
  it('is named with its line', () => {
    expect(() => luaTable('\nM.options = {\n  a = 1 +\n}', 'M.options')).toThrow('line 3: "," or "}" expected');
    expect(() => luaTable('x', 'M.options')).toThrow('M.options is assigned nowhere');
    expect(() => parseLisp('(a\n(b)')).toThrow('line 1: a bracket is not closed');
    expect(() => parseLisp('(a)\n)')).toThrow('line 2: a bracket too many');
  });
});
