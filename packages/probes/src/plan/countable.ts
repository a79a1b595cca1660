/** Where hit conditions may be counted in the kernel; the agent has the last word (program/hits.ts). */
import type { LoweredExpression } from './expression.js';
import type { ProbePlan } from './plan.js';

/** No page that may be missing, no division: it has a value at every hit. */
const hasValue = (node: LoweredExpression): boolean => {
  switch (node.kind) {
    case 'constant':
    case 'register':
      return true;
    case 'convert':
    case 'not':
      return hasValue(node.value);
    case 'arithmetic':
      return node.operator !== 'div' && node.operator !== 'rem' && hasValue(node.left) && hasValue(node.right);
    case 'compare':
    case 'logical':
      return hasValue(node.left) && hasValue(node.right);
    default:
      return false;
  }
};

/** A hit that the kernel cannot judge has no number until a debugger has judged it. */
export const canCountHits = ({ condition, variants }: Pick<ProbePlan, 'condition' | 'variants'>): boolean =>
  (variants?.map((variant) => variant.condition) ?? [condition]).every((each) => each === undefined || hasValue(each));
