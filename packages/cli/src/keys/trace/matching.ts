/** Brings together what the kernel saw and what the terminal sent. Pure: time comes from outside. */
import { type KeyNames, namesOf, splitSequences, visible } from '../encodings.js';

export interface Arrived {
  readonly kind: 'arrived';
  readonly bytes: string;
  readonly names: KeyNames;
  /** Milliseconds since the last key; undefined for the first. */
  readonly since: number | undefined;
  /** The kernel's name for it, where its keyboards are read. */
  readonly kernel: string | undefined;
}

export interface Unsent {
  readonly kind: 'unsent';
  readonly kernel: string;
}

export type Report = Arrived | Unsent;

/** A key that the terminal has not sent so long after the kernel saw it was kept by somebody. Milliseconds. */
export const PATIENCE_MS = 500;

const couldBe = (kernel: string, names: KeyNames): boolean => {
  const said = Object.values(names).flatMap((name) => name?.split(', or ') ?? []);
  const plain = (name: string): string => name.toLowerCase().replace('shift+', '');
  // A legacy terminal drops Shift; characters come by the layout, which the kernel does not know.
  return said.some((name) => plain(name) === plain(kernel) || [...name].length === 1);
};

export class Matching {
  #unfinished = '';
  #last: number | undefined;
  #seen: readonly { readonly name: string; readonly at: number }[] = [];

  /** The kernel saw a key. `at`: milliseconds of any steady clock. */
  saw(name: string, at: number): void {
    this.#seen = [...this.#seen, { name, at }];
  }

  /** Whether the rest of a sequence is awaited. */
  get isUnfinished(): boolean {
    return this.#unfinished !== '';
  }

  /** Bytes came, as a string. */
  came(text: string, at: number): readonly Report[] {
    const { whole, rest } = splitSequences(this.#unfinished + text);
    this.#unfinished = rest;
    return whole.flatMap((bytes) => this.#arrived(bytes, at));
  }

  /** Nothing more came for a while: what is unfinished is all there was (Esc alone). */
  finish(at: number): readonly Report[] {
    const bytes = this.#unfinished;
    this.#unfinished = '';
    return bytes === '' ? [] : this.#arrived(bytes, at);
  }

  /** Keys that have not been sent in `PATIENCE_MS`. */
  overdue(at: number): readonly Report[] {
    const [late, waiting] = [true, false].map((isLate) =>
      this.#seen.filter((each) => at - each.at >= PATIENCE_MS === isLate),
    );
    this.#seen = waiting ?? [];
    return (late ?? []).map(({ name }) => ({ kind: 'unsent', kernel: name }));
  }

  #arrived(bytes: string, at: number): readonly Report[] {
    const names = namesOf(bytes);
    const index = this.#seen.findIndex(({ name }) => couldBe(name, names));
    // Keys come in order: what the kernel saw before this one was not sent.
    const skipped = index < 0 ? [] : this.#seen.slice(0, index);
    const kernel = this.#seen[index]?.name;
    this.#seen = index < 0 ? this.#seen : this.#seen.slice(index + 1);
    const since = this.#last === undefined ? undefined : at - this.#last;
    this.#last = at;
    return [
      ...skipped.map(({ name }) => ({ kind: 'unsent' as const, kernel: name })),
      { kind: 'arrived', bytes, names, since, kernel },
    ];
  }
}

const labels = { legacy: 'legacy', csiU: 'CSI-u', kitty: 'kitty' } as const;

export const reportText = (report: Report): string => {
  if (report.kind === 'unsent') return `the kernel saw ${report.kernel}, the terminal did not send it`;
  const { bytes, names, since, kernel } = report;
  const hex = [...Buffer.from(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const said = [...new Set(Object.values(names))];
  // Mostly all encodings agree.
  const name =
    said.length === 1
      ? (said[0] ?? 'no key that is known')
      : Object.entries(labels)
          .map(([encoding, label]) => `${label}: ${names[encoding as keyof KeyNames] ?? '-'}`)
          .join('; ');
  const time = since === undefined ? '' : `  +${since.toFixed(1)} ms`;
  const seen = kernel === undefined ? '' : `  (the kernel saw ${kernel})`;
  return `${visible(bytes).padEnd(10)}  ${hex.padEnd(20)}  ${name}${seen}${time}`;
};
