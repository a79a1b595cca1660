/**
 * Units in types. An address in the running program and an offset in its file are both numbers and are never the same
 * number; mixing them up plants a probe in the wrong place. Both stay below 2^53 and are checked where they enter.
 */

declare const unit: unique symbol;

/** Address in the program as linked (ELF `p_vaddr` space, no load bias). Bytes. */
export type VirtualAddress = number & { readonly [unit]: 'VirtualAddress' };

/** Position in the binary's file. Bytes. */
export type FileOffset = number & { readonly [unit]: 'FileOffset' };

const checked = (value: number, what: string): number => {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${what} ${value} is not an integer in [0, 2^53)`);
  return value;
};

export const virtualAddress = (value: number): VirtualAddress => checked(value, 'address') as VirtualAddress;

export const fileOffset = (value: number): FileOffset => checked(value, 'file offset') as FileOffset;

/** "0x4ad90a": how addresses and offsets look in every JSON answer. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
