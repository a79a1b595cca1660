/** Hit conditions as Delve 1.27 reads them (pkg/proc/target_group.go, parseHitCondition): `OP NUMBER`, or a number for `==`. */
import type { HitCondition } from './state/gate.js';

const operators = ['==', '!=', '>=', '<=', '>', '<', '%'] as const;

/** Undefined: Delve would refuse it, or the adapter cannot be sure that it reads it as Delve does. */
export const parseHitCondition = (text: string): HitCondition | undefined => {
  // Behind more than one blank, or a tab, Delve has lost the operator: "%  7" is "== 7" to it.
  const match = /^\s*(==|!=|>=|<=|>|<|%)? ?(\d{1,9})\s*$/.exec(text);
  if (match === null) return undefined;
  const operator = operators.find((candidate) => candidate === (match[1] ?? '=='));
  const value = Number(match[2]);
  if (operator === undefined || (operator === '%' && value === 0)) return undefined;
  // No hit can satisfy it: Delve disables such a breakpoint and says so (breakpointConditionSatisfiable).
  if (value < (operator === '<' ? 2 : operator === '==' || operator === '<=' ? 1 : 0)) return undefined;
  return { operator, value };
};

/** Delve takes a breakpoint out that no further hit can satisfy (breakpointConditionSatisfiable): it counts no more then. */
export const countedByDelve = ({ operator, value }: HitCondition, count: number): number => {
  if (operator === '==' || operator === '<=') return Math.min(count, value);
  return operator === '<' ? Math.min(count, value - 1) : count;
};

/** `count` includes the hit that is being judged. */
export const holds = (condition: HitCondition, count: number): boolean => {
  switch (condition.operator) {
    case '==':
      return count === condition.value;
    case '!=':
      return count !== condition.value;
    case '>':
      return count > condition.value;
    case '>=':
      return count >= condition.value;
    case '<':
      return count < condition.value;
    case '<=':
      return count <= condition.value;
    case '%':
      return count % condition.value === 0;
  }
};
