/** What is to be debugged -> DAP's launch or attach arguments. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import type { Start } from './program.js';

export type TerminalStart =
  /** `path` is absolute. */
  | { readonly kind: 'binary' | 'package' | 'test'; readonly path: string; readonly args: readonly string[] }
  | { readonly kind: 'running'; readonly pid: number };

export interface Prepared {
  readonly start: Start;
  /** Where a package is built; gone after `clean`. */
  clean(): void;
}

/** Throws a system error when there is no room for what is built. */
export const prepare = (start: TerminalStart, kernel: 'auto' | 'off' | 'required'): Prepared => {
  if (start.kind === 'running') {
    const args = { mode: 'local', processId: start.pid, kernel };
    return { start: { kind: 'attach', pid: start.pid, arguments: args }, clean: () => undefined };
  }
  const common = { program: start.path, args: start.args, kernel, stopOnEntry: true };
  if (start.kind === 'binary') {
    const args = { ...common, mode: 'exec', cwd: process.cwd() };
    return { start: { kind: 'launch', arguments: args }, clean: () => undefined };
  }
  // Delve would build into the working directory, and leave that there when it is killed.
  const directory = mkdtempSync(join(tmpdir(), 'probelens-debug-'));
  const output = join(directory, basename(start.path, extname(start.path)));
  const mode = start.kind === 'test' ? 'test' : 'debug';
  const own = extname(start.path) === '.go' ? dirname(start.path) : start.path;
  // Tests run in the directory of their package, as `go test` has it; the build does so for all.
  const args = { ...common, mode, output, dlvCwd: own, cwd: start.kind === 'test' ? own : process.cwd() };
  return {
    start: { kind: 'launch', arguments: args },
    clean: () => rmSync(directory, { recursive: true, force: true }),
  };
};
