/** What is to be debugged -> DAP's launch or attach arguments. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import type { Start } from './program.js';

export type TerminalStart =
  /** `path` is absolute. */
  | { readonly kind: 'binary' | 'package' | 'test'; readonly path: string; readonly args: readonly string[] }
  | { readonly kind: 'running'; readonly pid: number };

export interface Wishes {
  readonly kernel: 'auto' | 'off' | 'required';
  /** Without Delve: stops are SIGSTOP, and there are no steps. Not for what has to be built first. */
  readonly probeOnly: boolean;
  /** Absolute path of what a program that is started reads: a file, a pipe, a terminal. Undefined: nothing. */
  readonly stdin?: string;
}

export interface Prepared {
  readonly start: Start;
  /** Where a package is built; gone after `clean`. */
  clean(): void;
}

/** Throws a system error when there is no room for what is built. */
export const prepare = (start: TerminalStart, { kernel, probeOnly, stdin }: Wishes): Prepared => {
  const clean = (): void => undefined;
  if (start.kind === 'running') {
    const args = { mode: probeOnly ? 'probe' : 'local', processId: start.pid, kernel };
    return { start: { kind: 'attach', pid: start.pid, arguments: args }, clean };
  }
  const reads = stdin === undefined ? {} : { stdinFrom: stdin };
  const common = { program: start.path, args: start.args, kernel, ...reads };
  if (start.kind === 'binary') {
    const mode = probeOnly ? { mode: 'probe' } : { mode: 'exec', stopOnEntry: true };
    const args = { ...common, ...mode, cwd: process.cwd() };
    return { start: { kind: 'launch', arguments: args, ...(probeOnly ? { waits: start.path } : {}) }, clean };
  }
  // Delve would build into the working directory, and leave that there when it is killed.
  const directory = mkdtempSync(join(tmpdir(), 'probelens-debug-'));
  const output = join(directory, basename(start.path, extname(start.path)));
  const mode = start.kind === 'test' ? 'test' : 'debug';
  const own = extname(start.path) === '.go' ? dirname(start.path) : start.path;
  // Tests run in the directory of their package, as `go test` has it; the build does so for all.
  const args = {
    ...common,
    stopOnEntry: true,
    mode,
    output,
    dlvCwd: own,
    cwd: start.kind === 'test' ? own : process.cwd(),
  };
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  // Also where nobody gets to clean: whoever reads what is printed may go first.
  process.once('exit', remove);
  return { start: { kind: 'launch', arguments: args }, clean: remove };
};
