/** Where the bytes of a binary come from: a file read by position, or memory. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { FormatError } from '../errors.js';

export interface ByteSource {
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes; FormatError "truncated" where the source ends before them. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** Far above any section of a real program; a sparse file may claim more than the machine's memory. */
const LARGEST_READ = 1024 * 1024 * 1024;

const checkRange = (size: number, offset: number, length: number): void => {
  if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
    throw new FormatError(
      'truncated',
      `the file ends at byte ${size}, but its headers promise ${length} bytes at ${offset}; it was cut short, build or copy it again`,
      { offset, expected: `${length} bytes`, found: `${Math.max(0, size - offset)}` },
    );
  }
  if (length <= LARGEST_READ) return;
  throw new FormatError(
    'too-large',
    `one table of the file has ${length} bytes, more than can be read; build it again`,
    {
      offset,
      expected: `at most ${LARGEST_READ} bytes`,
      found: `${length}`,
    },
  );
};

export class MemorySource implements ByteSource {
  readonly size: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.size = bytes.length;
  }

  read(offset: number, length: number): Uint8Array {
    checkRange(this.size, offset, length);
    return this.bytes.subarray(offset, offset + length);
  }

  close(): void {}
}

/** Positional reads only: no size limit, and a pipe or a device is refused before it is opened. */
export class FileSource implements ByteSource {
  readonly size: number;
  private readonly path: string;
  private readonly modified: number;
  private descriptor: number | undefined;

  constructor(path: string) {
    this.path = path;
    const before = statistics(path);
    if (!before.isFile()) {
      const kind = before.isDirectory() ? 'a directory' : 'not a regular file';
      throw new FormatError('not-a-regular-file', `${path} is ${kind}; name the program's file itself`);
    }
    this.descriptor = openForReading(path);
    const now = fstatSync(this.descriptor);
    this.size = now.size;
    this.modified = now.mtimeMs;
  }

  read(offset: number, length: number): Uint8Array {
    checkRange(this.size, offset, length);
    const buffer = Buffer.allocUnsafeSlow(length);
    const descriptor = this.opened();
    let done = 0;
    while (done < length) {
      const count = readSync(descriptor, buffer, done, length - done, offset + done);
      if (count === 0) throw this.changed(offset + done);
      done += count;
    }
    if (fstatSync(descriptor).mtimeMs !== this.modified) throw this.changed(offset);
    return buffer;
  }

  close(): void {
    if (this.descriptor === undefined) return;
    closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private opened(): number {
    if (this.descriptor === undefined) throw new FormatError('closed', `${this.path} was closed; open it again`);
    return this.descriptor;
  }

  private changed(offset: number): FormatError {
    return new FormatError(
      'changed-while-read',
      `${this.path} changed while it was read; wait until the build is done and open it again`,
      { offset },
    );
  }
}

const statistics = (path: string): Stats => {
  try {
    return statSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
};

const openForReading = (path: string): number => {
  try {
    // O_NONBLOCK: should the path become a pipe between stat and open, opening it must not wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, cause);
  }
};

const unreadable = (path: string, cause: unknown): FormatError => {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new FormatError('no-such-file', `there is no file ${path}; build the program or name another path`, {
      cause,
    });
  }
  const advice = code === 'EACCES' || code === 'EPERM' ? 'check its permissions' : 'name another path';
  return new FormatError('unreadable', `${path} cannot be read (${code}); ${advice}`, { cause });
};
