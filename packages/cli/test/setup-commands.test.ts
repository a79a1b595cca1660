/** What people run once: doctor, init, export. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../../test/command.js';
import { findDelve, root } from '../../../test/delve.js';
import { buildFixture } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';

const directory = mkdtempSync(join(tmpdir(), 'probelens-setup-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const filesOf = (editor: string): readonly string[] =>
  readdirSync(join(root, 'editors', editor)).filter((name) => name !== 'README.md');

describe('init', () => {
  it.each(['nvim', 'emacs', 'helix', 'vscode'])(
    'installs the files of %s as they are, and never over others',
    async (editor) => {
      const into = join(directory, editor);
      const first = await runCommand(['init', editor, '--into', into]);
      expect(first).toMatchObject({ exitCode: 0, stderr: '' });
      const command = first.stdout.split('\n').at(-1) ?? '';
      expect(existsSync(/^The command of this installation is (.*)\.$/.exec(command)?.[1] ?? '')).toBe(true);
      expect(readdirSync(into).sort()).toEqual([...filesOf(editor)].sort());
      for (const name of filesOf(editor)) {
        expect(readFileSync(join(into, name), 'utf8')).toBe(readFileSync(join(root, 'editors', editor, name), 'utf8'));
      }
      const again = await runCommand(['init', editor, '--into', into]);
      expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('already, as they are') });
      const [name = ''] = [...filesOf(editor)].sort();
      writeFileSync(join(into, name), 'mine');
      const second = await runCommand(['init', editor, '--into', into]);
      expect(second.exitCode).toBe(1);
      expect(second.stderr).toContain(`${join(into, name)} is there already`);
      expect(readFileSync(join(into, name), 'utf8')).toBe('mine');
    },
  );

  it('prints the one file of Neovim alone on stdout, so that it can be redirected', async () => {
    const { stdout, stderr } = await runCommand(['init', 'nvim']);
    expect(`${stdout}\n`).toBe(readFileSync(join(root, 'editors/nvim/probelens.lua'), 'utf8'));
    expect(stderr).toContain('# Probelens in Neovim');
  });

  it('knows no other editor', async () => {
    const { exitCode, stderr } = await runCommand(['init', 'ed']);
    expect(exitCode).toBe(2);
    expect(stderr.split('\n')[0]).toBe('probelens: "ed" is none of nvim, emacs, helix, vscode.');
  });
});

describe('doctor', () => {
  it('says that Delve is missing, what that means and what mends it', async () => {
    const { stdout } = await runCommand(['doctor', '--json', '--delve', join(directory, 'no-dlv')]);
    const checks = stdout.split('\n').map((line) => JSON.parse(line));
    expect(checks.find(({ id }) => id === 'delve')).toMatchObject({
      state: 'degraded',
      fix: expect.stringMatching(/^go install .*dlv/),
    });
  });

  it('finds Delve and editors where they are, and says which editor knows of probelens', async () => {
    const home = join(directory, 'home');
    const programs = join(home, 'go/bin');
    const lua = join(home, '.config/nvim/lua');
    for (const folder of [programs, lua]) mkdirSync(folder, { recursive: true });
    const script = (name: string, prints: string): void => {
      writeFileSync(join(programs, name), `#!/bin/sh\necho '${prints}'\n`, { mode: 0o755 });
    };
    script('dlv', 'Version: 1.99.0');
    script('nvim', 'NVIM v0.99.1');
    script('hx', 'helix 99.07 (abc)');
    // The checks of the machine itself are not what this is about: without PATH nothing else is found.
    const env = { HOME: home, PATH: '/nonexistent', GOPATH: join(home, 'go'), XDG_CONFIG_HOME: '' };
    const checksIn = async (path: string) => {
      const { stdout } = await runCommand(['doctor', '--json'], { ...env, PATH: path });
      const checks: readonly { id: string; detail: string }[] = stdout.split('\n').map((line) => JSON.parse(line));
      return new Map(checks.map((check) => [check.id, check]));
    };
    const none = await checksIn('/nonexistent');
    expect(none.get('delve')?.detail).toBe(`Version 1.99.0 (${join(programs, 'dlv')}).`);
    expect(none.get('editors')).toMatchObject({ state: 'degraded' });
    const some = await checksIn(`${programs}:/usr/bin:/bin`);
    expect(some.get('editor-helix')?.detail).toMatch(/^Version 99\.07; /);
    expect(some.get('editor-nvim')).toMatchObject({ state: 'degraded', fix: 'probelens init nvim' });
    await runCommand(['init', 'nvim', '--into', lua]);
    writeFileSync(join(home, '.config/nvim/init.lua'), "require('probelens').setup {}\n");
    script('probelens', '');
    const after = await checksIn(`${programs}:/usr/bin:/bin`);
    expect(after.get('editor-nvim')).toMatchObject({
      state: 'ok',
      detail: 'Version 0.99.1, configured for probelens.',
    });
  });

  describe.skipIf(requirement('kernel', 'delve').missing)('where everything is there', () => {
    it('finds nothing broken', async () => {
      const run = await runCommand(['doctor', '--json', '--delve', findDelve() ?? '']);
      const states = new Map(
        run.stdout.split('\n').map((line) => {
          const { id, state } = JSON.parse(line);
          return [id, state];
        }),
      );
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect([...states.values()]).not.toContain('broken');
      expect(states.get('privileges')).toBe('ok');
      expect(states.get('delve')).toBe('ok');
    });
  });
});

describe.skipIf(requirement('go').missing)('export', () => {
  it.each(['bpftrace', 'perf'])('names the place that explain names, for %s', async (format) => {
    const binary = await buildFixture('orders');
    const explained = await runCommand(['explain', binary, 'main.price', '--json']);
    const { offset } = JSON.parse(explained.stdout).sites[0];
    const { exitCode, stdout } = await runCommand(['export', format, binary, '--probe', 'main.price do count']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(offset);
    expect(stdout).toContain(binary);
  });

  it.each([
    { args: ['gdb', 'x', '--probe', 'main.main'], code: 2, says: '"gdb" is neither bpftrace nor perf.' },
    { args: ['perf', 'x'], code: 2, says: "Name the probe: --probe 'main.main do count'." },
  ])('answers $args', async ({ args, code, says }) => {
    const { exitCode, stderr } = await runCommand(['export', ...args]);
    expect(exitCode).toBe(code);
    expect(stderr.split('\n')[0]).toBe(`probelens: ${says}`);
  });

  it('refuses what the tool cannot do', async () => {
    const { exitCode, stderr } = await runCommand([
      'export',
      'perf',
      await buildFixture('orders'),
      '--probe',
      'main.price on goroutine 7 do count',
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toBe('probelens: perf cannot do this probe: it knows no goroutines; use "probelens trace".');
  });
});
