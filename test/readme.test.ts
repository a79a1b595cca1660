/** Every command in the README works as printed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { builtCommand } from './command.js';
import { root } from './delve.js';
import { requirement } from './requirements.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');

const commands = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
  block.split('\n').filter((line) => line !== ''),
);

const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);

/** Run by CI before this very test, or part of it, or too long: their scripts must exist. */
const isScript = (command: string): boolean => /^npm (run \w+|test)$/.test(command);

/** `doctor` ends with exit code 1 where probes cannot work. */
const needsKernel = (command: string): boolean => /^npx probelens (trace|doctor)\b/.test(command);

const scriptName = (command: string): string => command.split(' ').at(-1) ?? '';

/** In the order of the README: the first of them builds what the others look at. */
const works = async (command: string): Promise<void> => {
  await builtCommand();
  const { exitCode, stdout, stderr } = await execa('bash', ['-c', command], { cwd: root, reject: false });
  // npm itself may have something to say about its configuration.
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('npm '));
  expect({ exitCode, said }).toEqual({ exitCode: 0, said: [] });
  if (command.startsWith('npx ')) expect(stdout).not.toBe('');
};

describe('README', () => {
  it('begins with the demo and the tests, and CI runs both', () => {
    const [demo, tests] = commands;
    const ci = readFileSync(join(root, '.ci/run'), 'utf8').split('\n');
    expect(ci).toContain(demo);
    expect(ci).toContain(tests);
  });

  it.each(commands.filter(isScript))('%s is there', (command) => {
    expect(scripts[scriptName(command)]).toBeTypeOf('string');
  });

  describe.skipIf(requirement('go').missing)('the command', () => {
    const others = commands.filter((command) => !isScript(command));
    it.each(others.filter((command) => !needsKernel(command)))('%s', works);
    describe.skipIf(requirement('kernel').missing)('with the kernel', () => {
      it.each(others.filter(needsKernel))('%s', works);
    });
  });
});
