/** arm64 instructions by their fixed encodings, four bytes each, little endian (Arm Architecture Reference Manual, C4). */
import type { Decoded } from '../x86/decode.js';

const bytes = 4;

/** MOVD 16(R28), R16: the stack guard of the current g, the first instruction of every stack check. */
const loadGuard = 0xf9400b90;

/** RET: return to the link register. */
const ret = 0xd65f03c0;

interface Word {
  readonly address: number;
  readonly word: number;
}

const words = (code: Uint8Array, address: number): readonly Word[] => {
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  return Array.from({ length: Math.floor(code.length / bytes) }, (_, index) => ({
    address: address + index * bytes,
    word: view.getUint32(index * bytes, true),
  }));
};

const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);

const isConditional = (word: number): boolean => word >>> 24 === 0x54;

/** Target of B, B.cond, CBZ, CBNZ, TBZ and TBNZ; calls are not jumps. */
const target = ({ address, word }: Word): number | undefined => {
  if (word >>> 26 === 0b000101) return address + signed(word & 0x3ffffff, 26) * bytes;
  if (isConditional(word) || ((word >>> 25) & 0x3f) === 0b011010)
    return address + signed((word >>> 5) & 0x7ffff, 19) * bytes;
  if (((word >>> 25) & 0x3f) === 0b011011) return address + signed((word >>> 5) & 0x3fff, 14) * bytes;
  return undefined;
};

const decoded = (code: Uint8Array, start: number, { address, word }: Word): Decoded => ({
  address,
  bytes: code.subarray(address - start, address - start + bytes),
  flow: word === ret ? 'return' : 'next',
  target: undefined,
  writesMemory: false,
  memoryBase: '',
  memoryIndex: '',
  displacement: 0,
  pcRelative: false,
  written: [],
  mnemonic: '',
});

/** A stack check is at most seven instructions long (cmd/internal/obj/arm64, stacksplit, huge frames). */
const longestCheck = 8;

/**
 * The first instruction after the stack check, or of a function that checks nothing: passed once per call, with every
 * argument where the caller put it. Undefined when something jumps back to it.
 */
export const entryInstruction = (code: Uint8Array, entry: number): Decoded | undefined => {
  const all = words(code, entry);
  const branch =
    all[0]?.word === loadGuard ? all.slice(0, longestCheck).findLastIndex(({ word }) => isConditional(word)) : -1;
  if (all[0]?.word === loadGuard && branch < 0) return undefined;
  const site = all[branch + 1];
  if (site === undefined || all.some((each) => target(each) === site.address)) return undefined;
  return decoded(code, entry, site);
};

/** Every RET. */
export const returnInstructions = (code: Uint8Array, entry: number): readonly Decoded[] =>
  words(code, entry)
    .filter(({ word }) => word === ret)
    .map((each) => decoded(code, entry, each));
