import type { Entries } from './entry.js';
import type { Span } from './forms.js';
import type { UnitHeader } from './units.js';

/** DW_LLE_* (DWARF 5, 7.7.3). */
const Lle = {
  endOfList: 0,
  baseAddressx: 1,
  startxEndx: 2,
  startxLength: 3,
  offsetPair: 4,
  defaultLocation: 5,
  baseAddress: 6,
  startEnd: 7,
  startLength: 8,
} as const;

export interface LocatedExpression extends Span {
  /** Section that holds the expression's bytes. */
  readonly section: string;
}

/** The expression that a location list gives for `address`; undefined where it gives none. */
export const expressionAt = (
  entries: Entries,
  unit: UnitHeader,
  offset: number,
  unitBase: number,
  address: number,
): LocatedExpression | undefined =>
  unit.version >= 5
    ? fromLoclists(entries, unit, offset, unitBase, address)
    : fromLoc(entries, unit, offset, unitBase, address);

const fromLoclists = (
  entries: Entries,
  unit: UnitHeader,
  offset: number,
  unitBase: number,
  address: number,
): LocatedExpression | undefined => {
  const cursor = entries.sections.cursor('.debug_loclists', offset);
  const indexed = (): number => entries.bases(unit).address(unit, cursor.uleb());
  const plain = (): number => cursor.unsigned(unit.addressSize);
  let base = unitBase;
  let fallback: LocatedExpression | undefined;
  for (;;) {
    entries.limit.spend(cursor.section, cursor.position);
    const kind = cursor.u8();
    let low = 0;
    let high = 0;
    switch (kind) {
      case Lle.endOfList:
        return fallback;
      case Lle.baseAddressx:
        base = indexed();
        continue;
      case Lle.baseAddress:
        base = plain();
        continue;
      case Lle.startxEndx:
        low = indexed();
        high = indexed();
        break;
      case Lle.startxLength:
        low = indexed();
        high = low + cursor.uleb();
        break;
      case Lle.offsetPair:
        low = base + cursor.distance();
        high = base + cursor.distance();
        break;
      case Lle.startEnd:
        low = plain();
        high = plain();
        break;
      case Lle.startLength:
        low = plain();
        high = low + cursor.uleb();
        break;
      case Lle.defaultLocation:
        break;
      default:
        cursor.fail(`has the unknown location list entry ${kind}`);
    }
    const size = cursor.uleb();
    const start = cursor.take(size);
    const found = { section: cursor.section, start, end: start + size };
    if (kind === Lle.defaultLocation) fallback = found;
    else if (address >= low && address < high) return found;
  }
};

/** .debug_loc (DWARF 2 to 4); shaped like .debug_ranges, each pair followed by a counted expression. */
const fromLoc = (
  entries: Entries,
  unit: UnitHeader,
  offset: number,
  unitBase: number,
  address: number,
): LocatedExpression | undefined => {
  const cursor = entries.sections.cursor('.debug_loc', offset);
  const baseMark = unit.addressSize === 8 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  const word = (): bigint => (unit.addressSize === 8 ? cursor.u64() : BigInt(cursor.u32()));
  let base = unitBase;
  for (;;) {
    entries.limit.spend(cursor.section, cursor.position);
    const first = word();
    const second = word();
    if (first === baseMark) {
      base = Number(second);
      continue;
    }
    if (first === 0n && second === 0n) return undefined;
    const size = cursor.u16();
    const start = cursor.take(size);
    const [low, high] = [base + Number(first), base + Number(second)];
    if (address >= low && address < high) return { section: cursor.section, start, end: start + size };
  }
};
