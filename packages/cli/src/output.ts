/** stdout and stderr of the command. */
import { writeSync } from 'node:fs';

/** One line of text. */
export const printLine = (text: string): void => printBytes(Buffer.from(`${text}\n`));

/** One JSON object a line. */
export const printJson = (value: unknown): void => printLine(JSON.stringify(value));

/**
 * Writes at once: a listing of 60,000 functions must not pile up in memory, and nothing may be lost when the process
 * ends. Throws EPIPE when the reader has gone, which `main` takes for a normal end.
 */
export const printBytes = (bytes: Uint8Array): void => {
  let from = 0;
  while (from < bytes.length) {
    try {
      from += writeSync(1, bytes, from);
    } catch (error) {
      // A pipe that its other end made non-blocking is full: wait until it has room again.
      if (!isSystemError(error) || error.code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
};

const pause = new Int32Array(new SharedArrayBuffer(4));

export interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
}

/** An error of a system call: ENOENT, EACCES. */
export const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
