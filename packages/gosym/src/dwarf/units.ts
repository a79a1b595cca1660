import { type Abbreviation, readAbbreviations, type UnitEncoding } from './abbreviations.js';
import type { ByteCursor } from './byte-cursor.js';
import type { Sections } from './sections.js';

/** DW_UT_*: the kinds of unit whose header carries more than the common fields (DWARF 5, 7.5.1). */
const UnitType = { type: 2, skeleton: 4, splitCompile: 5, splitType: 6 } as const;

/** Above this an initial length is an escape: 0xffffffff announces 64-bit DWARF, the others are reserved. */
const LENGTH_ESCAPES = 0xfffffff0;

export interface UnitHeader extends UnitEncoding {
  /** Of the header in .debug_info. */
  readonly offset: number;
  /** First byte after the unit. */
  readonly end: number;
  /** Of the unit's own entry. */
  readonly root: number;
  readonly abbreviations: number;
}

/** Size of the offsets in what follows, and where it ends. Leaves the cursor behind the length field. */
export const readInitialLength = (cursor: ByteCursor): { offsetSize: 4 | 8; end: number } => {
  const short = cursor.u32();
  if (short < LENGTH_ESCAPES) return { offsetSize: 4, end: checkedEnd(cursor, short) };
  if (short !== 0xffffffff) cursor.fail(`has the reserved length 0x${short.toString(16)}`);
  return { offsetSize: 8, end: checkedEnd(cursor, cursor.u64Safe()) };
};

const checkedEnd = (cursor: ByteCursor, length: number): number => {
  if (length > cursor.end - cursor.position) cursor.fail(`claims ${length} bytes, more than the section holds`);
  return cursor.position + length;
};

/** One header; undefined where the version is not ours to read (the unit is then stepped over). */
const readHeader = (cursor: ByteCursor, start: number, offsetSize: 4 | 8, end: number): UnitHeader | undefined => {
  const version = cursor.u16();
  if (version < 2 || version > 5) return undefined;
  let addressSize: number;
  let abbreviations: number;
  if (version === 5) {
    const type = cursor.u8();
    addressSize = cursor.u8();
    abbreviations = cursor.unsigned(offsetSize);
    if (type === UnitType.skeleton || type === UnitType.splitCompile) cursor.take(8);
    if (type === UnitType.type || type === UnitType.splitType) cursor.take(8 + offsetSize);
  } else {
    abbreviations = cursor.unsigned(offsetSize);
    addressSize = cursor.u8();
  }
  if (addressSize !== 4 && addressSize !== 8) return undefined;
  return { offset: start, end, root: cursor.position, version, addressSize, offsetSize, abbreviations };
};

/** The units of .debug_info in file order, from their headers alone, and the tables they share. */
export class Units {
  #list: readonly UnitHeader[] | undefined;
  readonly #sections: Sections;
  readonly #tables = new Map<string, ReadonlyMap<number, Abbreviation>>();

  constructor(sections: Sections) {
    this.#sections = sections;
  }

  get list(): readonly UnitHeader[] {
    this.#list ??= this.#readHeaders();
    return this.#list;
  }

  #readHeaders(): readonly UnitHeader[] {
    const list: UnitHeader[] = [];
    const cursor = this.#sections.cursor('.debug_info');
    while (cursor.position < cursor.end) {
      const start = cursor.position;
      const { offsetSize, end } = readInitialLength(cursor);
      const header = readHeader(cursor, start, offsetSize, end);
      if (header !== undefined && header.root < end) list.push(header);
      cursor.seek(end);
    }
    return list;
  }

  abbreviationsOf(unit: UnitHeader): ReadonlyMap<number, Abbreviation> {
    // Sizes of forms are part of the table, so units that encode differently do not share one.
    const key = `${unit.abbreviations}.${unit.version}.${unit.addressSize}.${unit.offsetSize}`;
    let table = this.#tables.get(key);
    if (table === undefined) {
      table = readAbbreviations(this.#sections, unit.abbreviations, unit);
      this.#tables.set(key, table);
    }
    return table;
  }

  /** The unit that contains an offset of .debug_info. */
  containing(offset: number): UnitHeader | undefined {
    let low = 0;
    let high = this.list.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const unit = this.list[middle];
      if (unit === undefined) return undefined;
      if (offset < unit.root) high = middle - 1;
      else if (offset >= unit.end) low = middle + 1;
      else return unit;
    }
    return undefined;
  }
}
