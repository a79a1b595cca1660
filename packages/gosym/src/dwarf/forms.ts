import type { ByteCursor } from './byte-cursor.js';
import { Attribute, Form } from './constants.js';
import type { Sections } from './sections.js';
import type { UnitHeader } from './units.js';

/** A run of bytes of .debug_info: an expression or a block. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type FormClass =
  | 'address'
  | 'constant'
  | 'string'
  /** Value is an absolute offset in .debug_info. */
  | 'reference'
  /** Value is an offset in the section that the attribute implies. */
  | 'section-offset'
  | 'block'
  /** Something this reader steps over: another file's strings and entries, 128-bit constants. */
  | 'foreign';

export interface FormValue {
  readonly class: FormClass;
  readonly value: number | bigint | string | Span;
}

/** Where a unit's indexed values begin. DWARF 5, 7.5.1 and 7.26-7.29; Go writes DW_AT_addr_base only. */
export class UnitBases {
  #bases: ReadonlyMap<number, number> = new Map();
  constructor(readonly sections: Sections) {}

  load(bases: ReadonlyMap<number, number>): void {
    this.#bases = bases;
  }

  address(unit: UnitHeader, index: number): number {
    // Without a base attribute the table starts behind the only header of its section.
    const base = this.#bases.get(Attribute.addrBase) ?? headerSize(unit, 8);
    return this.sections.cursor('.debug_addr', base + index * unit.addressSize).unsigned(unit.addressSize);
  }

  string(unit: UnitHeader, index: number): string {
    const base = this.#bases.get(Attribute.strOffsetsBase) ?? headerSize(unit, 8);
    const offset = this.sections.cursor('.debug_str_offsets', base + index * unit.offsetSize).unsigned(unit.offsetSize);
    return this.sections.cursor('.debug_str', offset).string();
  }

  /** Offset of a list in .debug_rnglists or .debug_loclists from its index. */
  list(unit: UnitHeader, index: number, section: '.debug_rnglists' | '.debug_loclists'): number {
    const attribute = section === '.debug_rnglists' ? Attribute.rnglistsBase : Attribute.loclistsBase;
    const base = this.#bases.get(attribute) ?? headerSize(unit, 12);
    return base + this.sections.cursor(section, base + index * unit.offsetSize).unsigned(unit.offsetSize);
  }
}

/** Table headers grow by the eight bytes that announce 64-bit DWARF. */
const headerSize = (unit: UnitHeader, size32: number): number => (unit.offsetSize === 8 ? size32 + 8 : size32);

const constant = (value: number | bigint): FormValue => ({ class: 'constant', value });

