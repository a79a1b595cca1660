/**
 * The header of pclntab, the runtime's table of functions and lines (Go >= 1.2). Layouts: runtime.pcHeader and
 * cmd/link/internal/ld/pcln.go of each release; debug/gosym reads the same four.
 */
import type { ByteOrder, Bytes } from '../bytes.js';

/** First release with this layout: 2 = Go 1.2-1.15, 16 = 1.16-1.17, 18 = 1.18-1.19, 20 = 1.20 and later. */
export type TableFormat = 2 | 16 | 18 | 20;

export interface TableHeader {
  readonly format: TableFormat;
  /** Bytes of one unit of a pc delta: 1 on x86, 2 on s390x and riscv64, else 4. */
  readonly quantum: number;
  readonly pointerSize: 4 | 8;
  readonly functionCount: number;
  /** The program text as the table names it; 0 from Go 1.26, and wrong in position-independent programs before. */
  readonly textStart: number;
  /** Offsets from the start of the table, bytes. */
  readonly names: number;
  /** Go >= 1.16; 0 before. */
  readonly compilationUnits: number;
  readonly files: number;
  readonly pcValues: number;
  /** What function records are offset from. */
  readonly functions: number;
  /** Where the array of {pc, record} begins. */
  readonly functab: number;
  /** True where the magic is none of the four, as garble leaves it. */
  readonly magicUnknown: boolean;
}

const FORMAT_OF_MAGIC: ReadonlyMap<number, TableFormat> = new Map([
  [0xfffffffb, 2],
  [0xfffffffa, 16],
  [0xfffffff0, 18],
  [0xfffffff1, 20],
]);

/** Enough for every header: 8 bytes and eight words. */
export const HEADER_BYTES = 72;

/** Undefined where the bytes are no table header; `assume` stands for a magic that was made unreadable. */
export const parseHeader = (bytes: Bytes, at: number, assume?: TableFormat): TableHeader | undefined => {
  if (at + HEADER_BYTES > bytes.length || bytes.u16(at + 4) !== 0) return undefined;
  const known = FORMAT_OF_MAGIC.get(bytes.u32(at));
  const format = known ?? assume;
  const quantum = bytes.u8(at + 6);
  const pointerSize = bytes.u8(at + 7);
  if (format === undefined || (quantum !== 1 && quantum !== 2 && quantum !== 4)) return undefined;
  if (pointerSize !== 4 && pointerSize !== 8) return undefined;
  const words: number[] = [];
  for (let index = 0; index < 8; index++) {
    const word = bytes.wordOrUndefined(at + 8 + index * pointerSize, pointerSize);
    // Only textStart and words behind the header may be anything.
    words.push(word ?? -1);
  }
  const common = { format, quantum, pointerSize, magicUnknown: known === undefined } as const;
  return format === 2 ? oldHeader(common, words) : newHeader(common, words);
};

type Common = Pick<TableHeader, 'format' | 'quantum' | 'pointerSize' | 'magicUnknown'>;

const oldHeader = (common: Common, words: readonly number[]): TableHeader | undefined => {
  const functionCount = words[0] ?? -1;
  if (functionCount < 1) return undefined;
  const offsets = { names: 0, compilationUnits: 0, files: 0, pcValues: 0, functions: 0 };
  return { ...common, ...offsets, functionCount, textStart: 0, functab: 8 + common.pointerSize };
};

const newHeader = (common: Common, words: readonly number[]): TableHeader | undefined => {
  const first = common.format === 16 ? 2 : 3;
  const [functionCount = -1, fileCount = -1] = words;
  const [names = -1, compilationUnits = -1, files = -1, pcValues = -1, functions = -1] = words.slice(first, first + 5);
  const headerEnd = 8 + (first + 5) * common.pointerSize;
  const rising =
    headerEnd <= names &&
    names <= compilationUnits &&
    compilationUnits <= files &&
    files <= pcValues &&
    pcValues <= functions;
  if (functionCount < 1 || fileCount < 0 || !rising) return undefined;
  return {
    ...common,
    functionCount,
    textStart: common.format === 16 ? 0 : (words[2] ?? 0),
    names,
    compilationUnits,
    files,
    pcValues,
    functions,
    functab: functions,
  };
};

/** The first bytes of a table: magic, two zeros, quantum, pointer size. For searches. */
export const headerPatterns = (order: ByteOrder, pointerSize: 4 | 8): Uint8Array[] =>
  [...FORMAT_OF_MAGIC.keys()].flatMap((magic) =>
    [1, 2, 4].map((quantum) => {
      const pattern = new DataView(new ArrayBuffer(8));
      pattern.setUint32(0, magic, order === 'little');
      pattern.setUint8(6, quantum);
      pattern.setUint8(7, pointerSize);
      return new Uint8Array(pattern.buffer);
    }),
  );
