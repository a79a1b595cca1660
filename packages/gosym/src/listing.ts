/**
 * The function listing as bytes, without an object or a string for each function: what `probelens functions` prints.
 * Tens of thousands of lines go out through one buffer; names are copied from the table, files are encoded once each.
 */
import type { GoBinary, InlinedCopy } from './api.js';
import { FormatError } from './errors.js';
import { declarationOf, isGenerated } from './functions.js';
import { OpenedGoBinary } from './go-binary.js';
import { LineWriter } from './line-writer.js';
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

/** Returns the number of functions written, in address order. Throws FormatError. */
export const listFunctions = (binary: GoBinary, options: ListingOptions, write: ListingSink): number => {
  if (!(binary instanceof OpenedGoBinary)) throw new TypeError('listFunctions needs what openGoBinary returned');
  const listing = new Listing(binary, options, write);
  return listing.run();
};

/** What is written for one source file, made once. */
interface FileText {
  readonly bytes: Uint8Array;
  readonly generated: boolean;
}

class Listing {
  private readonly binary: OpenedGoBinary;
  private readonly out: LineWriter;
  private readonly json: boolean;
  private readonly generated: boolean;
  private readonly match: RegExp | undefined;
  private readonly copies: Map<string, readonly InlinedCopy[]> | undefined;
  private readonly files = new Map<number, FileText>();

  constructor(binary: OpenedGoBinary, options: ListingOptions, write: ListingSink) {
    this.binary = binary;
    this.out = new LineWriter(write);
    this.json = options.json === true;
    this.generated = options.generated === true;
    const { match } = options;
    this.match = match && new RegExp(match.source, match.flags.replace(/[gy]/g, ''));
    this.copies = options.inlined === true ? new Map(binary.inlinedCopies()) : undefined;
  }

  run(): number {
    const { pclntab } = this.binary;
    if (!this.json) this.out.text(HEADER);
    let written = 0;
    // All Go code lies in one segment (checked when the table was read), so one distance serves every function.
    const first = virtualAddress(pclntab.entry(0));
    const distance = this.binary.offsetOf(first) - first;
    for (let index = 0; index < this.binary.functionCount; index++) {
      if (this.match !== undefined && !this.match.test(pclntab.name(index))) continue;
      if (this.one(index, distance)) written += 1;
    }
    if (this.copies !== undefined) written += this.inlinedOnly(this.copies);
    this.out.flush();
    return written;
  }

  private one(index: number, distance: number): boolean {
    const { pclntab, trees } = this.binary;
    const nameAt = pclntab.header.names + pclntab.nameOffset(index);
    const { file, line } = declarationOf(pclntab, trees, index);
    const path = this.file(file);
    if (!this.generated && (path.generated || this.hasGeneratedName(nameAt, index))) return false;
    const entry = pclntab.entry(index);
    const size = pclntab.size(index);
    if (this.json) this.jsonLine(nameAt, entry, size, path, line, distance);
    else this.textLine(nameAt, entry, size, path, line, distance);
    if (this.copies !== undefined) this.inlinedOf(pclntab.name(index));
    this.out.text(this.json ? '}\n' : '\n');
    return true;
  }

  private jsonLine(nameAt: number, entry: number, size: number, path: FileText, line: number, distance: number): void {
    const { out } = this;
    out.text('{"name":"');
    out.jsonTextFrom(this.binary.pclntab.table.data, nameAt);
    out.text('","entry":"');
    out.hex(entry);
    out.text('","size":');
    out.decimal(size);
    out.text(',"file":"');
    out.bytes(path.bytes);
    out.text('","line":');
    out.decimal(line);
    out.text(',"offset":"');
    out.hex(entry + distance);
    out.text('"');
  }

  private textLine(nameAt: number, entry: number, size: number, path: FileText, line: number, distance: number): void {
    const { out } = this;
    out.hex(entry);
    out.text('\t');
    out.decimal(size);
    out.text('\t');
    out.hex(entry + distance);
    out.text('\t');
    out.jsonTextFrom(this.binary.pclntab.table.data, nameAt);
    out.text('\t');
    out.bytes(path.bytes);
    out.text(':');
    out.decimal(line);
  }

  /** Copies of a function; what is taken is no longer among those that exist as copies only. */
  private inlinedOf(name: string): void {
    const copies = this.copies?.get(name) ?? [];
    this.copies?.delete(name);
    this.inlined(copies);
  }

  private inlined(copies: readonly InlinedCopy[]): void {
    if (this.json) this.out.text(`,"inlined":${JSON.stringify(copies.map(copyAsJson))}`);
    else for (const copy of copies) this.out.text(`\n\tinlined into ${copy.host.name}\tat ${copy.file}:${copy.line}`);
  }

  private inlinedOnly(copies: ReadonlyMap<string, readonly InlinedCopy[]>): number {
    let written = 0;
    for (const [name, places] of copies) {
      if (this.match !== undefined && !this.match.test(name)) continue;
      if (this.json) {
        this.out.text(`{"name":${JSON.stringify(name)},"entry":null,"size":null,"file":null,"line":null,"offset":null`);
      } else this.out.text(`-\t-\t-\t${name}\t-`);
      this.inlined(places);
      this.out.text(this.json ? '}\n' : '\n');
      written += 1;
    }
    return written;
  }

  private file(offset: number): FileText {
    const known = this.files.get(offset);
    if (known !== undefined) return known;
    const name = this.binary.pclntab.fileAt(offset);
    const made = { bytes: Buffer.from(JSON.stringify(name).slice(1, -1)), generated: isGenerated('', name) };
    this.files.set(offset, made);
    return made;
  }

  /** "type:.eq.*", "go:*": only names that begin so are decoded. */
  private hasGeneratedName(nameAt: number, index: number): boolean {
    const { data } = this.binary.pclntab.table;
    const first = data[nameAt];
    if (first === undefined)
      throw new FormatError('bad-pclntab', 'a function name lies outside its table; build again');
    return (first === 0x74 || first === 0x67) && isGenerated(this.binary.pclntab.name(index), '-');
  }
}

/** The "inlined" entries of the command's JSON. */
export const copyAsJson = (copy: InlinedCopy) => ({
  caller: copy.caller,
  host: copy.host.name,
  file: copy.file,
  line: copy.line,
  ranges: copy.ranges.map(([from, to]) => [hex(from), hex(to)]),
  approximate: copy.approximate,
});
