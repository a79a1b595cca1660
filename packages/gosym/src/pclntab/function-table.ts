/**
 * functab and the function records (runtime._func), decoded once into typed arrays. E below is the size of a record's
 * entry field: the pointer size up to Go 1.17, 4 since.
 */
import type { Bytes } from '../bytes.js';
import { FormatError } from '../errors.js';
import type { TableHeader } from './header.js';

export interface RecordLayout {
  /** Byte offsets within a record; -1 where this version has no such field. */
  readonly name: number;
  readonly deferReturn: number;
  readonly pcFile: number;
  readonly pcLine: number;
  readonly pcDataCount: number;
  readonly compilationUnit: number;
  readonly startLine: number;
  readonly functionId: number;
  readonly flag: number;
  readonly funcDataCount: number;
  /** True for Go <= 1.11, where the count of funcdata is a 32-bit number. */
  readonly wideFuncDataCount: boolean;
  readonly size: number;
}

/** src/runtime/runtime2.go, type _func: Go <= 1.11; 1.12-1.15; 1.16-1.19 (flag since 1.17); 1.20 and later. */
export const recordLayout = (header: TableHeader, before112: boolean): RecordLayout => {
  const e = header.format >= 18 ? 4 : header.pointerSize;
  const common = { name: e, deferReturn: e + 8, pcFile: e + 16, pcLine: e + 20, pcDataCount: e + 24 };
  const none = { compilationUnit: -1, startLine: -1, flag: -1, wideFuncDataCount: false };
  if (header.format === 2) {
    const count = before112 ? e + 28 : e + 31;
    const functionId = before112 ? -1 : e + 28;
    return { ...common, ...none, functionId, funcDataCount: count, wideFuncDataCount: before112, size: e + 32 };
  }
  const compilationUnit = e + 28;
  if (header.format < 20) {
    return {
      ...common,
      ...none,
      compilationUnit,
      functionId: e + 32,
      flag: e + 33,
      funcDataCount: e + 35,
      size: e + 36,
    };
  }
  const late = { startLine: e + 32, functionId: e + 36, flag: e + 37, funcDataCount: e + 39, size: e + 40 };
  return { ...common, ...none, ...late, compilationUnit };
};

export interface FunctionTable {
  readonly count: number;
  /** Addresses, ascending; one more than functions: the end of the text. */
  readonly entries: Float64Array;
  /** Byte offsets of the records from the table's start. */
  readonly records: Uint32Array;
}

/** What functab counts from: one address, or parts of a split text. */
export interface TextBase {
  /** 0 where functab holds addresses. */
  readonly address: number;
  /** Only where the text has several parts. */
  readonly addressOf?: (offset: number) => number;
}

/** Throws FormatError where the table cannot be one. */
export const readFunctionTable = (
  table: Bytes,
  header: TableHeader,
  recordSize: number,
  base: TextBase,
): FunctionTable => {
  const count = header.functionCount;
  const field = header.format >= 18 ? 4 : header.pointerSize;
  const end = header.functab + (count * 2 + 1) * field;
  if (end > table.length) throw table.error(8, `at most ${table.length} bytes of functions`, `${end}`);
  const entries = new Float64Array(count + 1);
  const records = new Uint32Array(count);
  const lastRecord = table.length - recordSize;
  const whole = field === 4 && base.addressOf === undefined;
  const words = whole ? nativeWords(table, header.functab, count * 2 + 1) : undefined;
  if (words === undefined || !decodeNative(words, base.address, header.functions, lastRecord, entries, records)) {
    decode(table, header, field, base, entries, records);
    check(table, header, field, lastRecord, entries, records);
  }
  return { count, entries, records };
};

/**
 * A hot path: the loop runs once in a process that lists or explains, so it must be short before it is compiled. False
 * where anything is wrong; the slow way then says what.
 */
const decodeNative = (
  words: Uint32Array,
  base: number,
  functions: number,
  lastRecord: number,
  entries: Float64Array,
  records: Uint32Array,
): boolean => {
  const count = records.length;
  let previous = 0;
  for (let index = 0; index < count; index++) {
    const offset = words[index * 2] ?? 0;
    const record = functions + (words[index * 2 + 1] ?? 0);
    if (offset < previous || record > lastRecord) return false;
    entries[index] = base + offset;
    records[index] = record;
    previous = offset;
  }
  const end = words[count * 2] ?? 0;
  entries[count] = base + end;
  return end >= previous;
};

const decode = (
  table: Bytes,
  header: TableHeader,
  field: 4 | 8,
  base: TextBase,
  entries: Float64Array,
  records: Uint32Array,
): void => {
  const count = records.length;
  let at = header.functab;
  for (let index = 0; index <= count; index++) {
    const value = table.word(at, field);
    entries[index] = base.addressOf?.(value) ?? base.address + value;
    if (index < count) records[index] = Math.min(header.functions + table.word(at + field, field), OUTSIDE);
    at += 2 * field;
  }
};

/** The words as this machine reads them: no call for each. Undefined where byte order or alignment forbid it. */
const nativeWords = (table: Bytes, at: number, count: number): Uint32Array | undefined => {
  const { data } = table;
  const start = data.byteOffset + at;
  const native = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
  if (table.littleEndian !== native || start % 4 !== 0) return undefined;
  return new Uint32Array(data.buffer, start, count);
};

/** Beyond any table that was read: a record offset that does not fit stays wrong. */
const OUTSIDE = 0xffff_ffff;

const check = (
  table: Bytes,
  header: TableHeader,
  field: number,
  lastRecord: number,
  entries: Float64Array,
  records: Uint32Array,
): void => {
  for (let index = 0; index < records.length; index++) {
    const entry = entries[index] ?? 0;
    const next = entries[index + 1] ?? 0;
    const record = records[index] ?? 0;
    const at = header.functab + index * 2 * field;
    if (next < entry) throw table.error(at, 'rising addresses of functions', `${next} after ${entry}`);
    if (record > lastRecord) throw table.error(at + field, `a record before byte ${lastRecord}`, `${record}`);
  }
};

/** Position of the function whose code, or the padding after it, contains the address; -1 outside the text. */
export const indexAt = (functions: FunctionTable, address: number): number => {
  const { entries, count } = functions;
  if (!(address >= (entries[0] ?? 0) && address < (entries[count] ?? 0))) return -1;
  let low = 0;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] ?? 0) <= address) low = middle;
    else high = middle;
  }
  return low;
};

/** All code lies in the file, so the walks over line tables are bounded by the file's size. */
export const checkText = (
  functions: FunctionTable,
  segment: { address: number; fileSize: number } | undefined,
): void => {
  const { entries, count } = functions;
  const first = entries[0] ?? 0;
  const last = entries[count] ?? 0;
  if (segment !== undefined && first >= segment.address && last <= segment.address + segment.fileSize) return;
  throw new FormatError(
    'bad-pclntab',
    `the function table names code from 0x${first.toString(16)} to 0x${last.toString(16)}, which the file does not hold; build or copy the program again`,
    { expected: 'addresses in one executable segment', found: `0x${first.toString(16)}-0x${last.toString(16)}` },
  );
};
