import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { builtCommand, runCommand } from '../../../test/command.js';
import { root } from '../../../test/delve.js';
import { commands } from '../src/commands.js';

const shown = commands.filter(({ summary }) => summary !== undefined).map(({ name }) => name);

describe('probelens', () => {
  it('lists every command that people may use', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const name of shown) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect((await runCommand(['--help'])).stdout).toBe(stdout);
  });

  it.each(shown)('explains the use of %s in two ways', async (name) => {
    const asked = await runCommand(['help', name]);
    const option = await runCommand([name, '--help']);
    expect(asked.stdout).toMatch(new RegExp(`^usage: probelens ${name}`));
    expect(option).toEqual(asked);
    expect(option.exitCode).toBe(0);
  });

  it('prints the version of its package', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8'));
    expect((await runCommand(['--version'])).stdout).toBe(`probelens ${version}`);
  });

  it.each([
    { args: [], says: 'Which command? `probelens help` lists them.' },
    { args: ['functoins'], says: 'There is no command "functoins"; did you mean "functions"?' },
    { args: ['xyzzy'], says: 'There is no command "xyzzy"; see `probelens help`.' },
    { args: ['help', 'verison'], says: 'There is no command "verison"; did you mean "version"?' },
    { args: ['functions'], says: 'BINARY is missing.' },
    { args: ['functions', ''], says: 'BINARY is empty.' },
    { args: ['functions', 'a', 'b'], says: 'There is no place for the argument "b".' },
    { args: ['functions', 'a', '--jsno'], says: 'Unknown option --jsno; did you mean --json?' },
    { args: ['functions', 'a', '--match'], says: 'Option --match needs a value.' },
    { args: ['functions', 'a', '--json=yes'], says: 'Option --json takes no value.' },
    { args: ['functions', 'a', '--match', '('], says: '--match "(" is not a regular expression.' },
  ])('answers wrong usage with exit code 2: $args', async ({ args, says }) => {
    const { exitCode, stdout, stderr } = await runCommand(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toBe(`probelens: ${says}`);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('says in one sentence what failed, with exit code 1', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['functions', join(root, 'no-such-program')]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^probelens: [^\n]*no-such-program[^\n]*\.$/);
  });

  it('answers alike from the script that was compiled ahead and from the modules', async () => {
    const compiled = await builtCommand();
    const modules = join(root, 'packages/cli/dist/main.js');
    // esbuild is itself a Go program.
    const program = createRequire(createRequire(import.meta.url).resolve('esbuild')).resolve(
      `@esbuild/${process.platform}-${process.arch}/bin/esbuild`,
    );
    for (const args of [
      ['functions', program, '--match', '^main\\.', '--json'],
      ['explain', program, 'main.main', '--json'],
      ['explain', program, 'main.mian'],
      ['functions', program, '--mtach', 'x'],
    ]) {
      const [one, other] = await Promise.all(
        [compiled, modules].map((script) => execa(process.execPath, [script, ...args], { reject: false })),
      );
      expect(one?.exitCode).toBe(other?.exitCode);
      expect(one?.stdout).toBe(other?.stdout);
      expect(one?.stderr).toBe(other?.stderr);
      expect(`${one?.stdout}${one?.stderr}`).not.toBe('');
    }
    const { script } = createRequire(import.meta.url)('../bin/reading.js');
    expect(script().cachedDataRejected).toBe(false);
  });

  it('ends quietly when nobody reads any more', async () => {
    const script = await builtCommand();
    const { stderr, stdout } = await execa('bash', [
      '-c',
      `"${process.execPath}" "${script}" help | true; echo "\${PIPESTATUS[0]}"`,
    ]);
    expect({ stderr, stdout }).toEqual({ stderr: '', stdout: '0' });
  });
});
