/** What is read at each place of a probe: the same everywhere, or one variant for each site. */
import type { Parser } from 'web-tree-sitter';
import type { ProbeSpec } from '../spec/spec.js';
import { capturesFor } from './capture.js';
import type { LoweredExpression } from './expression.js';
import { lowerCondition } from './lower/lower.js';
import { parseExpression } from './lower/syntax.js';
import type { PlannedCapture, PlannedSite, ProbePlan, Refusal } from './plan.js';
import { Refused } from './refused.js';
import { needsOf, type Place } from './request.js';

export type Readings = Pick<ProbePlan, 'sites' | 'condition' | 'captures' | 'variants'>;

interface Reading {
  readonly place: Place;
  readonly condition: LoweredExpression | undefined;
  readonly captures: readonly PlannedCapture[];
}

/** Each variant has code of its own in the kernel's program (program/validate.ts, maximumVariants). */
const mostVariants = 256;

const present = <T>(values: readonly (T | undefined)[]): readonly T[] =>
  values.flatMap((value) => (value === undefined ? [] : [value]));

const isAsked = (spec: ProbeSpec): boolean => spec.action.kind === 'log' && spec.action.template !== undefined;

/** The same instruction may be reached by two names, or be the place of two copies. */
const distinct = <T extends { readonly site: PlannedSite }>(all: readonly T[]): readonly T[] => {
  const taken = new Set<string>();
  return all.filter(({ site }) => !taken.has(site.offset) && taken.add(site.offset));
};

/** Name, type and shape: what the reader of an event must know, whichever site it comes from. */
const face = ({ name, typeName, shape }: PlannedCapture): string => JSON.stringify([name, typeName, shape]);

const expressionsOf = ({ value, length, parts = [] }: PlannedCapture): readonly (LoweredExpression | undefined)[] => [
  value,
  length,
  ...parts.flatMap((part) => [part.value, part.length]),
];

/** Whether the captures look the same at every place. */
const comparable = (readings: readonly Reading[]): boolean =>
  readings.every(({ captures }) => captures.map(face).join() === readings[0]?.captures.map(face).join());

const choose = (readings: readonly Reading[]): Readings => {
  const chosen = readings.map((reading) => {
    const { condition, captures, place } = reading;
    const needs = needsOf(present([condition, ...captures.flatMap(expressionsOf)]));
    // A block is read like a variable in memory, wherever its address comes from.
    const hasBlock = captures.some(({ parts = [] }) => parts.some((part) => part.length !== undefined));
    return { reading, site: place.choose({ ...needs, memory: needs.memory || hasBlock }) };
  });
  const kept = distinct(chosen);
  const [first] = kept;
  if (first === undefined) throw new Refused('no-site', 'There is no place for this probe.');
  const { condition, captures } = first.reading;
  const sites = kept.map((each) => each.site);
  const variants = kept.map(({ reading }) => ({
    condition: reading.condition,
    captures: reading.captures.map(({ value, length, parts }) => ({ value, length, ...(parts && { parts }) })),
  }));
  const [same] = variants.map((variant) => JSON.stringify(variant));
  if (variants.every((variant) => JSON.stringify(variant) === same)) return { sites, condition, captures };
  if (variants.length <= mostVariants) return { sites, condition, captures, variants };
  throw new Refused(
    'differing-sites',
    `The variables are in different places at each of ${sites.length} sites, and ${mostVariants} can be told apart; probe fewer functions at a time.`,
  );
};

const withoutCaptures = (readings: readonly Reading[]): readonly Reading[] =>
  readings.map((reading) => ({ ...reading, captures: [] }));

const differing = (readings: readonly Reading[]): Refusal => {
  const functions = [...new Set(readings.map(({ place }) => place.function))];
  const which =
    functions.length > 1 ? ` between ${functions[0]} and ${functions[1]}; probe one of them` : '; name them';
  return {
    code: 'arguments-left-out',
    message: `The arguments are not shown, because they differ${which} to see them.`,
  };
};

/** What nobody asked for by name is shown as "?" where it cannot be had; the reason is said once. */
const unavailable = ({ captures }: Pick<Readings, 'captures'>): readonly Refusal[] => {
  const lost = captures.flatMap(({ name, shape }) =>
    shape.kind === 'unavailable' ? [{ name, why: shape.reason }] : [],
  );
  const [first] = lost;
  if (first === undefined) return [];
  const names = lost.map(({ name }) => name).join(', ');
  return [{ code: 'arguments-unavailable', message: `${names}: shown as "?". ${first.why}` }];
};

/** Sites with what is read at each; `notes` gets what is left out of it. Throws Refused. */
export const readAt = (spec: ProbeSpec, places: readonly Place[], parser: Parser, notes: Refusal[] = []): Readings => {
  const syntax = spec.condition === undefined ? undefined : parseExpression(parser, spec.condition);
  const template = spec.action.kind === 'log' ? spec.action.template : undefined;
  const readings = places.map(
    (place): Reading => ({
      place,
      condition: syntax && lowerCondition(place.scope, syntax),
      captures:
        spec.action.kind === 'count'
          ? []
          : capturesFor(place.scope, parser, template, spec.target.kind === 'return' ? 'result' : 'parameter'),
    }),
  );
  if (!comparable(readings)) {
    // Nobody asked for the parameters by name: without them the event is still one.
    if (!isAsked(spec)) {
      notes.push(differing(readings));
      return choose(withoutCaptures(readings));
    }
    throw new Refused(
      'differing-sites',
      `The log message means something else in ${readings[0]?.place.function} than in another of its places; probe them one by one.`,
    );
  }
  try {
    const chosen = choose(readings);
    if (!isAsked(spec)) notes.push(...unavailable(chosen));
    return chosen;
  } catch (error) {
    // Parameters that nobody asked for by name may not cost the probe its place.
    const isTooMuch = error instanceof Refused && (error.code === 'no-line-site' || error.code === 'differing-sites');
    if (!isTooMuch || isAsked(spec)) throw error;
    notes.push({
      code: 'arguments-left-out',
      message: `The arguments are not shown: ${error.message}`,
    });
    return choose(withoutCaptures(readings));
  }
};
