/** What the executable knows: names to complete, the file that a short name means, what a stop costs on a line. */

import { basename, isAbsolute, resolve } from 'node:path';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { loadPlanner, type Planner } from '@probelens/probes';
import { functionNames } from '../function-names.js';
import { specOf } from '../kernel/planning.js';

export type LineMark =
  | { readonly kind: 'none' }
  /** A breakpoint there is Delve's whatever its condition. */
  | { readonly kind: 'delve'; readonly reason: string }
  /** `cost`: nanoseconds for a hit that does not match. */
  | { readonly kind: 'kernel'; readonly cost: number };

/** More than a person reads through. */
const mostNames = 200;

/** "main.(*Book).Match" is meant by "main.Match", "(*Book).Match", "Book.Match" and "Match". */
const isShortFor = (short: string, name: string): boolean => {
  const own = name.slice(name.lastIndexOf('/') + 1);
  const plain = own.replace(/\(\*([^)]*)\)/g, '$1');
  return [own, plain].some((full) => full === short || full.endsWith(`.${short}`));
};

export class Symbols {
  readonly #binary: GoBinary;
  readonly #planner: Planner;
  readonly #marks = new Map<string, LineMark>();
  #files: readonly string[] | undefined;

  private constructor(binary: GoBinary, planner: Planner) {
    this.#binary = binary;
    this.#planner = planner;
  }

  /** Rejects with a sentence when the file is no Go program. */
  static async open(path: string): Promise<Symbols> {
    const [binary, planner] = await Promise.all([openGoBinary(path), loadPlanner()]);
    return new Symbols(binary, planner);
  }

  close(): void {
    this.#binary.close();
  }

  /** Functions of the source, whole names or from the last part of the import path on. */
  functionsWith(prefix: string): readonly string[] {
    return functionNames(this.#binary, prefix, mostNames);
  }

  functionsMatching(pattern: RegExp): readonly string[] {
    const found = this.#binary.functionsMatching(pattern).filter(({ generated }) => !generated);
    return [...new Set(found.map(({ name }) => name))].sort();
  }

  /** The name itself where it exists, else the only function that it is short for, else what was written. */
  functionNamed(written: string): string {
    if (this.#binary.functionsNamed(written).length > 0 || this.#binary.inlinedCopiesOf(written).length > 0)
      return written;
    const found = new Set<string>();
    for (const { name, generated } of this.#binary.functions())
      if (!generated && isShortFor(written, name)) found.add(name);
    const [only] = found;
    return found.size === 1 && only !== undefined ? only : written;
  }

  /** Existing names close to a misspelt one, best first. */
  similarTo(name: string): readonly string[] {
    return this.#binary.functionsNamed(name).length > 0 ? [] : this.#binary.similarNames(name, 3);
  }

  declarationOf(name: string): { readonly file: string; readonly line: number } | undefined {
    const [fn] = this.#binary.functionsNamed(name);
    return fn === undefined || fn.file === '' ? undefined : { file: fn.file, line: fn.line };
  }

  /** Every source file of the program, as the compiler wrote it down. */
  get files(): readonly string[] {
    this.#files ??= [...new Set([...this.#binary.functions()].map(({ file }) => file))]
      .filter((file) => isAbsolute(file))
      .sort();
    return this.#files;
  }

  /** Files whose own name begins with this; the program's main module first, as it is meant mostly. */
  filesWith(prefix: string): readonly string[] {
    return [...new Set(this.files.map((file) => basename(file)))].filter((name) => name.startsWith(prefix));
  }

  /** The path that the compiler wrote down, for a path of this machine or a trailing part of one. */
  fileNamed(written: string): string {
    const whole = resolve(written);
    if (this.files.includes(whole)) return whole;
    const found = this.files.filter((file) => file.endsWith(`/${written}`));
    const [only] = found;
    return found.length === 1 && only !== undefined ? only : whole;
  }

  /** Where else a short name may point; empty when it is clear. */
  filesMeant(written: string): readonly string[] {
    if (this.files.includes(resolve(written))) return [];
    const found = this.files.filter((file) => file.endsWith(`/${written}`));
    return found.length > 1 ? found : [];
  }

  /** What the adapter would do with a conditional breakpoint on this line. */
  markOf(file: string, line: number): LineMark {
    const key = `${file}:${line}`;
    const known = this.#marks.get(key);
    if (known !== undefined) return known;
    const mark = this.#judge(file, line);
    this.#marks.set(key, mark);
    return mark;
  }

  #judge(file: string, line: number): LineMark {
    if (this.#binary.addressesOf(file, line).length === 0) return { kind: 'none' };
    const item = { kind: 'line', file, line, condition: undefined, action: { kind: 'stop' } } as const;
    const outcome = specOf(item, this.#binary);
    if (!outcome.ok) return { kind: 'delve', reason: outcome.message };
    const result = this.#planner.plan(outcome.spec, this.#binary, { use: 'stop', yielding: true });
    if (!result.ok) return { kind: 'delve', reason: result.refusal.message };
    return { kind: 'kernel', cost: Math.max(0, ...result.plan.sites.map(({ cost }) => cost)) };
  }
}
