/** How much of a program can be probed, and why the rest cannot. */
import type { GoBinary, GoFunction, LineAddress } from '@probelens/gosym';
import { firstLine, lineStart, runAt } from './first-line.js';
import { functionCode } from './function-code.js';
import { isAssembly } from './functions.js';
import { type Decoded, isPushFrame, type X86 } from './x86/decode.js';
import { entrySite } from './x86/entry-site.js';
import { type LineSite, logSites } from './x86/line-site.js';
import { type StopObstacle, stopSites } from './x86/stop-site.js';

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
  /** Lines at which a debugger can break, counted once per function; copies in other functions are not counted. */
  readonly total: number;
  /** The function's entry stands for it: the line of the `func` keyword, often the first of the body. */
  readonly entry: number;
  /** With a one-byte site inside. */
  readonly oneByte: number;
  /** With `pop %rbp` before a return: one byte, single-stepped. */
  readonly atReturn: number;
  /** With a site that needs a sentinel. */
  readonly sentinel: number;
  /** With one that Delve has back while a person steps (yielding-places.ts). */
  readonly yielding: number;
  readonly none: number;
  /** Why those without have none, by the most hopeful instruction of each (x86/stop-site.ts). */
  readonly reasons: Readonly<Record<NoStop, number>>;
  /** For counting and logging without a debugger: with an instruction that the kernel emulates, or only others. */
  readonly log: { readonly emulated: number; readonly stepped: number; readonly none: number };
}

/** "jump": the function jumps to addresses that nobody knows. */
export type NoStop = StopObstacle | 'jump';

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

const stopHomes = ['entry', 'oneByte', 'atReturn', 'sentinel', 'yielding'] as const;

type StopHome = (typeof stopHomes)[number];
type StopKind = StopHome | NoStop;
type LogKind = keyof LineCoverage['log'];

interface LineKinds {
  readonly stop: StopKind;
  readonly log: LogKind;
}

const stopKinds = { 1: 'oneByte', 2: 'sentinel', stepped: 'atReturn', nop5: 'oneByte', emulated: 'oneByte' } as const;

const logKind = (site: LineSite | undefined): LogKind => {
  if (site === undefined) return 'none';
  return site.tier === 'stepped' ? 'stepped' : 'emulated';
};

/** Of each line of the function's own code, but for those without a statement. */
const lineKinds = (binary: GoBinary, x86: X86, fn: GoFunction): readonly LineKinds[] => {
  const { code, runs, statements, isStart, mayYield } = functionCode(binary, x86, fn);
  const lines = new Set(runs.flatMap((run) => (run.chain.length === 1 && run.chain[0] ? [run.chain[0].line] : [])));
  const atEntry = new Set(
    entrySite(code.instructions) === undefined ? [] : [fn.line, firstLine(binary, fn, code.instructions).bodyLine],
  );
  return [...lines].flatMap((line): readonly LineKinds[] => {
    if (atEntry.has(line)) return [{ stop: 'entry', log: 'emulated' }];
    const isLine = (run: LineAddress): boolean => run.chain.length === 1 && run.chain[0]?.line === line;
    const start = lineStart(runs, statements, isLine);
    const index = start === undefined ? undefined : code.indexAt(start);
    if (start === undefined || index === undefined || !isStart(start) || statements?.includes(start) === false)
      return [];
    if (code.hasUnknownJump) return [{ stop: 'jump', log: 'none' }];
    const belongs = (address: number): boolean => {
      const run = runAt(runs, address);
      return run !== undefined && isLine(run);
    };
    const { sites, obstacle } = stopSites(x86, code, index, { belongs, isStart, mayYield });
    const [best] = sites;
    const [cheapest] = logSites(code, index, belongs, isStart, false);
    const stop = best?.yields === true ? 'yielding' : best && stopKinds[best.tier];
    return [{ stop: stop ?? obstacle, log: logKind(cheapest) }];
  });
};

const noReasons = { bytes: 0, instruction: 0, store: 0, statement: 0, last: 0, branch: 0, first: 0, jump: 0 };

const isHome = (stop: StopKind): stop is StopHome => stopHomes.some((home) => home === stop);

const countLines = (kinds: readonly LineKinds[]): LineCoverage => {
  const stops = { entry: 0, oneByte: 0, atReturn: 0, sentinel: 0, yielding: 0 };
  const reasons = { ...noReasons };
  const log = { emulated: 0, stepped: 0, none: 0 };
  let none = 0;
  for (const kind of kinds) {
    log[kind.log]++;
    if (isHome(kind.stop)) {
      stops[kind.stop]++;
    } else {
      none++;
      reasons[kind.stop]++;
    }
  }
  return { total: kinds.length, ...stops, none, reasons, log };
};

/** Longer than every stack check with the push behind it. */
const prologueBytes = 96;

/** Throws nothing: what cannot be decoded counts as without a site. */
export const coverageOf = (binary: GoBinary, x86: X86, options: CoverageOptions): Coverage => {
  const functions = { total: 0, checked: 0, unchecked: 0, otherFrame: 0, frameless: 0, assembly: 0 };
  const lines: LineKinds[] = [];
  const all = options.match === undefined ? binary.functions() : binary.functionsMatching(options.match);
  for (const fn of all) {
    if (fn.generated) continue;
    functions.total++;
    functions[kindOf(fn, x86.decode(binary.code(fn).subarray(0, prologueBytes), fn.entry))]++;
    if (options.lines === true && !isAssembly(fn)) lines.push(...lineKinds(binary, x86, fn));
  }
  return { functions, lines: options.lines === true ? countLines(lines) : undefined };
};
