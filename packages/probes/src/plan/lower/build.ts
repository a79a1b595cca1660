/** Nodes of lowered expressions, with the foldings that keep programs short. */
import type { ComparisonOperator, IntegerType, LoweredExpression } from '../expression.js';

export const constant = (value: bigint): LoweredExpression => ({ kind: 'constant', value: value.toString() });

export const truth = (value: boolean): LoweredExpression => constant(value ? 1n : 0n);

export const word: IntegerType = { width: 8, signed: false };

export const load = (address: LoweredExpression, type: IntegerType): LoweredExpression => ({
  kind: 'load',
  address,
  type,
});

export const convert = (value: LoweredExpression, type: IntegerType): LoweredExpression =>
  type.width === 8 ? value : { kind: 'convert', value, type };

/** A 64-bit address and a distance in bytes. */
export const plus = (address: LoweredExpression, bytes: bigint): LoweredExpression => {
  if (bytes === 0n) return address;
  if (address.kind === 'constant') return constant(BigInt.asUintN(64, BigInt(address.value) + bytes));
  return { kind: 'arithmetic', operator: 'add', type: word, left: address, right: constant(bytes) };
};

export const compare = (
  operator: ComparisonOperator,
  signed: boolean,
  left: LoweredExpression,
  right: LoweredExpression,
): LoweredExpression => ({ kind: 'compare', operator, signed, left, right });

export const not = (value: LoweredExpression): LoweredExpression =>
  value.kind === 'compare' && (value.operator === 'eq' || value.operator === 'ne')
    ? { ...value, operator: value.operator === 'eq' ? 'ne' : 'eq' }
    : { kind: 'not', value };

export const both = (left: LoweredExpression, right: LoweredExpression): LoweredExpression => ({
  kind: 'logical',
  operator: 'and',
  left,
  right,
});

export const either = (left: LoweredExpression, right: LoweredExpression): LoweredExpression => ({
  kind: 'logical',
  operator: 'or',
  left,
  right,
});

export const checked = (condition: LoweredExpression, value: LoweredExpression): LoweredExpression => ({
  kind: 'checked',
  condition,
  value,
});

/** 0 for nil, without a look at what it would point to. */
export const unlessNil = (pointer: LoweredExpression, value: LoweredExpression): LoweredExpression => ({
  kind: 'unless-nil',
  pointer,
  value,
});

/** The value of an integer type that `value` wraps around to. */
export const wrap = (value: bigint, type: IntegerType): bigint =>
  type.signed ? BigInt.asIntN(type.width * 8, value) : BigInt.asUintN(type.width * 8, value);

/** Whether an untyped constant is a value of the type; Go refuses others. */
export const fits = (value: bigint, type: IntegerType): boolean => wrap(value, type) === value;
