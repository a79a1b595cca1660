import type { ByteCursor } from './byte-cursor.js';
import { Form } from './constants.js';
import type { Sections } from './sections.js';

export interface AttributeSpec {
  readonly attribute: number;
  readonly form: number;
  /** The value itself for DW_FORM_implicit_const. */
  readonly implicit: number | undefined;
}

export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AttributeSpec[];
  /** How to step over the attributes: n >= 0 skips n bytes, the others are `Skip`. */
  readonly skips: Int32Array;
}

/** What the size of a form can depend on. */
export interface UnitEncoding {
  readonly version: number;
  readonly addressSize: number;
  /** 4, or 8 in 64-bit DWARF. */
  readonly offsetSize: 4 | 8;
}

export const Skip = {
  string: -1,
  leb: -2,
  block1: -3,
  block2: -4,
  block4: -5,
  blockLeb: -6,
  indirect: -7,
} as const;

const FIXED_SIZES: ReadonlyMap<number, number> = new Map([
  [Form.data1, 1],
  [Form.ref1, 1],
  [Form.flag, 1],
  [Form.strx1, 1],
  [Form.addrx1, 1],
  [Form.data2, 2],
  [Form.ref2, 2],
  [Form.strx2, 2],
  [Form.addrx2, 2],
  [Form.strx3, 3],
  [Form.addrx3, 3],
  [Form.data4, 4],
  [Form.ref4, 4],
  [Form.strx4, 4],
  [Form.addrx4, 4],
  [Form.refSup4, 4],
  [Form.data8, 8],
  [Form.ref8, 8],
  [Form.refSig8, 8],
  [Form.refSup8, 8],
  [Form.data16, 16],
  [Form.flagPresent, 0],
  [Form.implicitConst, 0],
]);

/** The step over one value of `form`; undefined for a form that no standard defines. */
export const skipOf = (form: number, unit: UnitEncoding): number | undefined => {
  switch (form) {
    case Form.addr:
      return unit.addressSize;
    case Form.refAddr:
      // DWARF 2 sized it like an address (7.5.4 of version 2).
      return unit.version <= 2 ? unit.addressSize : unit.offsetSize;
    case Form.strp:
    case Form.secOffset:
    case Form.lineStrp:
    case Form.strpSup:
    case Form.gnuRefAlt:
    case Form.gnuStrpAlt:
      return unit.offsetSize;
    case Form.string:
      return Skip.string;
    case Form.sdata:
    case Form.udata:
    case Form.refUdata:
    case Form.strx:
    case Form.addrx:
    case Form.loclistx:
    case Form.rnglistx:
      return Skip.leb;
    case Form.block1:
      return Skip.block1;
    case Form.block2:
      return Skip.block2;
    case Form.block4:
      return Skip.block4;
    case Form.block:
    case Form.exprloc:
      return Skip.blockLeb;
    case Form.indirect:
      return Skip.indirect;
    default:
      return FIXED_SIZES.get(form);
  }
};

const readAttributes = (cursor: ByteCursor): AttributeSpec[] => {
  const attributes: AttributeSpec[] = [];
  for (;;) {
    const attribute = cursor.uleb();
    const form = cursor.uleb();
    const implicit = form === Form.implicitConst ? cursor.sleb() : undefined;
    if (attribute === 0 && form === 0) return attributes;
    attributes.push({ attribute, form, implicit });
  }
};

const skipsOf = (cursor: ByteCursor, attributes: readonly AttributeSpec[], unit: UnitEncoding): Int32Array => {
  const skips: number[] = [];
  for (const { form } of attributes) {
    const skip = skipOf(form, unit) ?? cursor.fail(`uses the unknown form 0x${form.toString(16)}`);
    const last = skips.length - 1;
    const before = skips[last];
    // Neighbours of fixed size are one step.
    if (skip >= 0 && before !== undefined && before >= 0) skips[last] = before + skip;
    else skips.push(skip);
  }
  return Int32Array.from(skips);
};

/** One table of .debug_abbrev, by abbreviation code. Go's linker writes a single one for all its units. */
export const readAbbreviations = (
  sections: Sections,
  offset: number,
  unit: UnitEncoding,
): ReadonlyMap<number, Abbreviation> => {
  const cursor = sections.cursor('.debug_abbrev', offset);
  const table = new Map<number, Abbreviation>();
  for (;;) {
    const code = cursor.uleb();
    if (code === 0) return table;
    const tag = cursor.uleb();
    const hasChildren = cursor.u8() !== 0;
    const attributes = readAttributes(cursor);
    table.set(code, { tag, hasChildren, attributes, skips: skipsOf(cursor, attributes, unit) });
  }
};