const small = (value: number | bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

const block = (cursor: ByteCursor, size: number): FormValue => {
  const start = cursor.take(size);
  return { class: 'block', value: { start, end: start + size } };
};

const INDEX_SIZES: ReadonlyMap<number, number> = new Map([
  [Form.strx1, 1],
  [Form.strx2, 2],
  [Form.strx3, 3],
  [Form.strx4, 4],
  [Form.addrx1, 1],
  [Form.addrx2, 2],
  [Form.addrx3, 3],
  [Form.addrx4, 4],
]);

const index = (cursor: ByteCursor, form: number): number => {
  const size = INDEX_SIZES.get(form);
  return size === undefined ? cursor.uleb() : cursor.unsigned(size);
};

const readConstant = (cursor: ByteCursor, form: number, implicit: number | undefined): FormValue | undefined => {
  switch (form) {
    case Form.data1:
    case Form.flag:
      return constant(cursor.u8());
    case Form.data2:
      return constant(cursor.u16());
    case Form.data8:
      return constant(cursor.u64Compact());
    case Form.sdata:
      return constant(small(cursor.lebBig(true)));
    case Form.udata:
      return constant(small(cursor.ulebCompact()));
    case Form.flagPresent:
      return constant(1);
    case Form.implicitConst:
      return constant(implicit ?? 0);
    default:
      return undefined;
  }
};

const readReference = (cursor: ByteCursor, form: number, unit: UnitHeader): FormValue | undefined => {
  const local = (offset: number): FormValue => ({ class: 'reference', value: unit.offset + offset });
  switch (form) {
    case Form.refAddr:
      return {
        class: 'reference',
        value: cursor.unsigned(unit.version <= 2 ? unit.addressSize : unit.offsetSize),
      };
    case Form.ref1:
      return local(cursor.u8());
    case Form.ref2:
      return local(cursor.u16());
    case Form.ref4:
      return local(cursor.u32());
    case Form.ref8:
      return local(cursor.u64Safe());
    case Form.refUdata:
      return local(cursor.uleb());
    default:
      return undefined;
  }
};

const readString = (cursor: ByteCursor, form: number, unit: UnitHeader, bases: UnitBases): FormValue | undefined => {
  switch (form) {
    case Form.string:
      return { class: 'string', value: cursor.string() };
    case Form.strp:
    case Form.lineStrp: {
      const section = form === Form.strp ? '.debug_str' : '.debug_line_str';
      const offset = cursor.unsigned(unit.offsetSize);
      return { class: 'string', value: bases.sections.cursor(section, offset).string() };
    }
    case Form.strx:
    case Form.strx1:
    case Form.strx2:
    case Form.strx3:
    case Form.strx4:
      return { class: 'string', value: bases.string(unit, index(cursor, form)) };
    default:
      return undefined;
  }
};

const readBlock = (cursor: ByteCursor, form: number): FormValue | undefined => {
  switch (form) {
    case Form.block1:
      return block(cursor, cursor.u8());
    case Form.block2:
      return block(cursor, cursor.u16());
    case Form.block4:
      return block(cursor, cursor.u32());
    case Form.block:
    case Form.exprloc:
      return block(cursor, cursor.uleb());
    default:
      return undefined;
  }
};

const readAddressOrOffset = (
  cursor: ByteCursor,
  form: number,
  unit: UnitHeader,
  bases: UnitBases,
): FormValue | undefined => {
  switch (form) {
    case Form.addr:
      // Addresses of 2^53 and more do not exist in user space; the value stays a bigint and matches nothing.
      return { class: 'address', value: unit.addressSize === 8 ? cursor.u64Compact() : cursor.u32() };
    case Form.addrx:
    case Form.addrx1:
    case Form.addrx2:
    case Form.addrx3:
    case Form.addrx4:
      return { class: 'address', value: bases.address(unit, index(cursor, form)) };
    case Form.data4:
      // Up to DWARF 3 it is also the offset of a list (7.5.4 of version 3).
      return { class: unit.version < 4 ? 'section-offset' : 'constant', value: cursor.u32() };
    case Form.secOffset:
      return { class: 'section-offset', value: cursor.unsigned(unit.offsetSize) };
    case Form.loclistx:
      return { class: 'section-offset', value: bases.list(unit, cursor.uleb(), '.debug_loclists') };
    case Form.rnglistx:
      return { class: 'section-offset', value: bases.list(unit, cursor.uleb(), '.debug_rnglists') };
    default:
      return undefined;
  }
};

const readForeign = (cursor: ByteCursor, form: number, unit: UnitHeader): FormValue => {
  const sizes: Partial<Record<number, number>> = {
    [Form.data16]: 16,
    [Form.refSig8]: 8,
    [Form.refSup8]: 8,
    [Form.refSup4]: 4,
    [Form.strpSup]: unit.offsetSize,
    [Form.gnuRefAlt]: unit.offsetSize,
    [Form.gnuStrpAlt]: unit.offsetSize,
  };
  const size = sizes[form] ?? cursor.fail(`uses the unknown form 0x${form.toString(16)}`);
  const start = cursor.take(size);
  return { class: 'foreign', value: { start, end: start + size } };
};

/** Reads one attribute value and leaves the cursor behind it. */
export const readForm = (
  cursor: ByteCursor,
  form: number,
  implicit: number | undefined,
  unit: UnitHeader,
  bases: UnitBases,
): FormValue => {
  if (form === Form.indirect) {
    const inner = cursor.uleb();
    if (inner === Form.indirect || inner === Form.implicitConst) cursor.fail('has an indirect form that leads nowhere');
    return readForm(cursor, inner, undefined, unit, bases);
  }
  return (
    readConstant(cursor, form, implicit) ??
    readReference(cursor, form, unit) ??
    readString(cursor, form, unit, bases) ??
    readBlock(cursor, form) ??
    readAddressOrOffset(cursor, form, unit, bases) ??
    readForeign(cursor, form, unit)
  );
};
