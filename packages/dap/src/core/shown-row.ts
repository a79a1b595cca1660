/** Rows of a scope as variables of the protocol, which may be opened. */

import { firstMomentReference } from './ids.js';
import type { JsonObject } from './message.js';
import { isObject } from './message.js';
import { change } from './moments.js';
import type { Row } from './state/moments.js';
import type { Turn } from './turn.js';

/** What a person opens in one session; older answers are forgotten. */
const mostReferences = 2_000;

export const refer = (turn: Turn, rows: readonly Row[]): number => {
  const { moments } = turn.state;
  const kept = new Map(moments.rows).set(moments.references, rows);
  kept.delete(moments.references - mostReferences);
  change(turn, { rows: kept, references: moments.references + 1 });
  return firstMomentReference + moments.references;
};

export const widest = 80;

export const spoken = (value: unknown): string => {
  if (value === null) return 'nil';
  const text = JSON.stringify(value) ?? '?';
  return text.length <= widest ? text : `${text.slice(0, widest)}...`;
};

/** Behind pointers and into slices, as Go's own selectors go (shapes: structured-text.ts of the agent). */
export const content = (value: unknown): unknown => {
  if (!isObject(value)) return value;
  const names = Object.keys(value).join();
  if (names === 'address,value') return content(value.value);
  return names === 'length,capacity,elements' ? value.elements : value;
};

export const parts = (whole: unknown): readonly Row[] => {
  const value = content(whole);
  const entries: readonly (readonly [string, unknown])[] = Array.isArray(value)
    ? value.map((each, index) => [`[${index}]`, each] as const)
    : isObject(value)
      ? Object.entries(value)
      : [];
  return entries.map(([name, inside]) => ({ name, value: spoken(inside), type: '', inside }));
};

export const shownRow = (turn: Turn, { name, value, type, inside, memory }: Row): JsonObject => {
  const within = parts(inside);
  const shown: JsonObject = { name, value, type, variablesReference: within.length === 0 ? 0 : refer(turn, within) };
  return memory === undefined ? shown : { ...shown, memoryReference: memory };
};
