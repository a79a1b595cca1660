/**
 * offsetof(runtime.g, goid) by release, for programs without DWARF. Each number was read from the DWARF of programs
 * built by that release (64-bit: amd64; 32-bit: 386); the field moves only when runtime2.go changes `g` above it.
 */
interface Row {
  /** First Go 1.N with these offsets, bytes. */
  readonly since: number;
  readonly wide: number;
  readonly narrow: number;
}

const ROWS: readonly Row[] = [
  { since: 9, wide: 152, narrow: 80 },
  // syscallbp came before it (src/runtime/runtime2.go of 1.23), and left again in 1.25.
  { since: 23, wide: 160, narrow: 84 },
  { since: 25, wide: 152, narrow: 80 },
];
/** The newest release that was looked at; later ones may have moved the field. */
const NEWEST = 27;

/** N of the first and the last Go 1.N that may have built the program; the last undefined where it is not bounded. */
export type ReleaseBounds = readonly [number, number | undefined];

/** Undefined where the releases differ, and for those that nobody has looked at. */
export const goidOffset = ([first, last]: ReleaseBounds, pointerSize: 4 | 8): number | undefined => {
  if (last === undefined || last > NEWEST) return undefined;
  const row = ROWS.findLast((entry) => entry.since <= first);
  if (row === undefined || row !== ROWS.findLast((entry) => entry.since <= last)) return undefined;
  return pointerSize === 8 ? row.wide : row.narrow;
};
