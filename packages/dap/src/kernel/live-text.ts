/** The running program's code beside that of its file. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { GoBinary, LineAddress } from '@probelens/gosym';
import type { StrangerPlace } from '../core/kernel-words.js';
import { isGone } from './target.js';

/** x86-64; on arm64 a foreign BRK has an operand of its own and is not recognised here. */
const int3 = 0xcc;

/** Runs that begin with an int3 in memory and with something else in the file. `bias`: see KernelRoom. */
export const foreignBreakpoints = (
  pid: number,
  binary: GoBinary,
  runs: readonly LineAddress[],
  bias: number,
): readonly StrangerPlace[] => {
  if (binary.machine !== 'amd64' || runs.length === 0) return [];
  let memory: number;
  try {
    memory = openSync(`/proc/${pid}/mem`, 'r');
  } catch (error) {
    // Of another user, or gone: nothing can be said.
    if (isGone(error)) return [];
    throw error;
  }
  try {
    const byte = Buffer.alloc(1);
    return runs.flatMap(({ address, host, chain }) => {
      if (readSync(memory, byte, 0, 1, address + bias) !== 1 || byte[0] !== int3) return [];
      if (binary.code(host)[address - host.entry] === int3) return [];
      const [position] = chain;
      return [{ function: host.name, file: position?.file ?? host.file, line: position?.line ?? host.line }];
    });
  } finally {
    closeSync(memory);
  }
};
