/** Starts a program that waits before its first instruction, so that no hit is missed. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { execa } from 'execa';
import { notStarted } from './failure.js';

export interface HeldProgram {
  readonly pid: number;
  /** Lets the program begin. */
  release(): void;
  /** Resolves at its end: its exit code, undefined after a signal. */
  readonly exited: Promise<number | undefined>;
  /** The same, and which signal it was. */
  readonly ended: Promise<{ readonly code: number | undefined; readonly signal: string | undefined }>;
  /** Its output, with `stdio: "pipe"` only. */
  readonly output: { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream } | undefined;
}

export interface Launch {
  readonly path: string;
  readonly args: readonly string[];
  /** What becomes of the program's streams; default: they are the tracer's own. "pipe": `output` has them, no input. */
  readonly stdio?: 'inherit' | 'ignore' | 'pipe';
  /** File that it reads instead; opened when it begins. */
  readonly stdin?: string;
  /** Default: the tracer's own. */
  readonly cwd?: string;
  /** Added to the tracer's own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * A shell that reads one line and then becomes the program: process id and thread-group id stay the same over exec, so
 * probes can be armed for them before the program's first page is mapped. When the tracer dies first, the line never
 * comes and the shell ends: a process that had stopped itself would stay for ever.
 */
const HOLD_THEN_BECOME = 'read -r go <&3 && exec "$0" "$@" 3<&-';
/** The first argument is the file. */
const HOLD_THEN_READ = 'read -r go <&3 && file="$1" && shift && exec "$0" "$@" 3<&- <"$file"';

/**
 * Through sudo the program is still the person's: it runs as the user who asked, whose processes are those that the agent
 * probes (agent/admission.ts). Without their further groups.
 */
const askingUser = (env: NodeJS.ProcessEnv = process.env): { uid?: number; gid?: number } => {
  const { SUDO_UID: uid, SUDO_GID: gid } = env;
  if (process.getuid?.() !== 0 || uid === undefined || gid === undefined || !/^\d+ \d+$/.test(`${uid} ${gid}`))
    return {};
  return { uid: Number(uid), gid: Number(gid) };
};

/** Rejects with a sentence when the file cannot be executed. */
export const launchHeld = async (launch: Launch): Promise<HeldProgram> => {
  const path = resolve(launch.path);
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    throw notStarted(path, error instanceof Error && 'code' in error ? String(error.code) : 'it may not be executed');
  }
  const stdio = launch.stdio ?? 'inherit';
  const { args, stdin } = launch;
  const become = stdin === undefined ? [HOLD_THEN_BECOME, path] : [HOLD_THEN_READ, path, stdin];
  const child = execa('/bin/sh', ['-c', ...become, ...args], {
    stdio: [stdio === 'pipe' ? 'ignore' : stdio, stdio, stdio, 'pipe'],
    buffer: false,
    reject: false,
    cleanup: false,
    ...(launch.cwd === undefined ? {} : { cwd: launch.cwd }),
    ...(launch.env === undefined ? {} : { env: launch.env }),
    ...askingUser(),
  });
  const { pid } = child;
  const ended = child.then(({ exitCode, signal }) => ({ code: exitCode, signal }));
  const gate = child.stdio[3];
  if (pid === undefined || !(gate instanceof Duplex)) throw notStarted(path, 'there is no /bin/sh');
  // Killed while it waited: its end tells that, the stream's error adds nothing.
  gate.on('error', () => undefined).resume();
  const { stdout, stderr } = child;
  return {
    pid,
    ended,
    exited: ended.then(({ code }) => code),
    release: () => gate.end('\n'),
    output: stdout === null || stderr === null ? undefined : { stdout, stderr },
  };
};
