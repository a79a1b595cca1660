/** What the demo prints: headings, lines with a mark, one table. Plain text where stdout is not a terminal. */
import type { PictureLine, Tone } from './picture.js';

// https://no-color.org: an empty one does not count.
const color = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);

const codes: Readonly<Record<Exclude<Tone, 'plain'>, number>> = { heading: 1, ok: 32, failed: 31, dim: 2 };
const painted = ({ text, tone }: PictureLine[number]): string => (tone === 'plain' ? text : paint(codes[tone], text));

const write = (text: string): void => {
  process.stdout.write(text);
};

export class Page {
  #pending = false;
  #section: PictureLine[] = [];
  readonly #sections = new Map<string, PictureLine[]>();
  failures = 0;

  heading(text: string): void {
    this.#section = [];
    this.#sections.set(text, this.#section);
    this.#show([]);
    this.#show([{ text, tone: 'heading' }]);
  }

  line(text = ''): void {
    this.#show(text === '' ? [] : [{ text: `  ${text}`, tone: 'plain' }]);
  }

  /** Shows that something is going on, until the next line is written. Terminals only. */
  working(text: string): void {
    if (!color) return;
    this.#endPending();
    write(`  ${paint(codes.dim, `${text} ...`)}`);
    this.#pending = true;
  }

  /** One claim and whether it held; a claim that did not hold makes the demo fail. */
  check(holds: boolean, claim: string, detail = ''): void {
    if (!holds) this.failures++;
    this.#show([
      { text: '  ', tone: 'plain' },
      { text: holds ? 'ok' : 'FAILED', tone: holds ? 'ok' : 'failed' },
      { text: `  ${claim}`, tone: 'plain' },
      ...(detail === '' ? [] : [{ text: `  ${detail}`, tone: 'dim' } as const]),
    ]);
  }

  table(rows: readonly (readonly string[])[]): void {
    const [header = []] = rows;
    const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
    rows.forEach((row, index) => {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      this.#show([{ text: `  ${cells.join('   ')}`.trimEnd(), tone: index === 0 ? 'dim' : 'plain' }]);
    });
  }

  /** The lines of these sections, for a picture; those that were not reached are left out. */
  linesOf(headings: readonly string[]): readonly PictureLine[] {
    return headings.flatMap((heading) => this.#sections.get(heading) ?? []).slice(1);
  }

  #show(line: PictureLine): void {
    this.#endPending();
    write(`${line.map(painted).join('')}\n`);
    this.#section.push(line);
  }

  #endPending(): void {
    if (this.#pending) write('\r\u001b[K');
    this.#pending = false;
  }
}

/** Nanoseconds for people: "0.46 us", "0.69 ms". */
export const duration = (nanoseconds: number): string => {
  if (nanoseconds < 1_000) return `${nanoseconds.toFixed(0)} ns`;
  if (nanoseconds < 1_000_000) return `${(nanoseconds / 1_000).toFixed(2)} us`;
  if (nanoseconds < 1_000_000_000) return `${(nanoseconds / 1_000_000).toFixed(2)} ms`;
  return `${(nanoseconds / 1_000_000_000).toFixed(2)} s`;
};

export const thousands = (value: number): string => Math.round(value).toLocaleString('en-US');
