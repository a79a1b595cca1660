/** What can be said without any privilege: the functions of the program as the binary has them. */
import { execFileSync } from 'node:child_process';
import type { Program } from './programs.js';
import type { Stage } from './stage.js';

interface ListedFunction {
  readonly name: string;
  readonly entry: string;
  readonly size: number;
  readonly line: number;
}

const listed = (stage: Stage, path: string, args: readonly string[]): readonly ListedFunction[] => {
  const [node = '', ...rest] = stage.command;
  const output = execFileSync(node, [...rest, 'functions', path, '--json', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
};

export const demonstrateBinary = async (stage: Stage, program: Program): Promise<void> => {
  const { page } = stage;
  const all = listed(stage, program.path, []);
  const own = all.filter(({ name }) => name.startsWith('main.'));
  page.line(`${all.length} functions, ${own.length} of them in package main; for example`);
  for (const { name, entry, size, line } of own.filter(({ name }) => name === program.function)) {
    page.line(`    ${name}  line ${line}, ${size} bytes at ${entry}`);
  }
  page.check(
    own.some(({ name }) => name === program.function),
    `${program.function} is in the binary`,
  );
  page.check(
    !own.some(({ name }) => name === 'main.notional'),
    'main.notional is not: it was inlined into its callers',
  );
};
