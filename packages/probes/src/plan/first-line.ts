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
  /** Address of the body's first instruction, when there is a `bodyLine`. */
  readonly bodyAddress: number | undefined;
  /** Why `bodyLine` is what it is, one sentence. */
  readonly reason: string;
}

/**
 * Calls that the compiler puts before the first statement. They return once and run nothing of the user's:
 * cmd/compile allocates escaping parameters, zeroes results, and tells the race detector.
 */
const prologueCalls = new Set(['runtime.newobject', 'runtime.racefuncenter', 'runtime.duffzero', 'runtime.duffcopy']);

const none = (functionLine: number, reason: string): FirstLine => ({
  functionLine,
  bodyLine: undefined,
  bodyAddress: undefined,
  reason,
});

const runAt = (runs: readonly LineAddress[], address: number): LineAddress | undefined =>
  runs.findLast((run) => run.address <= address);

/** Why control does not simply pass from the site to `end`; undefined when it does. */
const detour = (
  binary: GoBinary,
  between: readonly Decoded[],
  runs: readonly LineAddress[],
  lines: readonly number[],
): string | undefined => {
  for (const instruction of between) {
    if (instruction.flow === 'call') {
      const callee = instruction.target === undefined ? undefined : calleeOf(binary, instruction.target);
      if (callee === undefined || !prologueCalls.has(callee)) return `${callee ?? 'a function'} is called before it`;
    } else if (instruction.flow !== 'next') return 'a branch comes before it';
    const run = runAt(runs, instruction.address);
    const [position, ...callers] = run?.chain ?? [];
    if (position === undefined || callers.length > 0 || !lines.includes(position.line)) {
      return 'code of another line comes before it';
    }
  }
  return undefined;
};

const calleeOf = (binary: GoBinary, address: number): string | undefined => {
  for (const name of prologueCalls) {
    // The Duff devices are entered in the middle.
    if (binary.functionsNamed(name).some((fn) => address >= fn.entry && address < fn.entry + fn.size)) return name;
  }
  return undefined;
};

/** See FirstLine. `instructions` are those of `fn`. */
export const firstLine = (binary: GoBinary, fn: GoFunction, instructions: readonly Decoded[]): FirstLine => {
  const site = entrySite(instructions);
  if (site === undefined) return none(fn.line, 'The function has no site at its entry.');
  const runs = binary.linesOf(fn);
  const start = site.instruction.address;
  const body = runs.find(
    (run) => run.address > start && run.isStatement && run.chain.length === 1 && run.chain[0]?.line !== fn.line,
  );
  const line = body?.chain[0]?.line;
  if (body === undefined || line === undefined) return none(fn.line, 'The body is on the line of the func keyword.');
  const between = instructions.filter((each) => each.address >= start && each.address < body.address);
  const why = detour(binary, between, runs, [fn.line, line]);
  if (why !== undefined) return none(fn.line, `The body's first line ${line} is not the entry: ${why}.`);
  const jumpsBack = instructions.some(
    (each) => each.flow !== 'call' && each.target !== undefined && each.target > start && each.target <= body.address,
  );
  if (jumpsBack)
    return none(fn.line, `Line ${line} begins a loop, so it is passed more often than the function is called.`);
  return {
    functionLine: fn.line,
    bodyLine: line,
    bodyAddress: body.address,
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
