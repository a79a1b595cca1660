/** Bytes of another process, as they are now. */
import { closeSync, openSync, readSync } from 'node:fs';

export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error;

/** More than any program has: BPF_MAXINSNS is a million instructions. */
const mostBytes = 16 * 1024 * 1024;

/** Undefined where the process is gone or has less there. */
export const memoryOf = (pid: number, address: bigint, length: number): Uint8Array<ArrayBuffer> | undefined => {
  if (length === 0) return new Uint8Array(0);
  if (length > mostBytes || address > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  try {
    const fd = openSync(`/proc/${pid}/mem`, 'r');
    try {
      const bytes = new Uint8Array(length);
      return readSync(fd, bytes, 0, length, Number(address)) === length ? bytes : undefined;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
};

/** A text that may end before `length` bytes, and before the memory does. */
export const textOf = (pid: number, address: bigint, length: number): string => {
  for (let bytes = length; bytes > 0; bytes--) {
    const found = memoryOf(pid, address, bytes);
    if (found === undefined) continue;
    const end = found.indexOf(0);
    return Buffer.from(end < 0 ? found : found.subarray(0, end)).toString('utf8');
  }
  return '';
};
