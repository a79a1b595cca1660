/**
 * Hit conditions: of the hits whose condition is true only some are told, by their number ("> 5", "% 100"). Counted where
 * they happen, so that a hit that does not count costs what a condition that does not match costs.
 */
import type { ProbePlan } from '../plan/plan.js';
import type { Evaluation } from './evaluation.js';
import { frame } from './frame.js';
import { emitNumber } from './gate.js';
import { mayFault } from './record-writer.js';
import type { HitCondition, ProgramMaps } from './request.js';
import { InvalidPlan, integer, member, oneOf, optional } from './shape.js';

const hitOperators: readonly HitCondition['operator'][] = ['==', '!=', '>', '>=', '<', '<=', '%'];

const mostHits = 1_000_000_000;

/** Throws InvalidPlan. */
export const validHits = (value: unknown, plan: ProbePlan): HitCondition | undefined => {
  const hits = optional(member({ path: '', value }, 'hits'), (field): HitCondition => {
    const operator = oneOf(member(field, 'operator'), hitOperators);
    return {
      operator,
      value: integer(member(field, 'value'), operator === '%' ? 1 : 0, mostHits),
      counted: integer(member(field, 'counted'), 0, Number.MAX_SAFE_INTEGER),
    };
  });
  const conditions = plan.variants?.map((variant) => variant.condition) ?? [plan.condition];
  // A hit that the kernel cannot judge has no number until a debugger has judged it.
  if (hits !== undefined && conditions.some(mayFault))
    throw new InvalidPlan('hits is for conditions that the kernel can always judge');
  return hits;
};

/** Numbers the hit and leaves at `out` unless its number is one that is told. Uses r1 and r2. */
export const emitHitCondition = (to: Evaluation, maps: ProgramMaps, hits: HitCondition, out: string): void => {
  const { assembler } = to;
  const told = assembler.freshLabel('told');
  emitNumber(to, maps);
  assembler.load('r1', 'r10', frame.number, 8);
  if (hits.operator === '%') assembler.mod('r1', hits.value).jumpIf('r1', '==', 0, told);
  else assembler.jumpIf('r1', hits.operator, hits.value, told);
  assembler.jump(out).label(told);
};
