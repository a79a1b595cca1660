/**
 * What the kernel makes of a uprobe on a five-byte nop that runs often (arch/x86/kernel/uprobes.c, Linux >= 6.18): a call
 * into a page that it maps beside the code for this. An owner that is killed while it takes its uprobe out may leave the
 * call, as it may leave a breakpoint (measured: at the first of 25 kills). It does no harm but costs time at each pass; a
 * uprobe that is put there and taken out again takes it along.
 */
import { readFileSync } from 'node:fs';

export const callBytes = 5;
const CALL = 0xe8;

/** nopl 0x0(%rax,%rax,1) and the others of five bytes that the kernel takes (insn_nop5, can_optimize). */
const fiveByteNop = '0f1f440000';

export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** The pages of calls; none before Linux 6.18. Throws what readFileSync throws when the process is gone. */
export const trampolinesOf = (pid: number): readonly AddressRange[] =>
  readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) .*\[uprobes-trampoline\]$/.exec(line) ?? [];
      if (start === undefined || end === undefined) return [];
      return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) }];
    });

/** Whether the five bytes at an address of the process are such a call, and a nop in the file. */
export const isOptimisedCall = (
  planned: Uint8Array,
  live: Uint8Array,
  address: number,
  trampolines: readonly AddressRange[],
): boolean => {
  if (live[0] !== CALL || planned.length < callBytes || live.length < callBytes) return false;
  if (Buffer.from(planned.subarray(0, callBytes)).toString('hex') !== fiveByteNop) return false;
  const distance = new DataView(live.buffer, live.byteOffset + 1, callBytes - 1).getInt32(0, true);
  const target = address + callBytes + distance;
  return trampolines.some(({ start, end }) => target >= start && target < end);
};
