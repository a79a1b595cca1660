import { Attribute } from './constants.js';
import { type Entries, type Entry, REFERENCE_DEPTH } from './entry.js';
import type { FormValue } from './forms.js';

/** An attribute of the entry itself, without what it inherits. */
export const own = (entry: Entry, attribute: number): FormValue | undefined => entry.attributes.get(attribute);

export const numberOf = (entry: Entry, attribute: number): number | undefined => {
  const value = entry.attributes.get(attribute)?.value;
  return typeof value === 'number' ? value : undefined;
};

export const stringOf = (entry: Entry, attribute: number): string | undefined => {
  const value = entry.attributes.get(attribute)?.value;
  return typeof value === 'string' ? value : undefined;
};

export const referenceOf = (entry: Entry, attribute: number): number | undefined => {
  const found = entry.attributes.get(attribute);
  return found?.class === 'reference' && typeof found.value === 'number' ? found.value : undefined;
};

/**
 * The entry and the abstract ones it is an instance of, nearest first. An out-of-line copy of an inlinable function,
 * each of its inlined copies, and their variables keep name, type and line in the abstract entry.
 */
export const withOrigins = (entries: Entries, entry: Entry): readonly Entry[] => {
  const chain = [entry];
  let current = entry;
  while (chain.length < REFERENCE_DEPTH) {
    const origin = referenceOf(current, Attribute.abstractOrigin);
    const next = origin === undefined ? undefined : entries.at(origin);
    if (next === undefined) break;
    chain.push(next);
    current = next;
  }
  return chain;
};

export const inherited = <T>(
  chain: readonly Entry[],
  read: (entry: Entry, attribute: number) => T | undefined,
  attribute: number,
): T | undefined => {
  for (const entry of chain) {
    const value = read(entry, attribute);
    if (value !== undefined) return value;
  }
  return undefined;
};
