import { stringOf } from './attributes.js';
import { Attribute, type Tag } from './constants.js';
import type { Entry } from './entry.js';
import type { CompileUnit, Functions } from './functions.js';
import { type TopLevelEntry, topLevelEntries } from './top-level.js';

type WantedTag = (typeof Tag)[keyof typeof Tag];

export interface NamedEntry {
  readonly entry: Entry;
  readonly unit: CompileUnit;
}

/**
 * A top-level entry by its full name ("runtime.g", "main.limit"). Go's linker writes names in place, so the bytes lead
 * to the few units worth walking; only where nothing is found and strings are kept apart are all units walked.
 */
export const findNamed = (functions: Functions, name: string, tags: readonly WantedTag[]): NamedEntry | undefined => {
  const { entries } = functions;
  const text = Buffer.from(`${name}\0`);
  const info = entries.sections.bytes('.debug_info');
  const bytes = Buffer.from(info.buffer, info.byteOffset, info.byteLength);
  let hit = -1;
  for (const header of entries.units.list) {
    if (hit < header.root) hit = bytes.indexOf(text, header.root);
    if (hit === -1) break;
    if (hit >= header.end) continue;
    const unit = functions.unitOf(header);
    if (!unit.go) continue;
    for (const found of topLevel(functions, unit, tags)) {
      while (hit !== -1 && hit < found.offset) hit = bytes.indexOf(text, hit + 1);
      if (hit === -1 || hit >= header.end) break;
      if (hit >= found.end) continue;
      const entry = entries.read(header, found.offset);
      if (entry !== undefined && stringOf(entry, Attribute.name) === name) return { entry, unit };
    }
  }
  return hasSeparateStrings(functions, text) ? walkAll(functions, name, tags) : undefined;
};

const hasSeparateStrings = (functions: Functions, text: Buffer): boolean => {
  const strings = functions.entries.sections.bytes('.debug_str');
  return Buffer.from(strings.buffer, strings.byteOffset, strings.byteLength).includes(text);
};

const walkAll = (functions: Functions, name: string, tags: readonly WantedTag[]): NamedEntry | undefined => {
  for (const header of functions.entries.units.list) {
    const unit = functions.unitOf(header);
    if (!unit.go) continue;
    for (const { offset } of topLevel(functions, unit, tags)) {
      const entry = functions.entries.read(header, offset);
      if (entry !== undefined && stringOf(entry, Attribute.name) === name) return { entry, unit };
    }
  }
  return undefined;
};

/** A unit's top-level entries of some tags. */
const topLevel = (
  { entries }: Functions,
  { header }: CompileUnit,
  tags: readonly WantedTag[],
): Iterable<TopLevelEntry> => {
  const wanted: readonly number[] = tags;
  return topLevelEntries(entries, header, ({ tag }) => wanted.includes(tag));
};
