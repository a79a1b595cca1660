import { addressPairs } from './address-pairs.js';
import type { ByteCursor } from './byte-cursor.js';
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

/** An entry of a location list: code, half open, and what holds there. */
export interface ListedExpression extends LocatedExpression {
  readonly low: number;
  readonly high: number;
}

/** The expression that a location list gives for `address`; undefined where it gives none. */
export const expressionAt = (
  entries: Entries,
  unit: UnitHeader,
  offset: number,
  unitBase: number,
  address: number,
): ListedExpression | undefined => {
  let fallback: ListedExpression | undefined;
  for (const listed of listAt(entries, unit, offset, unitBase)) {
    if (address >= listed.low && address < listed.high) return listed;
    if (listed.high === Number.POSITIVE_INFINITY) fallback = listed;
  }
  return fallback;
};

/** All expressions of a list, in its order. */
export const listAt = (
  entries: Entries,
  unit: UnitHeader,
  offset: number,
  unitBase: number,
): Generator<ListedExpression> =>
  unit.version >= 5 ? fromLoclists(entries, unit, offset, unitBase) : fromLoc(entries, unit, offset, unitBase);

const counted = (cursor: ByteCursor, size: number): LocatedExpression => {
  const start = cursor.take(size);
  return { section: cursor.section, start, end: start + size };
};

/** Bounds that no address is within: the default location, for where nothing else holds. */
const DEFAULT = { low: Number.POSITIVE_INFINITY, high: Number.POSITIVE_INFINITY };

function* fromLoclists(
  entries: Entries,
  unit: UnitHeader,
  offset: number,
  unitBase: number,
): Generator<ListedExpression> {
  const cursor = entries.sections.cursor('.debug_loclists', offset);
  const indexed = (): number => entries.bases(unit).address(unit, cursor.uleb());
  const plain = (): number => cursor.unsigned(unit.addressSize);
  let base = unitBase;
  for (;;) {
    entries.limit.spend(cursor.section, cursor.position);
    const kind = cursor.u8();
    if (kind === Lle.endOfList) return;
    if (kind === Lle.baseAddressx) base = indexed();
    else if (kind === Lle.baseAddress) base = plain();
    else yield { ...bounds(cursor, kind, base, indexed, plain), ...counted(cursor, cursor.uleb()) };
  }
}

const bounds = (
  cursor: ByteCursor,
  kind: number,
  base: number,
  indexed: () => number,
  plain: () => number,
): { readonly low: number; readonly high: number } => {
  switch (kind) {
    case Lle.startxEndx: {
      const low = indexed();
      return { low, high: indexed() };
    }
    case Lle.startxLength: {
      const low = indexed();
      return { low, high: low + cursor.uleb() };
    }
    case Lle.offsetPair: {
      const low = base + cursor.distance();
      return { low, high: base + cursor.distance() };
    }
    case Lle.startEnd: {
      const low = plain();
      return { low, high: plain() };
    }
    case Lle.startLength: {
      const low = plain();
      return { low, high: low + cursor.uleb() };
    }
    case Lle.defaultLocation:
      return DEFAULT;
    default:
      return cursor.fail(`has the unknown location list entry ${kind}`);
  }
};

/** .debug_loc (DWARF 2 to 4): each pair is followed by a counted expression. */
function* fromLoc(entries: Entries, unit: UnitHeader, offset: number, unitBase: number): Generator<ListedExpression> {
  for (const { low, high, cursor } of addressPairs(entries, { section: '.debug_loc', unit, offset, unitBase }))
    yield { low, high, ...counted(cursor, cursor.u16()) };
}
