/**
 * Plans probes: pure and synchronous once `loadPlanner()` has loaded the instruction decoder and the Go grammar.
 * It never guesses: what it cannot show to be right is a refusal.
 */
import type { GoBinary, GoFunction } from '@probelens/gosym';
import type { Parser } from 'web-tree-sitter';
import { crashReadings } from '../crash/captures.js';
import { goParser } from '../go-grammar.js';
import type { ProbeSpec } from '../spec/spec.js';
import { armedThreadSites } from './armed-threads.js';
import { codeHash } from './code-hash.js';
import { type Coverage, type CoverageOptions, coverageOf } from './coverage.js';
import type { LoweredExpression } from './expression.js';
import { type FirstLine, firstLine } from './first-line.js';
import { both } from './lower/build.js';
import { placesFor, requireMachine } from './places.js';
import type { PlannedBinary, PlanResult, ProbePlan } from './plan.js';
import { labelCondition } from './pprof-label.js';
import { type Readings, readAt } from './readings.js';
import { Refused } from './refused.js';
import type { Request } from './request.js';
import { goidOffsetOf } from './scope-at.js';
import { createX86 } from './x86/decode.js';

export interface PlanOptions {
  /** Default: "stop" for `do stop`, else "log". */
  readonly use?: 'stop' | 'log';
  /** File offsets where a debugger holds breakpoints; leave it out when there is no debugger. */
  readonly avoid?: readonly number[];
  /** Whoever arms the plan takes sites that yield (PlannedSite) out before each step of the debugger's. Default: no. */
  readonly yielding?: boolean;
}

export interface Planner {
  plan(spec: ProbeSpec, binary: GoBinary, options?: PlanOptions): PlanResult;
  /**
   * Gates that serve stops of kernel events under a debugger: armed with a tracer beside a `tracepoint:... do stop`, they
   * fire for the threads that the event has armed, and for nobody else. One plan for each site, none in programs without
   * such places (assembly wrappers before Go 1.19, other machines than amd64). `avoid`: as in `plan`.
   */
  armedThreadPlans(binary: GoBinary, options?: Pick<PlanOptions, 'avoid'>): readonly ProbePlan[];
  /** Which lines a probe at the function's entry may stand for. */
  firstLineOf(fn: GoFunction, binary: GoBinary): FirstLine;
  /** How much of the program can be probed. Throws Refused for machines other than amd64. */
  coverage(binary: GoBinary, options?: CoverageOptions): Coverage;
  /** Gives the parser's memory back. */
  dispose(): void;
}

const identity = (binary: GoBinary): PlannedBinary => {
  const { go, gnu } = binary.buildIds;
  return {
    path: binary.path,
    goVersion: binary.goVersion,
    goBuildId: go,
    gnuBuildId: gnu,
    codeHash: codeHash(binary),
  };
};

const checkScope = (spec: ProbeSpec, goidOffset: number | undefined): void => {
  const { scope } = spec;
  if (scope.kind !== 'process' && scope.kind !== 'label' && goidOffset === undefined) {
    throw new Refused(
      'unknown-goroutine',
      'Goroutines cannot be told apart in this program: the place of their id is unknown.',
    );
  }
};

/** The label before the condition, which may fault where the label already says no. */
const onLabel = (readings: Readings, label: LoweredExpression): Readings => {
  const { condition, variants } = readings;
  const before = (each: LoweredExpression | undefined): LoweredExpression =>
    each === undefined ? label : both(label, each);
  return {
    ...readings,
    condition: before(condition),
    ...(variants && { variants: variants.map((each) => ({ ...each, condition: before(each.condition) })) }),
  };
};

const noteStripped = ({ spec, binary, notes }: Request): void => {
  const { action, target } = spec;
  const showsArguments = action.kind === 'snapshot' || (action.kind === 'log' && action.template === undefined);
  if (binary.hasDwarf || !showsArguments || target.kind === 'package') return;
  const what = target.kind === 'return' ? 'results' : 'arguments';
  notes.push({
    code: 'no-debug-information',
    message: `The ${what} are not shown: the program has no debug information; build it without -ldflags=-w or -s.`,
  });
};

const makePlan = (request: Request, parser: Parser): ProbePlan => {
  const { spec, binary } = request;
  const goidOffset = goidOffsetOf(binary);
  checkScope(spec, goidOffset);
  const { scope } = spec;
  const label = scope.kind === 'label' ? labelCondition(scope, binary) : undefined;
  const places = placesFor(request);
  if (spec.target.kind !== 'crash') noteStripped(request);
  const readings =
    spec.target.kind === 'crash' ? crashReadings(request, places) : readAt(spec, places, parser, request.notes);
  return { spec, binary: identity(binary), goidOffset, ...(label ? onLabel(readings, label) : readings) };
};

/** Loads the decoder and the grammar (WebAssembly, about 100 ms the first time). */
export const loadPlanner = async (): Promise<Planner> => {
  const [iced, parser] = await Promise.all([import('iced-x86'), goParser()]);
  const x86 = createX86(iced);
  return {
    plan(spec, binary, options = {}) {
      const use = options.use ?? (spec.action.kind === 'stop' ? 'stop' : 'log');
      const { avoid, yielding } = options;
      const request: Request = { spec, binary, x86, use, avoid, yielding, notes: [] };
      try {
        return { ok: true, plan: makePlan(request, parser), notes: request.notes };
      } catch (error) {
        if (error instanceof Refused) return { ok: false, refusal: { code: error.code, message: error.message } };
        throw error;
      }
    },
    armedThreadPlans(binary, options = {}) {
      if (binary.machine !== 'amd64') return [];
      const rest = {
        binary: identity(binary),
        goidOffset: goidOffsetOf(binary),
        captures: [],
        forArmedThreads: true,
      } as const;
      return armedThreadSites({ binary, x86, use: 'stop', avoid: options.avoid, notes: [] }).map((site) => ({
        ...site,
        ...rest,
      }));
    },
    firstLineOf: (fn, binary) => firstLine(binary, fn, x86.decode(binary.code(fn), fn.entry)),
    coverage(binary, options = {}) {
      requireMachine(binary);
      return coverageOf(binary, x86, options);
    },
    dispose: () => parser.delete(),
  };
};
