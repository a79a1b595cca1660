/** The real server in a real headless Neovim, with the configuration that people copy. */
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { temporaryDirectory } from './editor.js';
import { StandInSession } from './stand-in-session.js';

const here = (path: string): string => new URL(path, import.meta.url).pathname;

describe.skipIf(requirement('go', 'nvim').missing)('Neovim', () => {
  let folder: string;
  const session = new StandInSession();
  beforeAll(async () => {
    folder = temporaryDirectory();
    cpSync(fixtureSources('orders'), folder, { recursive: true });
    await execa('go', ['build', '-o', 'orders', '.'], { cwd: folder, env: { GOFLAGS: '-mod=mod', GOWORK: 'off' } });
    mkdirSync(join(folder, 'run'), { mode: 0o700 });
    const about = { binary: join(folder, 'orders'), workspace: folder };
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
        timeout: 50_000,
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
    expect(value('adapter')).toMatchObject({
      type: 'executable',
      command: process.execPath,
      args: [expect.any(String), 'dap'],
    });
    expect(value('auto_continue')).toBe(false);
    expect(new Set(value('types') as string[])).toEqual(new Set(['probelens']));
    expect(value('while it runs')).toEqual(['continue']);
    expect(value('afterwards')).toEqual({ mine: 1, f11: '', called: 1 });
  });
});
