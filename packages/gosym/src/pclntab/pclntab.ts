/**
 * One opened pclntab: names, files and positions of functions by their index. Everything decodes on demand; the arrays in
 * `functions` are the only thing made up front.
 */
import type { Bytes } from '../bytes.js';
import type { FunctionTable, RecordLayout, TextBase } from './function-table.js';
import type { TableHeader } from './header.js';
import { PcValues } from './pc-values.js';

/** File names and function names; real ones are far shorter, generic instances reach some KB. */
const LONGEST_NAME = 256 * 1024;
const NO_OFFSET = 0xffff_ffff;

export class Pclntab {
  readonly table: Bytes;
  readonly header: TableHeader;
  readonly layout: RecordLayout;
  readonly functions: FunctionTable;
  /** Address of the table's first byte. */
  readonly address: number;
  private readonly base: TextBase;
  private readonly values: PcValues;
  private readonly fileNames = new Map<number, string>();

  constructor(
    table: Bytes,
    header: TableHeader,
    layout: RecordLayout,
    functions: FunctionTable,
    address: number,
    base: TextBase,
  ) {
    this.table = table;
    this.header = header;
    this.layout = layout;
    this.functions = functions;
    this.address = address;
    this.base = base;
    this.values = this.walker();
  }

  /** A walker over this table's pc-value tables; callers that nest walks need one each. */
  walker(): PcValues {
    return new PcValues(this.table.data, this.header.pcValues, this.header.quantum);
  }

  entry(index: number): number {
    return this.functions.entries[index] ?? 0;
  }

  /** Bytes to the next function, padding included. */
  span(index: number): number {
    return (this.functions.entries[index + 1] ?? 0) - this.entry(index);
  }

  record(index: number): number {
    return this.functions.records[index] ?? 0;
  }

  /** Address that the record at a table offset says its function has; undefined where it is none. */
  recordEntry(record: number): number | undefined {
    if (this.header.format < 18) return this.table.wordOrUndefined(record, this.header.pointerSize);
    const offset = this.table.u32(record);
    return this.base.addressOf?.(offset) ?? this.base.address + offset;
  }

  /** Offset of the name from the start of the name table (from the start of pclntab up to Go 1.15). */
  nameOffset(index: number): number {
    return this.table.u32(this.record(index) + this.layout.name);
  }

  nameAt(offset: number): string {
    return this.table.cString(this.header.names + offset, LONGEST_NAME);
  }

  name(index: number): string {
    return this.nameAt(this.nameOffset(index));
  }

  pcFile(index: number): number {
    return this.table.u32(this.record(index) + this.layout.pcFile);
  }

  pcLine(index: number): number {
    return this.table.u32(this.record(index) + this.layout.pcLine);
  }

  /** Line of the `func` keyword (Go >= 1.20); 0 in older tables. */
  startLine(index: number): number {
    return this.layout.startLine < 0 ? 0 : this.table.i32(this.record(index) + this.layout.startLine);
  }

  /** runtime/internal/abi.FuncID; 0 for ordinary functions. */
  functionId(index: number): number {
    return this.layout.functionId < 0 ? 0 : this.table.u8(this.record(index) + this.layout.functionId);
  }

  /** internal/abi.FuncFlag; 0 before Go 1.17. */
  flags(index: number): number {
    return this.layout.flag < 0 ? 0 : this.table.u8(this.record(index) + this.layout.flag);
  }

  /** Code bytes without the padding: the end of the line table is the end of the code. */
  size(index: number): number {
    const offset = this.pcLine(index);
    if (offset === 0) return this.span(index);
    const values = this.values;
    values.start(offset, this.span(index));
    while (values.next());
    return values.to;
  }

  /** Value of a pc-value table `pc` bytes into the function; -1 where there is none. */
  valueAt(index: number, offset: number, pc: number): number {
    return offset === 0 ? -1 : this.values.at(offset, this.span(index), pc);
  }

  /** Offset of the table of `PCDATA_x`, 0 where the function has none. */
  pcData(index: number, which: number): number {
    const record = this.record(index);
    if (which >= this.table.u32(record + this.layout.pcDataCount)) return 0;
    return this.table.u32(record + this.layout.size + which * 4);
  }

  /** File offset in the name table for a file number of this function; -1 for none. */
  fileOffset(index: number, fileNumber: number): number {
    const { table, header } = this;
    if (header.format === 2) {
      const files = this.oldFileTable();
      // The first word counts the files: up to Go 1.4 without itself, later with itself.
      if (fileNumber < 1 || fileNumber > table.u32(files)) return -1;
      return table.u32(files + fileNumber * 4);
    }
    const unit = table.u32(this.record(index) + this.layout.compilationUnit);
    if (fileNumber < 0 || unit === NO_OFFSET) return -1;
    const at = header.compilationUnits + (unit + fileNumber) * 4;
    const offset = at + 4 > header.files ? NO_OFFSET : table.u32(at);
    return offset === NO_OFFSET ? -1 : offset;
  }

  /** "" for -1. */
  fileAt(offset: number): string {
    if (offset < 0) return '';
    const known = this.fileNames.get(offset);
    if (known !== undefined) return known;
    const name = this.table.cString(this.header.files + offset, LONGEST_NAME);
    this.fileNames.set(offset, name);
    return name;
  }

  /** Absolute byte position of the file name's text in the table, for writers that copy bytes. */
  fileTextPosition(offset: number): number {
    return this.header.files + offset;
  }

  /** Offset of the file at `pc` bytes into the function; -1 for none. */
  fileOffsetAt(index: number, pc: number): number {
    return this.fileOffset(index, this.valueAt(index, this.pcFile(index), pc));
  }

  /** 0 for none. */
  lineAt(index: number, pc: number): number {
    return Math.max(0, this.valueAt(index, this.pcLine(index), pc));
  }

  private oldFileTable(): number {
    const end = this.header.functab + (this.header.functionCount * 2 + 1) * this.header.pointerSize;
    return this.table.u32(end);
  }
}
