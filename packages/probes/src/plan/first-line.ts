/**
 * Which source lines the site at a function's entry may stand for. A debugger's breakpoint on the line of the `func`
 * keyword sits after the prologue and is passed once per call. One on the first line of the body may be passed often (a
 * loop), late or never; it is the same as the entry only if the machine code shows that.
 */
import type { GoBinary, GoFunction, GoVariable, LineAddress } from '@probelens/gosym';
import type { Decoded } from './x86/decode.js';
import { entrySite } from './x86/entry-site.js';

export interface FirstLine {
  /** Line of the `func` keyword: always the same as the entry. */
  readonly functionLine: number;
  /** First line of the body, when a breakpoint there is passed exactly once per call and before anything has changed. */
  readonly bodyLine: number | undefined;
  /** Address where a debugger breaks for that line, when there is a `bodyLine`. */
  readonly bodyAddress: number | undefined;
  /** The runtime is called between the entry and `bodyAddress`: nobody gets there by single steps. */
  readonly behindCall: boolean;
  /** Why `bodyLine` is what it is, one sentence. */
  readonly reason: string;
}

/**
 * Calls that the compiler puts before the first statement. They return once and run nothing of the user's:
 * cmd/compile allocates escaping parameters, zeroes results, and tells the race detector.
 */
const prologueCalls = ['runtime.newobject', 'runtime.racefuncenter', 'runtime.duffzero', 'runtime.duffcopy'];

const none = (functionLine: number, reason: string): FirstLine => ({
  functionLine,
  bodyLine: undefined,
  bodyAddress: undefined,
  behindCall: false,
  reason,
});

export const runAt = (runs: readonly LineAddress[], address: number): LineAddress | undefined => {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[middle]?.address ?? 0) <= address) low = middle + 1;
    else high = middle;
  }
  return runs[low - 1];
};

/** Where a debugger breaks for a line in the function's own code: its lowest statement. */
export const lineStart = (
  runs: readonly LineAddress[],
  statements: readonly number[] | undefined,
  isLine: (run: LineAddress) => boolean,
): number | undefined => {
  const isOwn = (address: number): boolean => {
    const run = runAt(runs, address);
    return run !== undefined && isLine(run);
  };
  return statements?.find(isOwn) ?? runs.find(isLine)?.address;
};

const calleeOf = (binary: GoBinary, address: number): string | undefined =>
  // The Duff devices are entered in the middle.
  prologueCalls.find((name) =>
    binary.functionsNamed(name).some((fn) => address >= fn.entry && address < fn.entry + fn.size),
  );

/** Why control does not simply pass through `between`; undefined when it does. */
const detour = (
  binary: GoBinary,
  between: readonly Decoded[],
  runs: readonly LineAddress[],
  lines: readonly number[],
): string | undefined => {
  for (const instruction of between) {
    if (instruction.flow === 'call') {
      if (instruction.target === undefined || calleeOf(binary, instruction.target) === undefined) {
        return 'a function is called before it';
      }
    } else if (instruction.flow !== 'next') return 'a branch comes before it';
    const [position, ...callers] = runAt(runs, instruction.address)?.chain ?? [];
    if (position === undefined || callers.length > 0 || !lines.includes(position.line)) {
      return 'code of another line comes before it';
    }
  }
  return undefined;
};

const ownLine = (run: LineAddress): number | undefined => (run.chain.length === 1 ? run.chain[0]?.line : undefined);

/** See FirstLine. `instructions` are those of `fn`. */
export const firstLine = (binary: GoBinary, fn: GoFunction, instructions: readonly Decoded[]): FirstLine => {
  const site = entrySite(instructions);
  if (site === undefined) return none(fn.line, 'The function has no site at its entry.');
  const runs = binary.linesOf(fn);
  const statements = binary.statementsOf(fn);
  const start = site.instruction.address;
  const isBody = (run: LineAddress): boolean => {
    const line = ownLine(run);
    return line !== undefined && line > 0 && line !== fn.line;
  };
  const address = lineStart(runs, statements, isBody);
  const run = address === undefined ? undefined : runAt(runs, address);
  const line = run && ownLine(run);
  if (address === undefined || line === undefined || address <= start) {
    return none(fn.line, 'The body is on the line of the func keyword.');
  }
  const between = instructions.filter((each) => each.address >= start && each.address < address);
  const why = detour(binary, between, runs, [fn.line, line]);
  if (why !== undefined) return none(fn.line, `Line ${line} is not the same as the entry: ${why}.`);
  const jumpsBack = instructions.some(
    (each) => each.flow !== 'call' && each.target !== undefined && each.target > start && each.target <= address,
  );
  if (jumpsBack) {
    return none(fn.line, `Line ${line} begins a loop, so it is passed more often than the function is called.`);
  }
  return {
    functionLine: fn.line,
    bodyLine: line,
    bodyAddress: address,
    behindCall: between.some(({ flow }) => flow === 'call'),
    reason: `Line ${line} is reached once per call, before anything has changed.`,
  };
};

/**
 * Parameters that a condition on the body's first line may read at the entry: those that the debugger finds unchanged
 * there. One that is constant or gone by then was changed by a statement that left no code.
 */
export const unchangedParameters = (
  atEntry: readonly GoVariable[],
  atBody: readonly GoVariable[],
): readonly GoVariable[] =>
  atEntry.map((parameter) => {
    const later = atBody.find((each) => each.name === parameter.name);
    const same = JSON.stringify(later?.place) === JSON.stringify(parameter.place);
    const isHome = later?.place.kind === 'memory' || later?.place.kind === 'indirect';
    if (later !== undefined && later.role === 'parameter' && (same || isHome)) return parameter;
    return { ...parameter, place: { kind: 'absent', reason: 'it may have changed before this line' } };
  });
