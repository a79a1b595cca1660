/** Starts a program that waits before its first instruction, so that no hit is missed. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { isStopped, sendSignal } from '../agent/process-state.js';
import { notStarted } from './failure.js';

export interface HeldProgram {
  readonly pid: number;
  /** Lets the program begin. */
  release(): void;
  /** Resolves at its end: its exit code, undefined after a signal. */
  readonly exited: Promise<number | undefined>;
}

export interface Launch {
  readonly path: string;
  readonly args: readonly string[];
  /** What becomes of the program's streams; default: they are the tracer's own. */
  readonly stdio?: 'inherit' | 'ignore';
}

/**
 * A shell that stops itself and then becomes the program: process id and thread-group id stay the same over exec, so
 * probes can be armed for them before the program's first page is mapped.
 */
const HOLD_THEN_BECOME = 'kill -STOP $$; exec "$0" "$@"';

/** Between two looks at whether the shell has stopped itself. Milliseconds. */
const LOOK_EVERY_MS = 1;

/** Rejects with a sentence when the file cannot be executed. */
export const launchHeld = async (launch: Launch): Promise<HeldProgram> => {
  const path = resolve(launch.path);
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    throw notStarted(path, error instanceof Error && 'code' in error ? String(error.code) : 'it may not be executed');
  }
  const stdio = launch.stdio ?? 'inherit';
  const child = execa('/bin/sh', ['-c', HOLD_THEN_BECOME, path, ...launch.args], {
    stdin: stdio,
    stdout: stdio,
    stderr: stdio,
    buffer: false,
    reject: false,
    cleanup: false,
  });
  const { pid } = child;
  const exited = child.then((result) => result.exitCode);
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  if (pid === undefined) throw notStarted(path, 'there is no /bin/sh');
  while (!isStopped(pid)) {
    if (ended) throw notStarted(path, 'it ended at once');
    await new Promise((later) => setTimeout(later, LOOK_EVERY_MS));
  }
  return { pid, exited, release: () => void sendSignal(pid, 'SIGCONT') };
};
