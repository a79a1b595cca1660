/**
 * The function listing as bytes: what `probelens functions` prints. No object is made for a function, files are decoded
 * once each, and lines leave in pieces: joining text natively beat copying bytes one by one, which is slow until compiled.
 */
import type { GoBinary, InlinedCopy } from './api.js';
import { declarationOf, isGenerated } from './functions.js';
import { OpenedGoBinary } from './go-binary.js';
import type { Pclntab } from './pclntab/pclntab.js';
import type { FunctionSummary } from './pclntab/summary.js';
import { summarize } from './pclntab/summary.js';
import { hex, virtualAddress } from './units.js';

export interface ListingOptions {
  /** Only functions whose name this pattern finds. */
  readonly match?: RegExp;
  /** Add the places where each function was inlined, and the functions that exist as copies only. */
  readonly inlined?: boolean;
  /** One JSON object a line; otherwise columns separated by tabs under a header line. */
  readonly json?: boolean;
  /** Compiler-made functions too. */
  readonly generated?: boolean;
}

/** Takes the next bytes of the listing. The buffer is used again after the call returns: copy or write it at once. */
export type ListingSink = (bytes: Uint8Array) => void;

/** Columns of the listing that is not JSON. */
const HEADER = 'ENTRY\tSIZE\tOFFSET\tFUNCTION\tFILE:LINE\n';
/** Lines are joined as text and leave as bytes in pieces of about this size. */
const PIECE_CHARACTERS = 32 * 1024;

/** Returns the number of functions written, in address order. Throws FormatError. */
export const listFunctions = (binary: GoBinary, options: ListingOptions, write: ListingSink): number => {
  if (!(binary instanceof OpenedGoBinary)) throw new TypeError('listFunctions needs what openGoBinary returned');
  return new Listing(binary, options, write).run();
};

/** What is written for one source file with the constants around it, made once. */
interface FileText {
  readonly text: string;
  readonly generated: boolean;
}

class Listing {
  private readonly binary: OpenedGoBinary;
  private readonly write: ListingSink;
  private readonly json: boolean;
  private readonly generated: boolean;
  private readonly match: RegExp | undefined;
  private readonly copies: Map<string, readonly InlinedCopy[]> | undefined;
  private readonly files = new Map<number, FileText>();
  private readonly summary: FunctionSummary;
  private readonly entryText: HexText;
  private readonly offsetText: HexText;
  /** Ends a line that has no copies behind it. */
  private readonly end: string;
  private readonly bytes = Buffer.allocUnsafeSlow(2 * PIECE_CHARACTERS);
  /** Bytes as characters (latin1). */
  private piece = '';

  constructor(binary: OpenedGoBinary, options: ListingOptions, write: ListingSink) {
    this.binary = binary;
    this.write = write;
    this.json = options.json === true;
    this.generated = options.generated === true;
    const { match } = options;
    this.match = match && new RegExp(match.source, match.flags.replace(/[gy]/g, ''));
    this.copies = options.inlined === true ? new Map(binary.inlinedCopies()) : undefined;
    this.summary = summarize(binary.pclntab);
    this.end = this.json ? '}\n' : '\n';
    this.entryText = this.json ? new HexText('","entry":"0x', '","size":') : new HexText('0x', '\t');
    this.offsetText = this.json
      ? new HexText(',"offset":"0x', `"${this.copies ? '' : this.end}`)
      : new HexText('\t0x', '\t');
  }

  run(): number {
    const { pclntab } = this.binary;
    if (!this.json) this.piece = HEADER;
    const names = new NameBytes(pclntab);
    let written = 0;
    // All Go code lies in one segment (checked when the table was read), so one distance serves every function.
    const first = virtualAddress(pclntab.entry(0));
    const distance = this.binary.offsetOf(first) - first;
    for (let index = 0; index < this.binary.functionCount; index++) {
      if (this.match !== undefined && !this.match.test(pclntab.name(index))) continue;
      if (this.one(index, names.name(index), distance)) written += 1;
      if (this.piece.length > PIECE_CHARACTERS) this.flush();
    }
    if (this.copies !== undefined) written += this.inlinedOnly(this.copies);
    this.flush();
    return written;
  }

  private one(index: number, name: string, distance: number): boolean {
    const { pclntab, trees } = this.binary;
    const { file, line } = declarationOf(pclntab, trees, index, this.summary);
    const path = this.file(file);
    if (!this.generated && (path.generated || isGenerated(name, '-'))) return false;
    const entry = pclntab.entry(index);
    const size = this.summary.sizes[index] ?? 0;
    const at = this.entryText.of(entry);
    const offset = this.offsetText.of(entry + distance);
    // Each part that is joined costs an allocation, so constants are part of what is remembered around them.
    if (this.json) this.piece += `{"name":"${escaped(name)}${at}${size}${path.text}${line}${offset}`;
    else this.piece += `${at}${size}${offset}${name}${path.text}${line}`;
    if (this.copies !== undefined) this.inlinedOf(pclntab.name(index));
    if (this.copies !== undefined || !this.json) this.piece += this.end;
    return true;
  }

