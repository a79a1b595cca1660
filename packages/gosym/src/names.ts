/** Function names: look-up by name, and what to suggest for a misspelt one. */
import { indexAt } from './pclntab/function-table.js';
import type { Pclntab } from './pclntab/pclntab.js';

/** After this many look-ups an index of all names costs less than further searches through the name table. */
const SEARCHES_BEFORE_INDEX = 4;

/** A short name may end many longer ones; each such place would be another search. */
const MOST_OFFSETS = 8;

export class FunctionNames {
  private readonly pclntab: Pclntab;
  private searches = 0;
  private byName: Map<string, number[]> | undefined;
  private readonly cache = new Map<number, string>();

  constructor(pclntab: Pclntab) {
    this.pclntab = pclntab;
  }

  /** Name at an offset of the name table; inlined functions repeat theirs, so it is kept. */
  at(offset: number): string {
    let name = this.cache.get(offset);
    if (name === undefined) {
      name = this.pclntab.nameAt(offset);
      this.cache.set(offset, name);
    }
    return name;
  }

  /** Indexes of all functions of exactly this name, ascending. */
  find(name: string): readonly number[] {
    if (this.byName === undefined && this.searches >= SEARCHES_BEFORE_INDEX) this.byName = this.index();
    if (this.byName !== undefined) return this.byName.get(name) ?? [];
    this.searches += 1;
    const offsets = this.offsets(name);
    return this.searchRecords(offsets) ?? this.search(offsets);
  }

  /** Offsets at which the name's bytes stand in the name table, also as the tail of other names. */
  offsets(name: string): ReadonlySet<number> {
    const { table, header } = this.pclntab;
    const found = new Set<number>();
    if (name === '' || name.includes('\0')) return found;
    const end = header.format === 2 ? table.length : header.compilationUnits;
    const names = Buffer.from(table.data.buffer, table.data.byteOffset + header.names, end - header.names);
    const wanted = Buffer.from(`${name}\0`);
    for (let at = names.indexOf(wanted); at >= 0; at = names.indexOf(wanted, at + 1)) found.add(at);
    return found;
  }

  /** At most `limit` names close to `name`, best first; ties in the order of the program text. */
  similar(name: string, limit: number): string[] {
    const wanted = lastElement(name).toLowerCase();
    const scored = new Map<string, number>();
    for (let index = 0; index < this.pclntab.functions.count; index++) {
      const candidate = this.pclntab.name(index);
      if (scored.has(candidate) || candidate === name) continue;
      const score = distanceScore(wanted, name.toLowerCase(), candidate.toLowerCase());
      if (score !== undefined) scored.set(candidate, score);
    }
    const best = [...scored].sort((a, b) => a[1] - b[1]).slice(0, Math.max(0, limit));
    return best.map(([candidate]) => candidate);
  }

  /**
   * Looks for the records by the bytes of their name field, which is many times faster than reading every record. Undefined
   * where a record cannot be told from its bytes: garble hides the entry, and the layouts before 1.16 mix names and records.
   */
  private searchRecords(offsets: ReadonlySet<number>): number[] | undefined {
    const { table, header, layout, functions } = this.pclntab;
    if (header.magicUnknown || header.format === 2 || offsets.size > MOST_OFFSETS) return undefined;
    const records = Buffer.from(
      table.data.buffer,
      table.data.byteOffset + header.functions,
      table.length - header.functions,
    );
    const pattern = Buffer.alloc(4);
    const found: number[] = [];
    for (const offset of offsets) {
      if (table.littleEndian) pattern.writeUInt32LE(offset);
      else pattern.writeUInt32BE(offset);
      for (let at = records.indexOf(pattern); at >= 0; at = records.indexOf(pattern, at + 1)) {
        const record = header.functions + at - layout.name;
        if (record < header.functions || record + layout.size > table.length) continue;
        const entry = this.pclntab.recordEntry(record);
        let index = entry === undefined ? -1 : indexAt(functions, entry);
        // Functions without code share their entry with the next one.
        while (index >= 0 && functions.records[index] !== record && functions.entries[index] === entry) index -= 1;
        if (index >= 0 && functions.records[index] === record) found.push(index);
      }
    }
    return found.sort((a, b) => a - b);
  }

  private search(offsets: ReadonlySet<number>): number[] {
    const found: number[] = [];
    if (offsets.size === 0) return found;
    for (let index = 0; index < this.pclntab.functions.count; index++) {
      if (offsets.has(this.pclntab.nameOffset(index))) found.push(index);
    }
    return found;
  }

  private index(): Map<string, number[]> {
    const byName = new Map<string, number[]>();
    for (let index = 0; index < this.pclntab.functions.count; index++) {
      const name = this.pclntab.name(index);
      const list = byName.get(name);
      if (list === undefined) byName.set(name, [index]);
      else list.push(index);
    }
    return byName;
  }
}

/** "(*Book).Match" of "main.(*Book).Match"; what a person most often spells right or nearly so. */
const lastElement = (name: string): string => {
  const plain = name.slice(name.lastIndexOf('/') + 1);
  return plain.slice(plain.indexOf('.') + 1);
};

const simple = (name: string): string => name.replace(/[()*]/g, '').replace(/\[.*?\]/g, '');

/** Lower is closer; undefined is not close. Both whole names and the parts behind the package count. */
const distanceScore = (wanted: string, whole: string, candidate: string): number | undefined => {
  const element = lastElement(candidate);
  if (simple(candidate) === simple(whole)) return 0;
  if (simple(element) === simple(wanted)) return 1;
  if (simple(element).endsWith(`.${simple(wanted)}`)) return 2;
  const allowed = Math.max(1, Math.floor(wanted.length / 3));
  const first = samePackage(whole, candidate) ? 2 : 4;
  const far = editDistance(simple(wanted), simple(element), allowed);
  if (far <= allowed) return first + far;
  return wanted.length >= 4 && simple(element).includes(simple(wanted)) ? 40 + element.length : undefined;
};

const samePackage = (a: string, b: string): boolean => a.slice(0, a.indexOf('.')) === b.slice(0, b.indexOf('.'));

/** Levenshtein, given up above `limit`. */
export const editDistance = (a: string, b: string, limit: number): number => {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1;
      const cell = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
      next.push(cell);
      least = Math.min(least, cell);
    }
    if (least > limit) return limit + 1;
    row = next;
  }
  return row[b.length] ?? limit + 1;
};
