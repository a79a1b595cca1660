/** Every command in the README works as printed. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands as subcommands } from '../packages/cli/src/commands.js';
import { builtCommand } from './command.js';
import { root } from './delve.js';
import { requirement } from './requirements.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');

const commands = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
  block.split('\n').filter((line) => line !== ''),
);

/** What is said between the lines: `probelens dap --listen ...`, `npm run soak`. */
const mentioned = [...readme.matchAll(/`((?:probelens|npm) [^`]*)`/g)].map(([, text = '']) => text);

const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);

/** Run by CI before this very test, or part of it, or too long: their scripts must exist. */
const isScript = (command: string): boolean => /^npm (run [\w:]+|test)$/.test(command);

/** `doctor` ends with exit code 1 where probes cannot work. */
const needsKernel = (command: string): boolean => /\bprobelens (trace|doctor|debug)\b/.test(command);

const scriptName = (command: string): string => command.split(' ').at(-1) ?? '';

let home = '';

/** In the order of the README: the first of them builds what the others look at. */
const works = async (command: string): Promise<void> => {
  await builtCommand();
  // What goes into somebody's home goes into an empty one; the tools keep their caches.
  const env = command.includes('~/') ? { HOME: home, npm_config_cache: join(homedir(), '.npm') } : {};
  const { exitCode, stdout, stderr } = await execa('bash', ['-c', command], { cwd: root, reject: false, env });
  // npm itself may have something to say about its configuration.
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('npm '));
  expect({ exitCode, said }).toEqual({ exitCode: 0, said: [] });
  if (/\bnpx /.test(command)) expect(stdout).not.toBe('');
  if (/\bprobelens debug\b/.test(command)) expect(stdout).toMatch(/> breakpoint 1 {2}main\.price[\s\S]*^o = .*Qty: 0/m);
};

describe('README', () => {
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'probelens-home-'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it('begins with the demo and the tests, and CI runs both', () => {
    const [demo, tests] = commands;
    const ci = readFileSync(join(root, '.ci/run'), 'utf8').split('\n');
    expect(ci).toContain(demo);
    expect(ci).toContain(tests);
  });

  it.each(commands.filter(isScript))('%s is there', (command) => {
    expect(scripts[scriptName(command)]).toBeTypeOf('string');
  });

  it('mentions only commands and scripts that exist', () => {
    const unknown = mentioned.filter((text) => {
      const [program, name = ''] = text.split(/\s+/);
      if (program === 'npm') return !isScript(text) || scripts[scriptName(text)] === undefined;
      return !subcommands.some((known) => known.name === name);
    });
    expect(unknown).toEqual([]);
    expect(mentioned.length).toBeGreaterThan(5);
  });

  it('shows and names files that are there', () => {
    const linked = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path);
    const named = [...readme.matchAll(/`((?:packages|editors|fixtures|test|\.ci)\/[\w./-]*)`/g)].map(
      ([, path = '']) => path,
    );
    expect([...linked, ...named].filter((path) => !path.startsWith('http') && !existsSync(join(root, path)))).toEqual(
      [],
    );
    expect(linked.length).toBeGreaterThan(0);
  });

  describe.skipIf(requirement('go').missing)('the command', () => {
    const others = commands.filter((command) => !isScript(command));
    it.each(others.filter((command) => !needsKernel(command)))('%s', works);
    it('has written the configuration of every editor', async () => {
      const files = await readdir(home, { recursive: true });
      for (const name of ['probelens.lua', 'probelens.el', 'languages.toml', 'launch.json'])
        expect(files.filter((file) => file.endsWith(`/${name}`))).toHaveLength(1);
    });
    describe.skipIf(requirement('kernel', 'delve').missing)('with the kernel', () => {
      it.each(others.filter(needsKernel))('%s', works);
    });
  });
});
