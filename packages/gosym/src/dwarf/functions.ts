import type { Abbreviation } from './abbreviations.js';
import { numberOf, stringOf } from './attributes.js';
import { Attribute, LANGUAGE_GO, Tag } from './constants.js';
import type { Entries, Entry } from './entry.js';
import { rangesOf } from './ranges.js';
import { topLevelEntries } from './top-level.js';
import type { UnitHeader } from './units.js';

/** A compile unit's own entry, as far as functions need it. */
export interface CompileUnit {
  readonly header: UnitHeader;
  /** What list offsets are relative to when a list sets no base. */
  readonly base: number;
  readonly go: boolean;
  readonly name: string;
  /** What the package calls itself (Go >= 1.13), which need not be the last part of its path. */
  readonly package: string;
  readonly producer: string;
  /** Of the unit's table in .debug_line. */
  readonly lineTable: number | undefined;
}

/** A function with code: its entry and the unit around it. */
export interface LocatedFunction {
  readonly unit: CompileUnit;
  readonly entry: Entry;
  readonly low: number;
  readonly high: number;
}

/** Subprograms of one unit in address order; offsets of their entries in .debug_info. */
interface FunctionTable {
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  readonly offsets: Float64Array;
}

/** Finds the function at an address: units by their ranges, then one pass over the unit that covers it. */
export class Functions {
  readonly #units = new Map<number, CompileUnit>();
  readonly #tables = new Map<number, FunctionTable>();
  #spans:
    | { readonly lows: Float64Array; readonly highs: Float64Array; readonly units: readonly CompileUnit[] }
    | undefined;

  constructor(readonly entries: Entries) {}

  unitOf(header: UnitHeader): CompileUnit {
    const known = this.#units.get(header.offset);
    if (known !== undefined) return known;
    const root = this.entries.read(header, header.root);
    const name = (root && stringOf(root, Attribute.name)) ?? '';
    const unit: CompileUnit = {
      header,
      base: (root && numberOf(root, Attribute.lowPc)) ?? 0,
      go: root !== undefined && numberOf(root, Attribute.language) === LANGUAGE_GO,
      name,
      package: (root && stringOf(root, Attribute.goPackageName)) ?? name.slice(name.lastIndexOf('/') + 1),
      producer: (root && stringOf(root, Attribute.producer)) ?? '',
      lineTable: root && numberOf(root, Attribute.statementList),
    };
    this.#units.set(header.offset, unit);
    return unit;
  }

  unitAt(address: number): CompileUnit | undefined {
    const { lows, highs, units } = this.#unitSpans();
    const index = lastAtOrBelow(lows, address);
    return index >= 0 && address < (highs[index] ?? 0) ? units[index] : undefined;
  }

  functionAt(address: number): LocatedFunction | undefined {
    const unit = this.unitAt(address);
    // C code beside Go code (cgo) is stepped over without reading its entries.
    if (unit === undefined || !unit.go) return undefined;
    const table = this.#table(unit);
    const index = lastAtOrBelow(table.lows, address);
    const [low, high, offset] = [table.lows[index], table.highs[index], table.offsets[index]];
    if (low === undefined || high === undefined || offset === undefined || address >= high) return undefined;
    const entry = this.entries.read(unit.header, offset);
    return entry === undefined ? undefined : { unit, entry, low, high };
  }

  /** Entries of all functions with code, for listings and tests; unit by unit, nothing kept. */
  *all(): Generator<LocatedFunction> {
    for (const header of this.entries.units.list) {
      const unit = this.unitOf(header);
      if (!unit.go) continue;
      const table = this.#table(unit);
      for (const [index, offset] of table.offsets.entries()) {
        const entry = this.entries.read(header, offset);
        const [low, high] = [table.lows[index], table.highs[index]];
        if (entry !== undefined && low !== undefined && high !== undefined) yield { unit, entry, low, high };
      }
    }
  }

  #unitSpans() {
    if (this.#spans !== undefined) return this.#spans;
    const spans: { low: number; high: number; unit: CompileUnit }[] = [];
    for (const header of this.entries.units.list) {
      const unit = this.unitOf(header);
      const root = this.entries.read(header, header.root);
      if (root === undefined) continue;
      for (const [low, high] of rangesOf(this.entries, root, unit.base))
        if (low < high) spans.push({ low, high, unit });
    }
    spans.sort((a, b) => a.low - b.low);
    this.#spans = {
      lows: Float64Array.from(spans, ({ low }) => low),
      highs: Float64Array.from(spans, ({ high }) => high),
      units: spans.map(({ unit }) => unit),
    };
    return this.#spans;
  }

  /** One pass over a unit. Only entries with code are decoded; all others are stepped over. */
  #table(unit: CompileUnit): FunctionTable {
    const known = this.#tables.get(unit.header.offset);
    if (known !== undefined) return known;
    const { entries } = this;
    const found: { low: number; high: number; offset: number }[] = [];
    for (const { offset } of topLevelEntries(entries, unit.header, isFunctionWithCode)) {
      const entry = entries.read(unit.header, offset, CODE);
      const [range] = entry === undefined ? [] : rangesOf(entries, entry, unit.base);
      if (range !== undefined && range[0] < range[1]) found.push({ low: range[0], high: range[1], offset });
    }
    found.sort((a, b) => a.low - b.low);
    const table = {
      lows: Float64Array.from(found, ({ low }) => low),
      highs: Float64Array.from(found, ({ high }) => high),
      offsets: Float64Array.from(found, ({ offset }) => offset),
    };
    this.#tables.set(unit.header.offset, table);
    return table;
  }
}

/** The attributes that say where code is. */
const CODE: ReadonlySet<number> = new Set([Attribute.lowPc, Attribute.highPc, Attribute.ranges]);

const isFunctionWithCode = ({ tag, attributes }: Abbreviation): boolean =>
  tag === Tag.subprogram &&
  attributes.some(({ attribute }) => attribute === Attribute.lowPc || attribute === Attribute.ranges);

/** Index of the last element that is not above `value`; -1 where all are. */
export const lastAtOrBelow = (sorted: Float64Array, value: number): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Number.POSITIVE_INFINITY) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};
