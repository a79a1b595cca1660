/** Comparisons of floating-point numbers in memory, by their bits. */
import type { ComparisonOperator, LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { checked, compare, constant as number } from './build.js';
import { asRational, type Constant } from './constant.js';
import { roundToFloat } from './rational.js';
import type { Scope } from './scope.js';
import { readBits } from './storage.js';
import { describe, misfit, typeMismatch, type Value } from './value.js';

interface FloatValue {
  readonly typeName: string;
  readonly width: 4 | 8;
  readonly bits: LoweredExpression;
}

const asFloat = (value: Value, text: string): FloatValue | undefined => {
  if (value.kind !== 'stored' || value.type.kind !== 'float') return undefined;
  const width = value.type.size === 4 ? 4 : 8;
  return { typeName: value.type.name, width, bits: readBits(text, value.storage, 0, { width, signed: false }) };
};

/** The operator that says the same with its sides exchanged. */
export const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  eq: 'eq',
  ne: 'ne',
  lt: 'gt',
  le: 'ge',
  gt: 'lt',
  ge: 'le',
};

/**
 * Go rounds the constant to the variable's type; Delve compares with the exact decimal. They differ only when the
 * variable is the rounded number itself, so there Delve must judge.
 */
const compareWithConstant = (
  scope: Scope,
  operator: ComparisonOperator,
  value: FloatValue,
  constant: Constant,
  text: string,
): Value => {
  const exact = asRational(constant);
  if (exact === undefined) return misfit(text, constant, value.typeName, 'a number');
  const rounded = roundToFloat(exact, value.width);
  if (rounded === undefined)
    throw new Refused('constant-overflow', `${text}: the constant is no value of ${value.typeName}.`);
  const bits = number(rounded.bits);
  const doubtful = scope.semantics === 'delve' && !rounded.exact;
  const left = doubtful ? checked(compare('ne', false, value.bits, bits), value.bits) : value.bits;
  return floatComparison(scope, operator, value.width, left, bits);
};

const floatComparison = (
  scope: Scope,
  operator: ComparisonOperator,
  width: 4 | 8,
  left: LoweredExpression,
  right: LoweredExpression,
): Value => {
  const special = scope.semantics === 'delve' ? 'fault' : 'ieee';
  return { kind: 'bool', typeName: undefined, value: { kind: 'compare-float', operator, width, special, left, right } };
};

/** Undefined when neither side is a floating-point variable. */
export const lowerFloatComparison = (
  scope: Scope,
  operator: ComparisonOperator,
  left: Value,
  right: Value,
  text: string,
): Value | undefined => {
  const [a, b] = [asFloat(left, text), asFloat(right, text)];
  if (a === undefined && b === undefined) return undefined;
  if (a !== undefined && b !== undefined) {
    if (a.typeName !== b.typeName) return typeMismatch(text, a.typeName, b.typeName);
    return floatComparison(scope, operator, a.width, a.bits, b.bits);
  }
  if (a !== undefined && right.kind === 'constant')
    return compareWithConstant(scope, operator, a, right.constant, text);
  if (b !== undefined && left.kind === 'constant') {
    return compareWithConstant(scope, mirrored[operator], b, left.constant, text);
  }
  return typeMismatch(text, describe(left), describe(right));
};
