/** The real server in lsp-mode in a real batch Emacs, with the configuration that people copy. */
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { temporaryDirectory } from './editor.js';
import { StandInSession } from './stand-in-session.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe.skipIf(requirement('go', 'emacs').missing)('Emacs with lsp-mode', () => {
  let folder: string;
  const session = new StandInSession();
  beforeAll(async () => {
    folder = temporaryDirectory();
    cpSync(fixtureSources('orders'), folder, { recursive: true });
    await execa('go', ['build', '-o', 'orders', '.'], { cwd: folder, env: { GOFLAGS: '-mod=mod', GOWORK: 'off' } });
    mkdirSync(join(folder, 'run'), { mode: 0o700 });
    const about = { binary: join(folder, 'orders'), workspace: folder };
    session.timeline = [{ time: '1000', goroutine: 19, kind: 'hit', text: 'hit' }];
    await session.start(join(folder, 'run/probelens'), about, (id) => session.hit(id, 1234));
  });
  afterAll(async () => {
    await session.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('shows lenses and diagnostics, runs them, and binds keys for a session only', async () => {
    const source = readFileSync(join(folder, 'order.go'), 'utf8').split('\n');
    const line = source.findIndex((text) => text.startsWith('func price(')) + 1;
    const run = await execa('emacs', ['--batch', '-f', 'package-initialize', '-l', here('emacs.el')], {
      env: {
        CONFIGURATION: here('../../../editors/emacs/probelens.el'),
        COMMAND: JSON.stringify([process.execPath, await builtCommand()]),
        FILE: join(folder, 'order.go'),
        LINE: String(line),
        BINARY: join(folder, 'orders'),
        XDG_RUNTIME_DIR: join(folder, 'run'),
        XDG_STATE_HOME: join(folder, 'state'),
        HOME: folder,
      },
      timeout: 200_000,
    });
    const said = run.stdout
      .split('\n')
      .filter((text) => text.startsWith('{"name"'))
      .map((text): { readonly name: string; readonly value: unknown } => JSON.parse(text));
    const value = (name: string): unknown => said.findLast((report) => report.name === name)?.value;
    expect(value('started')).toBe(true);
    expect(value('lenses')).toContain(`${line}: probe this function`);
    expect(value('drawn')).toBe(true);
    expect(value('diagnostics')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^notional is inlined into 1 caller/)]),
    );
    expect(value('counting')).toBe(true);
    expect(value('actions')).toEqual(['Remove the probe on price (1,234 hits)']);
    expect(value('taken back')).toBe(true);
    expect(session.probes).toEqual([]);
    expect(value('templates')).toEqual(expect.arrayContaining(['Probelens: package', 'Probelens: tests']));
    expect(value('adapter')).toEqual([process.execPath, expect.any(String), 'dap']);
    expect(value('foreign')).toBe(false);
    expect(value('key')).toBe('dap-next');
    expect(value('afterwards')).not.toBe('dap-next');
    expect(value('armed by a key')).toBe(true);
    expect(value('taken back by a key')).toBe(true);
    expect(value('armed by text')).toBe(true);
    expect(value('timeline')).toMatch(/^Timeline of goroutine 19 of orders: 1 entry .*\n.*\[Go 19\] {2}hit\n?$/);
    expect(value('with an adapter')).toEqual([
      'dap-continue',
      'dap-breakpoint-toggle',
      'dap-next',
      'dap-step-in',
      'dap-disconnect',
      'dap-debug-last',
      'probelens-probe-at-point',
      'probelens-pause-at-next-load',
      'probelens-verifier-summary',
      'probelens-goroutines-and-crash',
      'probelens-probe-at-point',
      'dap-next',
      'probelens-pause-at-next-load',
      'probelens-verifier-summary',
      'probelens-goroutines-and-crash',
      'probelens-timeline',
    ]);
    expect(value('gone after it was killed')).toBe(true);
    expect(value('keys as before')).toBe(true);
    expect(value('none for a dead one')).toBe(true);
    expect(value("others'")).toEqual(['xref-find-definitions', true]);
    expect(value('dape')).toEqual(['probelens', 'dape-next', 'dape-next', 'gone']);
  }, 240_000);
});
