/** The real server in a real headless Neovim, with the configuration that people copy. */
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

describe.skipIf(requirement('go', 'nvim').missing)('Neovim', () => {
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

  test('shows lenses and diagnostics, runs them, and gives the keys back', async () => {
    const source = readFileSync(join(folder, 'order.go'), 'utf8').split('\n');
    const line = source.findIndex((text) => text.startsWith('func price(')) + 1;
    const run = await execa(
      'nvim',
      ['--headless', '-u', 'NONE', '-i', 'NONE', '-n', '-c', `luafile ${here('neovim.lua')}`],
      {
        env: {
          PLUGIN: here('../../../editors/nvim'),
          COMMAND: JSON.stringify([process.execPath, await builtCommand()]),
          FILE: join(folder, 'order.go'),
          LINE: String(line),
          BINARY: join(folder, 'orders'),
          XDG_RUNTIME_DIR: join(folder, 'run'),
          XDG_STATE_HOME: join(folder, 'state'),
        },
        timeout: 170_000,
      },
    );
    const said = run.stdout
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text): { readonly name: string; readonly value: unknown } => JSON.parse(text));
    const value = (name: string): unknown => said.findLast((report) => report.name === name)?.value;
    expect(value('problem')).toBeUndefined();
    expect(said.find(({ name }) => name === 'lenses')?.value).toContain(`${line}: probe this function`);
    expect(value('diagnostics')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^notional is inlined into 1 caller/)]),
    );
    expect(value('counting')).toBe(true);
    expect(value('lenses')).toContain(`${line}: probed - 1,234 hits`);
    expect(value('actions')).toEqual(['Remove the probe on price (1,234 hits)']);
    expect(value('taken back')).toBe(true);
    expect(session.probes).toEqual([]);
    expect(value('armed by a key')).toBe(true);
    expect(value('taken back by a key')).toBe(true);
    expect(value('armed by text')).toBe(true);
    expect(value('taken back again')).toBe(true);
    expect(value('timeline')).toEqual([
      expect.stringMatching(/^Timeline of orders: 1 entry in 0\.000 ms$/),
      '       0.000 ms  [Go 19]  hit',
    ]);
    expect(value('timeline closed')).toBe(true);
    expect(value('adapter')).toMatchObject({
      type: 'executable',
      command: process.execPath,
      args: [expect.any(String), 'dap'],
    });
    expect(value('auto_continue')).toBe(false);
    expect(new Set(value('types') as string[])).toEqual(new Set(['probelens']));
    expect(value('while it runs')).toEqual(['continue', 'continue']);
    expect(value('verifier')).toEqual(['xdp refused', 'R1 is no pointer']);
    expect(value('goroutines')).toEqual([
      'panic: boom',
      '[Go 1] main.main',
      '    main.f  /f.go:3',
      '[Go 7] main.worker',
      '    main.f  /f.go:3',
    ]);
    expect(value('next load')).toBe('The next eBPF program is shown before it is loaded.');
    expect(value('tests')).toBe('run Probelens: tests');
    expect(value('afterwards')).toEqual({ mine: 1, f11: '', called: 2 });
    const sessionKeys = value('with an adapter') as Record<string, string>;
    // Those that came last are among them.
    expect(sessionKeys).toMatchObject({
      '<C-S-b>': 'Probelens: pause_at_next_load',
      '<M-l>': 'Probelens: verifier_summary',
      '<C-t>': 'Probelens: goroutines_and_crash',
      '<leader>dB': 'Probelens: pause_at_next_load',
      '<F11>': 'Probelens: step_into',
    });
    expect(Object.values(sessionKeys).filter((does) => !does.startsWith('Probelens: '))).toEqual([]);
    expect(value('after it was killed')).toEqual({
      gone: true,
      mine: 2,
      nine: 9,
      called: 2,
    });
    const keysBefore = value('keys before');
    expect(keysBefore).toHaveLength(Object.keys(sessionKeys).length - 1);
    expect(value('keys after it was killed')).toEqual(keysBefore);
  }, 200_000);
});
