/** Builds a Go program of one file in a directory of its own; returns the path of the binary. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

export const buildSource = async (
  source: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'probelens-source-'));
  const sources = join(directory, 'program');
  await mkdir(sources);
  await writeFile(join(sources, 'go.mod'), 'module program\n\ngo 1.18\n');
  await writeFile(join(sources, 'main.go'), source);
  const binary = join(directory, 'binary');
  await execa('go', ['build', ...flags, '-o', binary, '.'], { cwd: sources, env });
  return binary;
};