  private flush(): void {
    // A piece is as long as one --inlined entry may be; almost all fit the buffer that is used again and again.
    if (this.piece.length > this.bytes.length) this.write(Buffer.from(this.piece, 'latin1'));
    else if (this.piece !== '') this.write(this.bytes.subarray(0, this.bytes.write(this.piece, 'latin1')));
    this.piece = '';
  }

  /** Copies of a function; what is taken is no longer among those that exist as copies only. */
  private inlinedOf(name: string): void {
    const copies = this.copies?.get(name) ?? [];
    this.copies?.delete(name);
    this.inlined(copies);
  }

  private inlined(copies: readonly InlinedCopy[]): void {
    const text = this.json
      ? `,"inlined":${JSON.stringify(copies.map(copyAsJson))}`
      : copies.map((copy) => `\n\tinlined into ${copy.host.name}\t${placeOf(copy)}`).join('');
    this.piece += latin1(Buffer.from(text));
  }

  private inlinedOnly(copies: ReadonlyMap<string, readonly InlinedCopy[]>): number {
    let written = 0;
    for (const [name, places] of copies) {
      if (this.match !== undefined && !this.match.test(name)) continue;
      const start = this.json
        ? `{"name":${JSON.stringify(name)},"entry":null,"size":null,"file":null,"line":null,"offset":null`
        : `-\t-\t-\t${name}\t-`;
      this.piece += latin1(Buffer.from(start));
      this.inlined(places);
      this.piece += this.end;
      if (this.piece.length > PIECE_CHARACTERS) this.flush();
      written += 1;
    }
    return written;
  }

  private file(offset: number): FileText {
    const known = this.files.get(offset);
    if (known !== undefined) return known;
    const name = this.binary.pclntab.fileAt(offset);
    const bytes = latin1(Buffer.from(name));
    const text = this.json ? `,"file":"${escaped(bytes)}","line":` : `\t${bytes}:`;
    const made = { text, generated: isGenerated('', name) };
    this.files.set(offset, made);
    return made;
  }
}

/**
 * The name table as one string of bytes (latin1), of which names are slices: a third of the cost of decoding each.
 * What is written is those bytes again, so UTF-8 passes through untouched.
 */
class NameBytes {
  private readonly pclntab: Pclntab;
  private readonly text: string;

  constructor(pclntab: Pclntab) {
    const { table, header } = pclntab;
    this.pclntab = pclntab;
    // Up to Go 1.15 names stand between everything else.
    const end = header.format === 2 ? table.length : header.compilationUnits;
    this.text = latin1(table.slice(header.names, end - header.names));
  }

  name(index: number): string {
    const { text } = this;
    const start = this.pclntab.nameOffset(index);
    const end = text.indexOf('\0', start);
    // A name outside the table is an error that Pclntab words.
    return end < 0 ? this.pclntab.name(index) : text.slice(start, end);
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/**
 * Rising numbers in hexadecimal between two constants. Number.toString(16) takes a slow path in V8, so the upper digits with
 * what stands before and the lower three with what stands behind are remembered.
 */
class HexText {
  private readonly before: string;
  private readonly behind: string;
  private readonly low = new Array<string>(0x1000).fill('');
  private high = '';
  private highValue = -1;

  constructor(before: string, behind: string) {
    this.before = before;
    this.behind = behind;
  }

  of(value: number): string {
    const highValue = Math.floor(value / 0x1000);
    if (highValue === 0) return `${this.before}${value.toString(16)}${this.behind}`;
    if (highValue !== this.highValue) {
      this.highValue = highValue;
      this.high = this.before + highValue.toString(16);
    }
    const lowValue = value - highValue * 0x1000;
    let low = this.low[lowValue] ?? '';
    if (low === '') {
      low = lowValue.toString(16).padStart(3, '0') + this.behind;
      this.low[lowValue] = low;
    }
    return this.high + low;
  }
}

/** Quotes, backslashes and what stands before the space. */
const NOT_PLAIN = /[^ !#-[\]-\xff]/;

/** For the inside of a JSON string. Bytes from 0x80 to 0x9f are parts of UTF-8 here, not control characters. */
const escaped = (bytes: string): string => (NOT_PLAIN.test(bytes) ? JSON.stringify(bytes).slice(1, -1) : bytes);

/** Some calls have none: see InlineTrees. */
const placeOf = ({ file, line }: InlinedCopy): string => (file === '' ? '-' : `at ${file}:${line}`);

/** The "inlined" entries of the command's JSON. */
export const copyAsJson = (copy: InlinedCopy) => ({
  caller: copy.caller,
  host: copy.host.name,
  file: copy.file,
  line: copy.line,
  ranges: copy.ranges.map(([from, to]) => [hex(from), hex(to)]),
  approximate: copy.approximate,
});
