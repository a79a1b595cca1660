/** Source with marks in the gutter: where the program stands, breakpoints, and what a condition on the line costs. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { bold, cyan, dim, type Screen } from './screen.js';
import type { LineMark, Symbols } from './symbols.js';

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Lines above and below the one that is asked for. */
const around = 5;

/** Relative where that is shorter and stays inside the directory. */
export const shownPath = (file: string): string => {
  const near = relative(process.cwd(), file);
  return near === '' || near.startsWith('..') ? file : near;
};

const markText = (mark: LineMark): string => {
  switch (mark.kind) {
    case 'none':
      return '';
    case 'delve':
      return 'Delve';
    case 'kernel': {
      const microseconds = mark.cost / 1_000;
      return `${microseconds < 10 ? microseconds.toFixed(1) : Math.round(microseconds)} us`;
    }
  }
};

export const legend =
  'Left of the line: "=>" the selected place, "B2" breakpoint 2, and what a condition on the line costs a hit in the kernel; ' +
  '"Delve" where only Delve can judge one (about 0.5 ms); nothing where the line has no code.';

export class Listing {
  readonly #sources = new Map<string, readonly string[] | undefined>();
  /** Where a `list` without arguments goes on. */
  #next: Place | undefined;

  #source(file: string): readonly string[] | undefined {
    if (!this.#sources.has(file)) this.#sources.set(file, readSource(file));
    return this.#sources.get(file);
  }

  /** The program was built again. */
  forget(): void {
    this.#sources.clear();
  }

  /** False when the file cannot be read here. */
  show(
    screen: Screen,
    symbols: Symbols | undefined,
    at: {
      readonly place: Place;
      readonly cursor: Place | undefined;
      readonly breakpoints: ReadonlyMap<number, number>;
    },
  ): boolean {
    const { place, cursor, breakpoints } = at;
    const lines = this.#source(place.file);
    if (lines === undefined) return false;
    const first = Math.max(1, place.line - around);
    const last = Math.min(lines.length, Math.max(place.line, 1) + around);
    for (let line = first; line <= last; line++) {
      const here = cursor?.file === place.file && cursor.line === line;
      const breakpoint = breakpoints.get(line);
      const mark = symbols === undefined ? '' : markText(symbols.markOf(place.file, line));
      const gutter = `${here ? '=>' : '  '} ${(breakpoint === undefined ? '' : `B${breakpoint}`).padEnd(3)} ${cyan(screen, mark.padStart(6))} ${dim(screen, String(line).padStart(5))}`;
      const text = lines[line - 1] ?? '';
      screen.print(`${gutter}  ${here ? bold(screen, text) : text}`.trimEnd());
    }
    this.#next = { file: place.file, line: last + around + 1 };
    return true;
  }

  /** Behind what was shown last; undefined at the end of the file. */
  get next(): Place | undefined {
    const next = this.#next;
    if (next === undefined || next.line - around > (this.#source(next.file)?.length ?? 0)) return undefined;
    return next;
  }
}

const readSource = (file: string): readonly string[] | undefined => {
  try {
    return readFileSync(file, 'utf8').replace(/\n$/, '').split('\n');
  } catch (error) {
    // Built elsewhere, or moved since.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
};
