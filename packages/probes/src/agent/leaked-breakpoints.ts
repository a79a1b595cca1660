/**
 * Breakpoints of an agent that was killed while it took its probes out: the kernel leaves those in the text (bpf,
 * link/close-together.ts). They do no harm, as the kernel goes on handling them, but they cost each time, and a debugger
 * would take them for somebody else's. On a five-byte nop it is a call instead (optimised-call.ts).
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import type { ChangedText } from './guard-protocol.js';
import { type FileIdentity, openLiveText } from './live-text.js';
import { callBytes, isOptimisedCall, trampolinesOf } from './optimised-call.js';
import { isAlive, type ProcessIdentity } from './process-state.js';
import { liftBreakpoints } from './stray-breakpoints.js';

const BREAKPOINT = 0xcc;

/** EIO: memory of a process that ended while it was read. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EIO'].includes(String(error.code));

const leadsTo = (path: string, file: FileIdentity): boolean => {
  try {
    const stat = statSync(path, { bigint: true });
    return stat.dev === file.device && stat.ino === file.inode;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
};

/** A path to the very file that the process has mapped, also where its own path is another's by now. */
const pathOf = (pid: number, file: FileIdentity): string | undefined => {
  const mapped = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .flatMap((line) => /^([0-9a-f]+-[0-9a-f]+) r-x/.exec(line)?.[1] ?? []);
  return [`/proc/${pid}/exe`, ...mapped.map((range) => `/proc/${pid}/map_files/${range}`)].find((path) =>
    leadsTo(path, file),
  );
};

const bytesOf = (path: string, offsets: readonly number[]): readonly Uint8Array[] => {
  const file = openSync(path, 'r');
  try {
    return offsets.map((offset) => {
      const bytes = new Uint8Array(callBytes);
      return bytes.subarray(0, readSync(file, bytes, 0, callBytes, offset));
    });
  } finally {
    closeSync(file);
  }
};

/** Those of `offsets` at which the process has what a uprobe puts there, and the file has not. */
const leakedAt = (pid: number, path: string, file: FileIdentity, offsets: readonly number[]): readonly number[] => {
  const text = openLiveText(pid, file);
  try {
    const planned = bytesOf(path, offsets);
    const trampolines = trampolinesOf(pid);
    return offsets.filter((offset, index) => {
      const wanted = planned[index] ?? new Uint8Array();
      const live = text.read(offset, wanted.length);
      if (live === undefined) return false;
      const isBreakpoint = live[0] === BREAKPOINT && wanted[0] !== BREAKPOINT;
      return isBreakpoint || isOptimisedCall(wanted, live, text.addressOf(offset) ?? 0, trampolines);
    });
  } finally {
    text.close();
  }
};

/** True when the code is the file's again at all these places, or the process is gone. */
export const mendText = (target: ProcessIdentity, { device, inode, offsets }: ChangedText): boolean => {
  const file: FileIdentity = { device: BigInt(device), inode: BigInt(inode) };
  try {
    if (!isAlive(target)) return true;
    const path = pathOf(target.pid, file);
    if (path === undefined) return true;
    const leaked = leakedAt(target.pid, path, file, offsets);
    if (leaked.length === 0) return true;
    if (liftBreakpoints(target.pid, path, leaked) !== undefined) return false;
    return leakedAt(target.pid, path, file, leaked).length === 0;
  } catch (error) {
    // It ended meanwhile.
    if (isGone(error)) return true;
    throw error;
  }
};
