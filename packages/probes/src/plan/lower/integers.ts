/** Two operands as integers of one type. */
import type { LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { fits, constant as number } from './build.js';
import { asWhole, type Constant } from './constant.js';
import type { Scope } from './scope.js';
import { asInteger, better, describe, type IntegerValue, misfit, typeMismatch, type Value } from './value.js';

const overflow = (text: string, value: bigint, { typeName, type }: IntegerValue): never => {
  const bits = BigInt(type.width * 8);
  const [least, most] = type.signed ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
  throw new Refused(
    'constant-overflow',
    `${text}: ${value} is no value of ${typeName}, which goes from ${least} to ${most}; correct it.`,
  );
};

/** An untyped constant as a value of an integer type. Delve takes no 5.0 for an integer (isType, pkg/proc/eval.go 1.27). */
const constantAs = (scope: Scope, constant: Constant, like: IntegerValue, text: string): LoweredExpression => {
  const value = asWhole(constant);
  if (value === undefined) {
    if (constant.kind !== 'float') return misfit(text, constant, like.typeName, 'a number');
    return better(text, `the constant is no integer, and ${like.typeName} is one`, 'compare with an integer');
  }
  if (constant.kind === 'float' && scope.semantics === 'delve')
    return better(text, 'the debugger takes no constant with a point or exponent for an integer', `write ${value}`);
  return fits(value, like.type) ? number(value) : overflow(text, value, like);
};

/** Both sides as integers of one type; undefined when neither is one. */
export const integers = (
  scope: Scope,
  left: Value,
  right: Value,
  text: string,
): readonly [IntegerValue, IntegerValue] | undefined => {
  const [a, b] = [asInteger(left, text), asInteger(right, text)];
  if (a === undefined && b === undefined) return undefined;
  if (a !== undefined && b !== undefined)
    return a.typeName === b.typeName ? [a, b] : typeMismatch(text, a.typeName, b.typeName);
  if (a !== undefined && right.kind === 'constant')
    return [a, { ...a, value: constantAs(scope, right.constant, a, text) }];
  if (b !== undefined && left.kind === 'constant')
    return [{ ...b, value: constantAs(scope, left.constant, b, text) }, b];
  return typeMismatch(text, describe(left), describe(right));
};
