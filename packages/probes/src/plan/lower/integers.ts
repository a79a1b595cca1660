/** Two operands as integers of one type. */
import type { LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { fits, constant as number } from './build.js';
import type { Constant } from './constant.js';
import { asInteger, describe, type IntegerValue, typeMismatch, type Value } from './value.js';

const overflow = (text: string, value: bigint, typeName: string): never => {
  throw new Refused('constant-overflow', `${text}: ${value} is no value of ${typeName}.`);
};

/** An untyped constant as a value of an integer type. */
const constantAs = (constant: Constant, like: IntegerValue, text: string): LoweredExpression => {
  if (constant.kind !== 'integer') return typeMismatch(text, `the ${constant.kind} constant`, like.typeName);
  return fits(constant.value, like.type) ? number(constant.value) : overflow(text, constant.value, like.typeName);
};

/** Both sides as integers of one type; undefined when neither is one. */
export const integers = (
  left: Value,
  right: Value,
  text: string,
): readonly [IntegerValue, IntegerValue] | undefined => {
  const [a, b] = [asInteger(left, text), asInteger(right, text)];
  if (a === undefined && b === undefined) return undefined;
  if (a !== undefined && b !== undefined)
    return a.typeName === b.typeName ? [a, b] : typeMismatch(text, a.typeName, b.typeName);
  if (a !== undefined && right.kind === 'constant') return [a, { ...a, value: constantAs(right.constant, a, text) }];
  if (b !== undefined && left.kind === 'constant') return [{ ...b, value: constantAs(left.constant, b, text) }, b];
  return typeMismatch(text, describe(left), describe(right));
};
