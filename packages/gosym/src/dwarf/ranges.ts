import { addressPairs } from './address-pairs.js';
import { numberOf, own } from './attributes.js';
import { Attribute } from './constants.js';
import type { Entries, Entry } from './entry.js';
import type { UnitHeader } from './units.js';

/** Half open, as linked. */
export type Range = readonly [low: number, high: number];

/** DW_RLE_* (DWARF 5, 7.25). */
const Rle = {
  endOfList: 0,
  baseAddressx: 1,
  startxEndx: 2,
  startxLength: 3,
  offsetPair: 4,
  baseAddress: 5,
  startEnd: 6,
  startLength: 7,
} as const;

/** The code of an entry: low_pc and high_pc, or a range list. Empty where it has none. */
export const rangesOf = (entries: Entries, entry: Entry, unitBase: number): readonly Range[] => {
  const ranges = own(entry, Attribute.ranges);
  if (ranges !== undefined) {
    if (typeof ranges.value !== 'number') return [];
    const offset = ranges.value;
    return [
      ...(entry.unit.version >= 5
        ? rangeList(entries, entry.unit, offset, unitBase)
        : oldRangeList(entries, entry.unit, offset, unitBase)),
    ];
  }
  const low = numberOf(entry, Attribute.lowPc);
  const high = own(entry, Attribute.highPc);
  if (low === undefined || typeof high?.value !== 'number') return [];
  // A constant is a size (since DWARF 4), an address is the end itself.
  return [[low, high.class === 'address' ? high.value : low + high.value]];
};

export const covers = (ranges: readonly Range[], address: number): boolean =>
  ranges.some(([low, high]) => address >= low && address < high);

/** .debug_rnglists (DWARF 5). */
function* rangeList(entries: Entries, unit: UnitHeader, offset: number, unitBase: number): Generator<Range> {
  const cursor = entries.sections.cursor('.debug_rnglists', offset);
  const indexed = (): number => entries.bases(unit).address(unit, cursor.uleb());
  let base = unitBase;
  for (;;) {
    entries.limit.spend(cursor.section, cursor.position);
    const kind = cursor.u8();
    switch (kind) {
      case Rle.endOfList:
        return;
      case Rle.baseAddressx:
        base = indexed();
        break;
      case Rle.baseAddress:
        base = cursor.unsigned(unit.addressSize);
        break;
      case Rle.startxEndx: {
        const low = indexed();
        yield [low, indexed()];
        break;
      }
      case Rle.startxLength: {
        const low = indexed();
        yield [low, low + cursor.uleb()];
        break;
      }
      case Rle.offsetPair: {
        const low = base + cursor.distance();
        yield [low, base + cursor.distance()];
        break;
      }
      case Rle.startEnd: {
        const low = cursor.unsigned(unit.addressSize);
        yield [low, cursor.unsigned(unit.addressSize)];
        break;
      }
      case Rle.startLength: {
        const low = cursor.unsigned(unit.addressSize);
        yield [low, low + cursor.uleb()];
        break;
      }
      default:
        cursor.fail(`has the unknown range list entry ${kind}`);
    }
  }
}

/** .debug_ranges (DWARF 2 to 4). */
function* oldRangeList(entries: Entries, unit: UnitHeader, offset: number, unitBase: number): Generator<Range> {
  for (const { low, high } of addressPairs(entries, { section: '.debug_ranges', unit, offset, unitBase }))
    yield [low, high];
}
