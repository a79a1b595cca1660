/**
 * Columns in the units that client and server agreed on. Inside the server every column counts UTF-16 code units, as
 * JavaScript strings and tree-sitter's binding do.
 */

export type PositionUnits = 'utf-8' | 'utf-16' | 'utf-32';

/** Zero-based line and UTF-16 column. */
export interface Place {
  readonly line: number;
  readonly character: number;
}

export interface Span {
  readonly start: Place;
  readonly end: Place;
}

/** UTF-16 unless the client offers only others: it is the one that every client must understand (LSP 3.17). */
export function chooseUnits(offered: readonly string[] | undefined): PositionUnits {
  if (offered === undefined || offered.length === 0 || offered.includes('utf-16')) return 'utf-16';
  return offered.find((units): units is PositionUnits => units === 'utf-8' || units === 'utf-32') ?? 'utf-16';
}

/** Units of one code point. */
const width = (codePoint: number, units: PositionUnits): number => {
  if (units === 'utf-32') return 1;
  if (units === 'utf-16') return codePoint > 0xffff ? 2 : 1;
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
};

/** Column in the client's units of a UTF-16 column in `line`; a column inside a code point counts up to its start. */
export function columnToClient(line: string, column: number, units: PositionUnits): number {
  if (units === 'utf-16') return column;
  let result = 0;
  let at = 0;
  for (const character of line) {
    if (at + character.length > column) break;
    at += character.length;
    result += width(character.codePointAt(0) ?? 0, units);
  }
  return result;
}

/** UTF-16 column of a client's column in `line`; one beyond the end is the end, as the protocol demands. */
export function columnFromClient(line: string, column: number, units: PositionUnits): number {
  if (units === 'utf-16') return Math.min(column, line.length);
  let seen = 0;
  let at = 0;
  for (const character of line) {
    const next = seen + width(character.codePointAt(0) ?? 0, units);
    if (next > column) break;
    seen = next;
    at += character.length;
  }
  return at;
}
