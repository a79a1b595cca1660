/**
 * The code of a running process beside the code of its file. Before a probe goes in, the two must agree at its place:
 * a breakpoint that somebody wrote there would be hidden, or written back over the probe later.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** What stat(2) says of a file: the kernel's own name for it. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

interface ExecutableMapping {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

// proc_pid_maps(5): start-end perms offset major:minor inode path
const MAPS_LINE = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ (\d+)/;

/**
 * Executable mappings of a file. Only the inode is compared: on overlay and btrfs file systems the device in `maps` is
 * not the one that stat reports. A false match would need two mapped files of one inode number, and would end in a
 * refusal.
 */
const executableMappings = (pid: number, file: FileIdentity): readonly ExecutableMapping[] =>
  readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, start, end, permissions, offset, inode] = MAPS_LINE.exec(line) ?? [];
      if (start === undefined || end === undefined || offset === undefined || inode === undefined) return [];
      if (permissions?.[2] !== 'x' || BigInt(inode) !== file.inode) return [];
      return [
        { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), offset: Number.parseInt(offset, 16) },
      ];
    });

export interface LiveText {
  /** `length` bytes of the process at a file offset; undefined where the file is not mapped executable. */
  read(offset: number, length: number): Uint8Array | undefined;
  /** Where a file offset is in the process; undefined where the file is not mapped executable. */
  addressOf(offset: number): number | undefined;
  readonly mapped: boolean;
  close(): void;
}

/** Throws ENOENT or ESRCH when the process is gone. */
export const openLiveText = (pid: number, file: FileIdentity): LiveText => {
  const mappings = executableMappings(pid, file);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const addressOf = (offset: number, length: number): number | undefined => {
    const mapping = mappings.find(
      (each) => offset >= each.offset && offset + length <= each.offset + each.end - each.start,
    );
    return mapping && mapping.start + offset - mapping.offset;
  };
  return {
    mapped: mappings.length > 0,
    addressOf: (offset) => addressOf(offset, 1),
    read(offset, length) {
      const address = addressOf(offset, length);
      if (address === undefined) return undefined;
      const bytes = new Uint8Array(length);
      return readSync(memory, bytes, 0, length, address) === length ? bytes : undefined;
    },
    close: () => closeSync(memory),
  };
};
