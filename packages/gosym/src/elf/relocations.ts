/**
 * RELATIVE relocations with addends (RELA): in a position-independent program linked by the system linker the pointers
 * in the file are zero and their values stand in the addends. Found through PT_DYNAMIC, so that stripped section tables
 * do not matter. Machines that use REL keep the value in place and need nothing.
 */
import type { Bytes, BytesOrigin } from '../bytes.js';
import { relativeRelocation } from './machine.js';
import type { ElfHeader, Segment } from './raw.js';
import type { ByteSource } from './source.js';

const PT_DYNAMIC = 2;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_NULL = 0;
const DT_SYMTAB = 6;
const DT_FLAGS_1 = 0x6fff_fffb;
/** The file is a program, although its type is that of a library. */
const DF_1_PIE = 0x0800_0000;
const R_X86_64_TPOFF64 = 18;
const SYM64_BYTES = 24;
const RELA64_BYTES = 24;

/** What of an image the relocations are read from and written to. */
interface LoadedImage {
  readonly source: ByteSource;
  readonly header: ElfHeader;
  readonly pointerSize: 4 | 8;
  readonly segments: readonly Segment[];
  /** Bytes of the file at an address. */
  readAt(address: number, length: number, what: string): Bytes;
  bytes(data: Uint8Array, origin: BytesOrigin): Bytes;
}

/** Places and their values, both addresses, ascending by place. */
export interface RelativeRelocations {
  readonly places: Float64Array;
  readonly values: Float64Array;
}

const NONE: RelativeRelocations = { places: new Float64Array(0), values: new Float64Array(0) };

export const readRelativeRelocations = (image: LoadedImage): RelativeRelocations => {
  const wanted = relativeRelocation(image.header);
  const table = wanted === undefined ? undefined : relaTable(image);
  if (table === undefined) return NONE;
  const count = Math.floor(table.length / RELA64_BYTES);
  const places = new Float64Array(count);
  const values = new Float64Array(count);
  let used = 0;
  for (let at = 0; at + RELA64_BYTES <= table.length; at += RELA64_BYTES) {
    // r_info: type in the lower 32 bits, symbol (0 for RELATIVE) in the upper.
    if (table.u32(table.littleEndian ? at + 8 : at + 12) !== wanted) continue;
    const place = table.wordOrUndefined(at, 8);
    const value = table.wordOrUndefined(at + 16, 8);
    if (place === undefined || value === undefined) continue;
    places[used] = place;
    values[used] = value;
    used += 1;
  }
  return ascending(places.subarray(0, used), values.subarray(0, used));
};

const relaTable = (image: LoadedImage): Bytes | undefined => {
  const tags = dynamicTags(image);
  const address = tags.get(DT_RELA);
  const size = tags.get(DT_RELASZ);
  if (address === undefined || size === undefined || size === 0) return undefined;
  return image.readAt(address, size, 'the relocation table');
};

/** Entries of PT_DYNAMIC by tag, 64-bit programs only; the last of a kind counts. */
const dynamicTags = (image: LoadedImage): ReadonlyMap<number, number> => {
  const tags = new Map<number, number>();
  const dynamic = image.segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined || image.pointerSize !== 8) return tags;
  const data = image.source.read(dynamic.offset, Math.min(dynamic.fileSize, 64 * 1024));
  const entries = image.bytes(data, { what: 'the dynamic section', fileOffset: dynamic.offset, code: 'bad-elf' });
  for (let at = 0; at + 16 <= entries.length; at += 16) {
    const tag = entries.wordOrUndefined(at, 8);
    if (tag === DT_NULL) break;
    const value = entries.wordOrUndefined(at + 8, 8);
    if (tag !== undefined && value !== undefined) tags.set(tag, value);
  }
  return tags;
};

/**
 * Offset into the program's own thread-local block that the loader turns into the word at `place` (R_X86_64_TPOFF64: the
 * symbol's value and the addend). Undefined for shared libraries, whose block the loader puts where it likes.
 */
export const threadLocalRelocation = (image: LoadedImage, place: number): number | undefined => {
  const tags = dynamicTags(image);
  const table = relaTable(image);
  const symbols = tags.get(DT_SYMTAB);
  if (table === undefined || symbols === undefined || ((tags.get(DT_FLAGS_1) ?? 0) & DF_1_PIE) === 0) return undefined;
  for (let at = 0; at + RELA64_BYTES <= table.length; at += RELA64_BYTES) {
    if (table.wordOrUndefined(at, 8) !== place || table.u32(at + 8) !== R_X86_64_TPOFF64) continue;
    const symbol = image.readAt(symbols + table.u32(at + 12) * SYM64_BYTES, SYM64_BYTES, 'a dynamic symbol');
    return symbol.u64(8) + table.u64(at + 16);
  }
  return undefined;
};

const ascending = (places: Float64Array, values: Float64Array): RelativeRelocations => {
  let sorted = true;
  for (let i = 1; i < places.length && sorted; i++) sorted = (places[i - 1] ?? 0) <= (places[i] ?? 0);
  if (sorted) return { places, values };
  const order = Uint32Array.from(places.keys()).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  return {
    places: Float64Array.from(order, (index) => places[index] ?? 0),
    values: Float64Array.from(order, (index) => values[index] ?? 0),
  };
};

/** A copy of `bytes`, which lie at `address`, with the relocated pointers in place. */
export const relocated = (
  image: LoadedImage,
  relocations: RelativeRelocations,
  address: number,
  bytes: Bytes,
): Bytes => {
  const { places, values } = relocations;
  let index = firstAtLeast(places, address);
  if (index === places.length || (places[index] ?? 0) >= address + bytes.length) return bytes;
  const data = Uint8Array.from(bytes.data);
  const view = new DataView(data.buffer);
  for (; index < places.length; index++) {
    const at = (places[index] ?? 0) - address;
    if (at + 8 > data.length) break;
    view.setBigUint64(at, BigInt(values[index] ?? 0), bytes.littleEndian);
  }
  return image.bytes(data, { what: 'relocated data', code: 'bad-elf' });
};

const firstAtLeast = (sorted: Float64Array, value: number): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
