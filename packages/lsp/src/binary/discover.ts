/** Finds the Go programs in a directory tree: what a person built there, newest first. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import type { Program } from '../module/package-prefix.js';
import type { Candidate, DiscoverParams } from './protocol.js';

/** Directories that hold no programs of the module itself, and may be enormous. */
const passedOver = new Set(['.git', '.hg', '.svn', 'node_modules', 'vendor', 'testdata']);

/** Entries looked at: a bound on time in a home directory that happens to have a go.mod. */
const entryLimit = 200_000;

/** Programs opened for their build info, newest first. */
const openLimit = 32;

interface Found {
  readonly path: string;
  readonly modified: number;
}

const isSystemError = (error: unknown): boolean => error instanceof Error && 'code' in error;

/** Files that may be executed, with their times; unreadable directories are passed over. */
async function executables(root: string): Promise<Found[]> {
  const found: Found[] = [];
  const pending = [root];
  let seen = 0;
  for (let directory = pending.pop(); directory !== undefined && seen < entryLimit; directory = pending.pop()) {
    const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
      if (!isSystemError(error)) throw error;
      return [];
    });
    seen += entries.length;
    // A directory with a go.mod of its own is another module; its programs are found from there.
    if (directory !== root && entries.some((entry) => entry.name === 'go.mod')) continue;
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && !passedOver.has(entry.name)) pending.push(path);
      else if (entry.isFile() && !entry.name.endsWith('.go')) {
        const file = await stat(path).catch(() => undefined);
        if (file !== undefined && (file.mode & 0o111) !== 0) found.push({ path, modified: file.mtimeMs });
      }
    }
  }
  return found.sort((a, b) => b.modified - a.modified || (a.path < b.path ? -1 : 1));
}

/** "\x7fELF" */
async function isElf(path: string): Promise<boolean> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      return bytesRead === 4 && buffer.readUInt32BE() === 0x7f454c46;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/**
 * Whether `go test` made the program. Its build info says so in some versions only ("example.com/orders.test", but not
 * in Go 1.26); that it runs tests is in all of them.
 */
export const isTestProgram = (binary: GoBinary): boolean => binary.functionsNamed('testing.(*M).Run').length > 0;

async function programOf(path: string): Promise<Program | undefined> {
  try {
    const binary = await openGoBinary(path);
    try {
      return { mainPackage: binary.mainPackage, isTest: isTestProgram(binary) };
    } finally {
      binary.close();
    }
  } catch (error) {
    // Not a Go program, or one that is just being written: the next scan sees it again.
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}

/** Whether a main package lies in a module; programs of unknown origin count, as they lie in its directory. */
const belongs = (mainPackage: string | undefined, modulePath: string | undefined): boolean => {
  if (mainPackage === undefined || modulePath === undefined || mainPackage === 'command-line-arguments') return true;
  return mainPackage === modulePath || mainPackage === `${modulePath}.test` || mainPackage.startsWith(`${modulePath}/`);
};

export async function discover({ root, modulePath }: DiscoverParams): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = [];
  let opened = 0;
  for (const { path, modified } of await executables(root)) {
    if (opened >= openLimit) break;
    if (!(await isElf(path))) continue;
    opened++;
    const program = await programOf(path);
    if (program !== undefined && belongs(program.mainPackage, modulePath))
      candidates.push({ path, modified, ...program });
  }
  return candidates;
}
