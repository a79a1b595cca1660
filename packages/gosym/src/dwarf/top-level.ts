import type { Abbreviation } from './abbreviations.js';
import type { Entries } from './entry.js';
import type { UnitHeader } from './units.js';

export interface TopLevelEntry {
  readonly offset: number;
  /** Where its attributes end. */
  readonly end: number;
}

/** A unit's top-level entries with a wanted abbreviation, in one pass; nothing is decoded. */
export function* topLevelEntries(
  entries: Entries,
  header: UnitHeader,
  isWanted: (abbreviation: Abbreviation) => boolean,
): Generator<TopLevelEntry> {
  const cursor = entries.cursor(header);
  const abbreviations = entries.units.abbreviationsOf(header);
  let depth = 0;
  while (cursor.position < cursor.end) {
    const offset = cursor.position;
    const abbreviation = entries.abbreviationAt(cursor, abbreviations);
    if (abbreviation === undefined) {
      depth -= 1;
      if (depth <= 0) return;
      continue;
    }
    entries.skipAttributes(cursor, abbreviation, header);
    if (depth === 1 && isWanted(abbreviation)) yield { offset, end: cursor.position };
    if (abbreviation.hasChildren) depth += 1;
  }
}
