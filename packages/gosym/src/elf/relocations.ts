/**
 * RELATIVE relocations with addends (RELA): in a position-independent program linked by the system linker the pointers
 * in the file are zero and their values stand in the addends. Found through PT_DYNAMIC, so that stripped section tables
 * do not matter. Machines that use REL keep the value in place and need nothing.
 */
import type { Bytes } from '../bytes.js';
import type { ElfImage } from './image.js';
import { relativeRelocation } from './machine.js';

const PT_DYNAMIC = 2;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_NULL = 0;
const RELA64_BYTES = 24;

/** Places and their values, both addresses, ascending by place. */
export interface RelativeRelocations {
  readonly places: Float64Array;
  readonly values: Float64Array;
}

const NONE: RelativeRelocations = { places: new Float64Array(0), values: new Float64Array(0) };

export const readRelativeRelocations = (image: ElfImage): RelativeRelocations => {
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

const relaTable = (image: ElfImage): Bytes | undefined => {
  const dynamic = image.segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined || image.pointerSize !== 8) return undefined;
  const data = image.source.read(dynamic.offset, Math.min(dynamic.fileSize, 64 * 1024));
  const entries = image.bytes(data, { what: 'the dynamic section', fileOffset: dynamic.offset, code: 'bad-elf' });
  let address: number | undefined;
  let size: number | undefined;
  for (let at = 0; at + 16 <= entries.length; at += 16) {
    const tag = entries.wordOrUndefined(at, 8);
    if (tag === DT_NULL) break;
    if (tag === DT_RELA) address = entries.u64(at + 8);
    if (tag === DT_RELASZ) size = entries.u64(at + 8);
  }
  if (address === undefined || size === undefined || size === 0) return undefined;
  return image.readAt(address, size, 'the relocation table');
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
export const relocated = (image: ElfImage, relocations: RelativeRelocations, address: number, bytes: Bytes): Bytes => {
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

export const firstAtLeast = (sorted: Float64Array, value: number): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
