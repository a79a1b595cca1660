import type { ByteCursor } from './byte-cursor.js';
import type { Entries } from './entry.js';
import type { UnitHeader } from './units.js';

/** The list's section, where its unit stands, and where the list begins. */
export interface PairList {
  readonly section: '.debug_ranges' | '.debug_loc';
  readonly unit: UnitHeader;
  readonly offset: number;
  /** What the pairs are relative to until one sets another base. */
  readonly unitBase: number;
}

export interface AddressPair {
  readonly low: number;
  readonly high: number;
  /** Behind the pair: what a list has there is to be read before the next one. */
  readonly cursor: ByteCursor;
}

/** .debug_ranges and .debug_loc (DWARF 2 to 4): pairs of addresses; an all-ones first word sets the base, two zeros end it. */
export function* addressPairs(entries: Entries, { section, unit, offset, unitBase }: PairList): Generator<AddressPair> {
  const cursor = entries.sections.cursor(section, offset);
  const baseMark = unit.addressSize === 8 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  const word = (): bigint => (unit.addressSize === 8 ? cursor.u64() : BigInt(cursor.u32()));
  let base = unitBase;
  for (;;) {
    entries.limit.spend(cursor.section, cursor.position);
    const first = word();
    const second = word();
    if (first === baseMark) base = Number(second);
    else if (first === 0n && second === 0n) return;
    else yield { low: base + Number(first), high: base + Number(second), cursor };
  }
}
