/**
 * Plans probes: pure and synchronous once `loadPlanner()` has loaded the instruction decoder and the Go grammar.
 * It never guesses: what it cannot show to be right is a refusal.
 */
import type { GoBinary, GoFunction } from '@probelens/gosym';
import type { Parser } from 'web-tree-sitter';
import { goParser } from '../go-grammar.js';
import type { ProbeSpec } from '../spec/spec.js';
import { capturesFor } from './capture.js';
import { type Coverage, type CoverageOptions, coverageOf } from './coverage.js';
import type { LoweredExpression } from './expression.js';
import { type FirstLine, firstLine } from './first-line.js';
import { lowerCondition } from './lower/lower.js';
import type { Scope } from './lower/scope.js';
import { parseExpression } from './lower/syntax.js';
import { placesFor, requireMachine } from './places.js';
import type { PlannedBinary, PlannedCapture, PlannedSite, PlanResult, ProbePlan } from './plan.js';
import { Refused } from './refused.js';
import { needsOf, type Place, type Request } from './request.js';
import { goidOffsetOf } from './scope-at.js';
import { createX86 } from './x86/decode.js';

export interface PlanOptions {
  /** Default: "stop" for `do stop`, else "log". */
  readonly use?: 'stop' | 'log';
  /** File offsets where a debugger holds breakpoints; leave it out when there is no debugger. */
  readonly avoid?: readonly number[];
}

export interface Planner {
  plan(spec: ProbeSpec, binary: GoBinary, options?: PlanOptions): PlanResult;
  /** Which lines a probe at the function's entry may stand for. */
  firstLineOf(fn: GoFunction, binary: GoBinary): FirstLine;
  /** How much of the program can be probed. Throws Refused for machines other than amd64. */
  coverage(binary: GoBinary, options?: CoverageOptions): Coverage;
  /** Gives the parser's memory back. */
  dispose(): void;
}

const identity = (binary: GoBinary): PlannedBinary => {
  const { go, gnu } = binary.buildIds;
  if (go === undefined && gnu === undefined) {
    throw new Refused(
      'no-build-id',
      'The program has no build id, so nobody could tell whether it is still the same; build it without -buildid=.',
    );
  }
  return { path: binary.path, goVersion: binary.goVersion, goBuildId: go, gnuBuildId: gnu };
};

/** The same for every place, or none: a plan has one program for all its sites. */
const agreed = <T>(places: readonly Place[], lower: (scope: Scope) => T, what: string): T => {
  const [first, ...rest] = places;
  if (first === undefined) throw new Refused('no-site', 'There is no place for this probe.');
  const result = lower(first.scope);
  const text = JSON.stringify(result);
  for (const place of rest) {
    if (JSON.stringify(lower(place.scope)) === text) continue;
    throw new Refused(
      'differing-sites',
      `The ${what} means something else in ${first.function} than in ${place.function}; probe them one by one.`,
    );
  }
  return result;
};

const captures = (spec: ProbeSpec, places: readonly Place[], parser: Parser): readonly PlannedCapture[] => {
  const { action } = spec;
  if (action.kind === 'count') return [];
  const template = action.kind === 'log' ? action.template : undefined;
  try {
    return agreed(places, (scope) => capturesFor(scope, parser, template), 'log message');
  } catch (error) {
    // Nobody asked for the parameters by name: without them the event is still one.
    if (error instanceof Refused && error.code === 'differing-sites' && template === undefined) return [];
    throw error;
  }
};

const checkScope = (spec: ProbeSpec, goidOffset: number | undefined): void => {
  const { scope } = spec;
  if (scope.kind === 'label') {
    throw new Refused('unsupported-scope', 'Probes cannot be limited to a pprof label; use "on goroutine N".');
  }
  if (scope.kind !== 'process' && goidOffset === undefined) {
    throw new Refused(
      'unknown-goroutine',
      'Goroutines cannot be told apart in this program: the place of their id is unknown.',
    );
  }
};

const present = <T>(values: readonly (T | undefined)[]): readonly T[] =>
  values.flatMap((value) => (value === undefined ? [] : [value]));

/** The same instruction may be reached by two names, or be the place of two copies. */
const distinct = (sites: readonly PlannedSite[]): readonly PlannedSite[] =>
  [...new Map(sites.toReversed().map((site) => [site.offset, site])).values()].toReversed();

interface Chosen {
  readonly sites: readonly PlannedSite[];
  readonly captures: readonly PlannedCapture[];
}

const chooseSites = (
  spec: ProbeSpec,
  places: readonly Place[],
  condition: LoweredExpression | undefined,
  shown: readonly PlannedCapture[],
): Chosen => {
  const choose = (captured: readonly PlannedCapture[]): Chosen => {
    const needs = needsOf(present([condition, ...captured.flatMap((each) => [each.value, each.length])]));
    return { sites: distinct(places.map((place) => place.choose(needs))), captures: captured };
  };
  try {
    return choose(shown);
  } catch (error) {
    // Parameters that nobody asked for by name may not cost the probe its place.
    const isAsked = spec.action.kind === 'log' && spec.action.template !== undefined;
    if (!(error instanceof Refused) || error.code !== 'no-line-site' || isAsked || shown.length === 0) throw error;
    return choose([]);
  }
};

const makePlan = (request: Request, parser: Parser): ProbePlan => {
  const { spec, binary } = request;
  const goidOffset = goidOffsetOf(binary);
  checkScope(spec, goidOffset);
  const places = placesFor(request);
  const syntax = spec.condition === undefined ? undefined : parseExpression(parser, spec.condition);
  const condition = syntax && agreed(places, (scope) => lowerCondition(scope, syntax), 'condition');
  const shown = captures(spec, places, parser);
  const chosen = chooseSites(spec, places, condition, shown);
  return { spec, binary: identity(binary), ...chosen, condition, goidOffset };
};

/** Loads the decoder and the grammar (WebAssembly, about 100 ms the first time). */
export const loadPlanner = async (): Promise<Planner> => {
  const [iced, parser] = await Promise.all([import('iced-x86'), goParser()]);
  const x86 = createX86(iced);
  return {
    plan(spec, binary, options = {}) {
      const use = options.use ?? (spec.action.kind === 'stop' ? 'stop' : 'log');
      const request: Request = { spec, binary, x86, use, avoid: options.avoid, notes: [] };
      try {
        return { ok: true, plan: makePlan(request, parser), notes: request.notes };
      } catch (error) {
        if (error instanceof Refused) return { ok: false, refusal: { code: error.code, message: error.message } };
        throw error;
      }
    },
    firstLineOf: (fn, binary) => firstLine(binary, fn, x86.decode(binary.code(fn), fn.entry)),
    coverage(binary, options = {}) {
      requireMachine(binary);
      return coverageOf(binary, x86, options);
    },
    dispose: () => parser.delete(),
  };
};
