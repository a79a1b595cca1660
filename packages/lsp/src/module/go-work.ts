/** The modules that people work on together: go.work, of the nearest directory at or above (cmd/go, `go help work`). */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { statIfThere } from '../disk.js';
import { type GoModule, readModule } from './go-module.js';

/** As for go.mod. */
const largestWorkFile = 4 * 1024 * 1024;

/** A word, or what stands in quotes. */
const pathIn = (text: string): string => {
  const [, double, back, bare = ''] = /^(?:"([^"]*)"|`([^`]*)`|(\S+))/.exec(text) ?? [];
  return double ?? back ?? bare;
};

/** Directories as written behind `use`, one by one or in parentheses (golang.org/ref/mod#workspaces). */
export function parseUses(text: string): readonly string[] {
  const uses: string[] = [];
  let inside = false;
  for (const line of text.replaceAll(/\/\/.*$/gm, '').split(/\r?\n/)) {
    const words = line.trim();
    const rest = /^use(?:\s+|(?=\())(.*)$/.exec(words)?.[1];
    if (inside && words.startsWith(')')) inside = false;
    else if (inside && words !== '') uses.push(pathIn(words));
    else if (rest?.startsWith('(') === true) inside = true;
    else if (rest !== undefined && rest !== '') uses.push(pathIn(rest));
  }
  return uses;
}

const workText = (directory: string): string | undefined => {
  const file = join(directory, 'go.work');
  const stat = statIfThere(file);
  if (stat === undefined || !stat.isFile() || stat.size > largestWorkFile) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
};

/** Empty outside of any. */
export function workModules(directory: string): readonly GoModule[] {
  for (let at = directory; ; at = dirname(at)) {
    const text = workText(at);
    if (text !== undefined)
      return parseUses(text)
        .map((use) => readModule(isAbsolute(use) ? use : join(at, use)))
        .filter((module) => module !== undefined);
    if (dirname(at) === at) return [];
  }
}
