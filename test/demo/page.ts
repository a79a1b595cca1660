/** What the demo prints: headings, lines with a mark, one table. Plain text where stdout is not a terminal. */

const color = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = (text: string): string => paint(1, text);
export const dim = (text: string): string => paint(2, text);
const green = (text: string): string => paint(32, text);
const red = (text: string): string => paint(31, text);

const write = (text: string): void => {
  process.stdout.write(text);
};

export class Page {
  #pending = false;
  failures = 0;

  heading(text: string): void {
    write(`\n${bold(text)}\n`);
  }

  line(text = ''): void {
    this.#endPending();
    write(text === '' ? '\n' : `  ${text}\n`);
  }

  /** Shows that something is going on, until the next line is written. Terminals only. */
  working(text: string): void {
    if (!color) return;
    this.#endPending();
    write(`  ${dim(`${text} ...`)}`);
    this.#pending = true;
  }

  /** One claim and whether it held; a claim that did not hold makes the demo fail. */
  check(holds: boolean, claim: string, detail = ''): void {
    this.#endPending();
    if (!holds) this.failures++;
    const mark = holds ? green('ok') : red('FAILED');
    write(`  ${mark}  ${claim}${detail === '' ? '' : ` ${dim(detail)}`}\n`);
  }

  table(rows: readonly (readonly string[])[]): void {
    const [header = []] = rows;
    const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
    rows.forEach((row, index) => {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      write(`  ${index === 0 ? dim(cells.join('   ')) : cells.join('   ')}\n`);
    });
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
