/** How much of a program can be probed, and why the rest cannot. */
import type { GoBinary, GoFunction } from '@probelens/gosym';
import { lineStart, runAt } from './first-line.js';
import { isAssembly } from './functions.js';
import { codeOf } from './x86/code.js';
import { type Decoded, isPushFrame, type X86 } from './x86/decode.js';
import { entrySite } from './x86/entry-site.js';
import { stopSites } from './x86/line-site.js';

export interface FunctionCoverage {
  /** Functions that the compiler made are not counted. */
  readonly total: number;
  /** `push %rbp` after the stack check. */
  readonly checked: number;
  /** `push %rbp` as the entry instruction. */
  readonly unchecked: number;
  /** A frame is set up in a way that has no one-byte site (Go < 1.21). */
  readonly otherFrame: number;
  /** No frame at all. */
  readonly frameless: number;
  readonly assembly: number;
}

export interface LineCoverage {
  /** Lines with code of their own, counted once per function. */
  readonly total: number;
  /** The line of the `func` keyword, which the function's entry stands for. */
  readonly entry: number;
  /** With a one-byte site inside. */
  readonly oneByte: number;
  /** With a site that needs a sentinel. */
  readonly sentinel: number;
  readonly none: number;
}

export interface Coverage {
  readonly functions: FunctionCoverage;
  /** Only when lines were asked for: every function is then decoded as a whole. */
  readonly lines: LineCoverage | undefined;
}

export interface CoverageOptions {
  /** Also look for a site in every source line that may stop the program. */
  readonly lines?: boolean;
  /** Only functions whose names match. */
  readonly match?: RegExp;
}

type Kind = Exclude<keyof FunctionCoverage, 'total'>;

const kindOf = (fn: GoFunction, instructions: readonly Decoded[]): Kind => {
  if (isAssembly(fn)) return 'assembly';
  const site = entrySite(instructions);
  if (site !== undefined) return site.first ? 'unchecked' : 'checked';
  const frame = instructions.some(
    (each) => isPushFrame(each) || (each.mnemonic === 'lea' && each.written.includes('rbp')),
  );
  return frame ? 'otherFrame' : 'frameless';
};

type LineKind = Exclude<keyof LineCoverage, 'total'>;

const lineKinds = (
  binary: GoBinary,
  x86: X86,
  fn: GoFunction,
  instructions: readonly Decoded[],
): readonly LineKind[] => {
  const runs = binary.linesOf(fn);
  const statements = binary.statementsOf(fn);
  const code = codeOf(instructions);
  const starts: ReadonlySet<number> = new Set(statements ?? []);
  const isStart = (address: number): boolean => starts.has(address) || runAt(runs, address)?.address === address;
  const lines = new Set(runs.flatMap((run) => (run.chain.length === 1 && run.chain[0] ? [run.chain[0].line] : [])));
  const hasEntry = entrySite(instructions) !== undefined;
  return [...lines].map((line): LineKind => {
    if (line === fn.line && hasEntry) return 'entry';
    const isLine = (run: (typeof runs)[number]): boolean => run.chain.length === 1 && run.chain[0]?.line === line;
    const start = lineStart(runs, statements, isLine);
    const index = start === undefined ? undefined : code.indexAt(start);
    if (index === undefined || code.hasTableJump) return 'none';
    const belongs = (address: number): boolean => {
      const run = runAt(runs, address);
      return run !== undefined && isLine(run);
    };
    const [best] = stopSites(x86, code, index, belongs, isStart);
    if (best === undefined) return 'none';
    return best.tier === 1 ? 'oneByte' : 'sentinel';
  });
};

/** Longer than every stack check with the push behind it. */
const prologueBytes = 96;

/** Throws nothing: what cannot be decoded counts as without a site. */
export const coverageOf = (binary: GoBinary, x86: X86, options: CoverageOptions): Coverage => {
  const functions = { total: 0, checked: 0, unchecked: 0, otherFrame: 0, frameless: 0, assembly: 0 };
  const lines = { total: 0, entry: 0, oneByte: 0, sentinel: 0, none: 0 };
  const all = options.match === undefined ? binary.functions() : binary.functionsMatching(options.match);
  for (const fn of all) {
    if (fn.generated) continue;
    const code = binary.code(fn);
    const wanted = options.lines === true && !isAssembly(fn);
    const instructions = x86.decode(wanted ? code : code.subarray(0, prologueBytes), fn.entry);
    functions.total++;
    functions[kindOf(fn, instructions)]++;
    if (!wanted) continue;
    for (const kind of lineKinds(binary, x86, fn, instructions)) {
      lines.total++;
      lines[kind]++;
    }
  }
  return { functions, lines: options.lines === true ? lines : undefined };
};
