/**
 * Size, file and line of every function in one pass. A hot path: one loop over local variables and typed arrays, because a
 * listing of 60,000 functions ends before many small functions would have been compiled. The same answers, one function at
 * a time, come from `Pclntab` (a test compares them).
 */
import { FormatError } from '../errors.js';
import type { Pclntab } from './pclntab.js';

export interface FunctionSummary {
  /** Code bytes without padding. */
  readonly sizes: Float64Array;
  /** Offset of the file at the entry (see Pclntab.fileAt); -1 for none. */
  readonly files: Int32Array;
  /** Line at the entry; 0 for none. */
  readonly lines: Int32Array;
}

export const summarize = (pclntab: Pclntab): FunctionSummary => {
  const { count } = pclntab.functions;
  const { data } = pclntab.table;
  const { quantum, pcValues } = pclntab.header;
  const sizes = new Float64Array(count);
  const files = new Int32Array(count);
  const lines = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const span = pclntab.span(index);
    const lineTable = pclntab.pcLine(index);
    const fileTable = pclntab.pcFile(index);
    files[index] = fileTable === 0 ? -1 : pclntab.fileOffset(index, firstValue(data, pcValues + fileTable));
    if (lineTable === 0) {
      sizes[index] = span;
      continue;
    }
    lines[index] = Math.max(0, firstValue(data, pcValues + lineTable));
    // Only the pc deltas matter here: skip a value, add a delta, until a zero value or the next function.
    let at = pcValues + lineTable;
    let pc = 0;
    while (pc < span) {
      let byte = data[at++] ?? -1;
      if (byte === 0 && pc > 0) break;
      while (byte >= 0x80) byte = data[at++] ?? -1;
      let delta = data[at++] ?? -1;
      if (delta >= 0x80) {
        delta &= 0x7f;
        for (let shift = 7; shift < 35; shift += 7) {
          byte = data[at++] ?? -1;
          delta |= (byte & 0x7f) << shift;
          if (byte < 0x80) break;
        }
        delta >>>= 0;
      }
      if (byte < 0 || delta <= 0) throw damaged(at);
      pc += delta * quantum;
    }
    sizes[index] = Math.min(pc, span);
  }
  return { sizes, files, lines };
};

/** Value at the entry: -1 plus the zigzag number at `at`. */
const firstValue = (data: Uint8Array, at: number): number => {
  let value = 0;
  let position = at;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = data[position++] ?? -1;
    if (byte < 0) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return ((value & 1) !== 0 ? ~(value >>> 1) : value >>> 1) - 1;
  }
  throw damaged(position);
};

const damaged = (at: number): FormatError =>
  new FormatError('bad-pclntab', `the function table is damaged at byte ${at}; build the program again`, {
    offset: at,
  });
