/** The running program's code beside that of its file. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { GoBinary, LineAddress } from '@probelens/gosym';
import type { StrangerPlace } from '../core/kernel-words.js';
import { isGone } from './target.js';

/** x86-64; on arm64 a foreign BRK has an operand of its own and is not recognised here. */
const int3 = 0xcc;

/** `address`: in memory. `bytes`: lower-case hex, as in the file. */
export interface TextPlace {
  readonly address: bigint;
  readonly bytes: string;
}

/** Undefined for a process that is gone, or another user's: nothing can be said of it. */
const openedMemory = (pid: number): number | undefined => {
  try {
    return openSync(`/proc/${pid}/mem`, 'r');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
};

/** Undefined where nothing is mapped, or the process has ended meanwhile (EIO). */
const bytesAt = (memory: number, address: bigint, length: number): Buffer | undefined => {
  const found = Buffer.alloc(length);
  try {
    return readSync(memory, found, 0, length, Number(address)) < length ? undefined : found;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
};

/** Indexes of the places whose bytes in memory are others. None where nobody may look, or the process is gone. */
export const changedPlaces = (pid: number, places: readonly TextPlace[]): readonly number[] => {
  const memory = openedMemory(pid);
  if (memory === undefined) return [];
  try {
    return places.flatMap(({ address, bytes }, index) => {
      const found = bytesAt(memory, address, bytes.length / 2);
      return found === undefined || found.equals(Buffer.from(bytes, 'hex')) ? [] : [index];
    });
  } finally {
    closeSync(memory);
  }
};

/** Runs that begin with an int3 in memory and with something else in the file. `bias`: see KernelRoom. */
export const foreignBreakpoints = (
  pid: number,
  binary: GoBinary,
  runs: readonly LineAddress[],
  bias: number,
): readonly StrangerPlace[] => {
  if (binary.machine !== 'amd64' || runs.length === 0) return [];
  const memory = openedMemory(pid);
  if (memory === undefined) return [];
  try {
    return runs.flatMap(({ address, host, chain }) => {
      if (bytesAt(memory, BigInt(address + bias), 1)?.[0] !== int3) return [];
      if (binary.code(host)[address - host.entry] === int3) return [];
      const [position] = chain;
      return [{ function: host.name, file: position?.file ?? host.file, line: position?.line ?? host.line }];
    });
  } finally {
    closeSync(memory);
  }
};
