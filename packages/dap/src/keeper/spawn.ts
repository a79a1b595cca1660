/**
 * Starts the keeper with duplicates of Delve's socket, of the agent's stdout and of Delve's own output, so that none of
 * them reads an end when this process is killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { KeepState } from '../core/output.js';
import { writeStateLine } from './state-line.js';

/** It has nothing to do but to end; one that hangs must not keep the session. */
const dismissedPatienceMs = 5_000;

export interface Kept {
  readonly delve: NodeJS.ReadableStream;
  readonly agent: NodeJS.ReadableStream;
  readonly delveOutput: readonly NodeJS.ReadableStream[];
  /** Of a Delve that this session has started. */
  readonly delvePid: number | undefined;
}

export interface Keeper {
  readonly pid: number | undefined;
  /** Holds what it was given: from now on a SIGKILL of this process is survived. */
  readonly ready: Promise<void>;
  tell(state: KeepState): void;
  /** Everything was left in order: the keeper drops what it holds and ends. */
  dismiss(): Promise<void>;
}

/**
 * Descriptor below a stream. Passing the stream itself would make node stop reading it in this process
 * (lib/internal/child_process.js, "wrap"); passing the number only duplicates it.
 */
const descriptorOf = (stream: NodeJS.ReadableStream): number | undefined => {
  // Not in node's types, but on every net.Socket and pipe since node 0.x (lib/net.js, lib/internal/stream_base_commons.js).
  const handle = (stream as { readonly _handle?: { readonly fd?: unknown } | null })._handle;
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
};

/** Undefined where the descriptors cannot be passed (they are closed, or this is not a Unix). */
export const startKeeper = (command: readonly string[], kept: Kept, state: KeepState): Keeper | undefined => {
  const [file, ...args] = command;
  const delve = descriptorOf(kept.delve);
  const agent = descriptorOf(kept.agent);
  if (file === undefined || delve === undefined || agent === undefined) return undefined;
  const others = kept.delveOutput.map(descriptorOf).filter((fd) => fd !== undefined);
  // Not execa: its types and its stream plumbing have no room for bare descriptors.
  const child = spawn(file, [...args, String(others.length), String(kept.delvePid ?? 0)], {
    stdio: ['pipe', 'pipe', 'ignore', delve, agent, ...others],
    // A session of its own: what kills the adapter's group does not reach it.
    detached: true,
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) return undefined;
  const ended = once(child, 'close').catch(() => undefined);
  // A keeper that is gone can keep nothing; the session goes on without.
  child.on('error', () => undefined);
  stdin.on('error', () => undefined);
  stdin.write(writeStateLine(state));
  const ready = new Promise<void>((resolve) => {
    stdout.once('data', () => resolve());
    stdout.once('close', () => resolve());
  });
  return {
    pid: child.pid,
    ready,
    tell: (next) => {
      if (stdin.writable) stdin.write(writeStateLine(next));
    },
    dismiss: async () => {
      if (stdin.writable) stdin.end('done\n');
      const kill = setTimeout(() => child.kill('SIGKILL'), dismissedPatienceMs);
      await ended;
      clearTimeout(kill);
    },
  };
};
