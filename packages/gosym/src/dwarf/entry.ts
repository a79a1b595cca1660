import type { Abbreviation } from './abbreviations.js';
import { Skip, skipOf } from './abbreviations.js';
import type { ByteCursor } from './byte-cursor.js';
import { Attribute } from './constants.js';
import { DwarfError } from './dwarf-error.js';
import { type FormValue, readForm, UnitBases } from './forms.js';
import type { Sections } from './sections.js';
import { type UnitHeader, Units } from './units.js';
import { WorkLimit } from './work-limit.js';

/** A debugging information entry that somebody asked for; whole units are never kept as objects. */
export interface Entry {
  readonly offset: number;
  readonly unit: UnitHeader;
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Offset of the first child, or of the next sibling where there are none. */
  readonly next: number;
  readonly attributes: ReadonlyMap<number, FormValue>;
}

/** Longest chain of references (abstract origins, typedefs) that is followed. Real ones have at most 3. */
export const REFERENCE_DEPTH = 32;

/** Reads entries at offsets and steps over those nobody needs. */
export class Entries {
  readonly units: Units;
  readonly limit = new WorkLimit();
  readonly #bases = new Map<number, UnitBases>();

  constructor(readonly sections: Sections) {
    this.units = new Units(sections);
  }

  cursor(unit: UnitHeader, position = unit.root): ByteCursor {
    return this.sections.cursor('.debug_info', position, unit.end);
  }

  /**
   * Reads the entry at an absolute offset, all its attributes or the `wanted` ones; undefined for the null entry that
   * ends a list of children.
   */
  read(unit: UnitHeader, offset: number, wanted?: ReadonlySet<number>): Entry | undefined {
    this.limit.spend('.debug_info', offset);
    const cursor = this.cursor(unit, offset);
    const abbreviation = this.abbreviationAt(cursor, this.units.abbreviationsOf(unit));
    if (abbreviation === undefined) return undefined;
    const attributes = new Map<number, FormValue>();
    const bases = this.bases(unit);
    for (const spec of abbreviation.attributes) {
      if (wanted !== undefined && !wanted.has(spec.attribute)) {
        skip(cursor, skipOf(spec.form, unit) ?? cursor.fail('uses an unknown form'), unit);
        continue;
      }
      const value = readForm(cursor, spec.form, spec.implicit, unit, bases);
      // A repeated attribute is an error of the producer; the first one counts, as in binutils.
      if (!attributes.has(spec.attribute)) attributes.set(spec.attribute, value);
    }
    const { tag, hasChildren } = abbreviation;
    return { offset, unit, tag, hasChildren, next: cursor.position, attributes };
  }

  /** The entry a reference points to, in whichever unit it lies. */
  at(offset: number): Entry | undefined {
    const unit = this.units.containing(offset);
    return unit === undefined ? undefined : this.read(unit, offset);
  }

  /** Consumes an abbreviation code; undefined for the null entry. */
  abbreviationAt(cursor: ByteCursor, table: ReadonlyMap<number, Abbreviation>): Abbreviation | undefined {
    const start = cursor.position;
    const code = cursor.uleb();
    if (code === 0) return undefined;
    const abbreviation = table.get(code);
    if (abbreviation === undefined)
      throw new DwarfError(cursor.section, start, `uses the undefined abbreviation ${code}`);
    return abbreviation;
  }

  /** Offset behind the subtree of `entry`. */
  skipChildren(entry: Entry): number {
    if (!entry.hasChildren) return entry.next;
    const cursor = this.cursor(entry.unit, entry.next);
    const table = this.units.abbreviationsOf(entry.unit);
    for (let depth = 1; depth > 0; ) {
      const abbreviation = this.abbreviationAt(cursor, table);
      if (abbreviation === undefined) depth -= 1;
      else {
        this.skipAttributes(cursor, abbreviation, entry.unit);
        if (abbreviation.hasChildren) depth += 1;
      }
    }
    return cursor.position;
  }

  /** The direct children, one at a time; deeper levels are stepped over. */
  *children(entry: Entry): Generator<Entry> {
    if (!entry.hasChildren) return;
    let position = entry.next;
    for (;;) {
      const child = this.read(entry.unit, position);
      if (child === undefined) return;
      yield child;
      position = this.skipChildren(child);
    }
  }

  /** The forms that Go writes are stepped over in place: this is where indexing a unit spends its time. */
  skipAttributes(cursor: ByteCursor, abbreviation: Abbreviation, unit: UnitHeader): void {
    this.limit.spend(cursor.section, cursor.position);
    const { skips } = abbreviation;
    const { bytes, end } = cursor;
    let at = cursor.position;
    for (let index = 0; index < skips.length; index += 1) {
      const step = skips[index] ?? 0;
      if (step >= 0) at += step;
      else if (step === Skip.string) {
        while (at < end && bytes[at] !== 0) at += 1;
        at += 1;
      } else if (step === Skip.leb) {
        while (at < end && (bytes[at] ?? 0) >= 0x80) at += 1;
        at += 1;
      } else if (step === Skip.block1) at += 1 + (bytes[at] ?? 0);
      else {
        cursor.seek(at);
        skip(cursor, step, unit);
        at = cursor.position;
      }
    }
    cursor.seek(at);
  }

  /** What indexed forms (addrx, strx, rnglistx, loclistx) of a unit are relative to. */
  bases(unit: UnitHeader): UnitBases {
    let bases = this.#bases.get(unit.offset);
    if (bases === undefined) {
      bases = new UnitBases(this.sections);
      this.#bases.set(unit.offset, bases);
      bases.load(this.#rootBases(unit));
    }
    return bases;
  }

  #rootBases(unit: UnitHeader): Map<number, number> {
    const cursor = this.cursor(unit);
    const found = new Map<number, number>();
    const abbreviation = this.abbreviationAt(cursor, this.units.abbreviationsOf(unit));
    const wanted: readonly number[] = BASE_ATTRIBUTES;
    for (const spec of abbreviation?.attributes ?? []) {
      if (!wanted.includes(spec.attribute))
        skip(cursor, skipOf(spec.form, unit) ?? cursor.fail('uses an unknown form'), unit);
      else {
        const value = readForm(cursor, spec.form, spec.implicit, unit, new UnitBases(this.sections)).value;
        if (typeof value === 'number') found.set(spec.attribute, value);
      }
    }
    return found;
  }
}

const BASE_ATTRIBUTES = [
  Attribute.addrBase,
  Attribute.strOffsetsBase,
  Attribute.rnglistsBase,
  Attribute.loclistsBase,
] as const;

const skip = (cursor: ByteCursor, step: number, unit: UnitHeader): void => {
  if (step >= 0) {
    cursor.take(step);
    return;
  }
  switch (step) {
    case Skip.string:
      cursor.skipString();
      return;
    case Skip.leb:
      cursor.skipLeb();
      return;
    case Skip.block1:
      cursor.take(cursor.u8());
      return;
    case Skip.block2:
      cursor.take(cursor.u16());
      return;
    case Skip.block4:
      cursor.take(cursor.u32());
      return;
    case Skip.blockLeb:
      cursor.take(cursor.uleb());
      return;
    default: {
      const inner = skipOf(cursor.uleb(), unit);
      // An indirect form that names itself would never end.
      if (inner === undefined || inner === Skip.indirect) cursor.fail('has an indirect form that leads nowhere');
      skip(cursor, inner, unit);
    }
  }
};
