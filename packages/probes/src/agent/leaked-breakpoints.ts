/**
 * Breakpoints of an agent that was killed while it took its probes out: the kernel leaves those in the text (bpf,
 * link/close-together.ts). They do no harm, as the kernel goes on handling them, but they cost each time, and a debugger
 * would take them for somebody else's.
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import type { ChangedText } from './guard-protocol.js';
import { type FileIdentity, openLiveText } from './live-text.js';
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

const bytesOf = (path: string, offsets: readonly number[]): readonly (number | undefined)[] => {
  const file = openSync(path, 'r');
  try {
    const byte = new Uint8Array(1);
    return offsets.map((offset) => (readSync(file, byte, 0, 1, offset) === 1 ? byte[0] : undefined));
  } finally {
    closeSync(file);
  }
};

/** Those of `offsets` at which the process has a breakpoint and the file has not. */
const leakedAt = (pid: number, path: string, file: FileIdentity, offsets: readonly number[]): readonly number[] => {
  const text = openLiveText(pid, file);
  try {
    const planned = bytesOf(path, offsets);
    return offsets.filter((offset, index) => text.read(offset, 1)?.[0] === BREAKPOINT && planned[index] !== BREAKPOINT);
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
