/**
 * Arithmetic on lengths where Delve must agree: it computes with them exactly, as with untyped constants, so an operation
 * is lowered only when its bounds show that Go's `int` does not wrap around.
 */
import type { ArithmeticOperator, LoweredExpression } from '../expression.js';
import { fits, constant as number, wrap } from './build.js';
import { goInt, type Interval, unsupportedType, type Value } from './value.js';

export type Length = Extract<Value, { kind: 'length' }>;

export const zeroLength: Length = { kind: 'length', bounds: { least: 0n, most: 0n }, value: number(0n) };

const byValue = (a: bigint, b: bigint): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

const corners = (operator: 'add' | 'sub' | 'mul', a: Interval, b: Interval): Interval => {
  const apply = (x: bigint, y: bigint): bigint => (operator === 'add' ? x + y : operator === 'sub' ? x - y : x * y);
  const all = [apply(a.least, b.least), apply(a.least, b.most), apply(a.most, b.least), apply(a.most, b.most)];
  const [least = 0n, most = 0n] = [all.toSorted(byValue)[0], all.toSorted(byValue).at(-1)];
  return { least, most };
};

/** Arithmetic on lengths and constants, as long as it is shown not to wrap around. */
export const lengthArithmetic = (operator: ArithmeticOperator, left: Length, right: Length, text: string): Value => {
  const value: LoweredExpression = {
    kind: 'arithmetic',
    operator,
    type: goInt,
    left: left.value,
    right: right.value,
  };
  if (operator === 'add' || operator === 'sub' || operator === 'mul') {
    const bounds = corners(operator, left.bounds, right.bounds);
    if (fits(bounds.least, goInt) && fits(bounds.most, goInt)) {
      return { kind: 'length', bounds, value };
    }
  }
  // A quotient or remainder is no larger than the dividend in magnitude.
  if (operator === 'div' || operator === 'rem') {
    const { least, most } = left.bounds;
    const [, largest = 0n] = [-least, most].toSorted(byValue);
    return { kind: 'length', bounds: { least: -largest, most: largest }, value };
  }
  return unsupportedType(text, 'the debugger computes with lengths in another way than Go');
};

export const asLength = (value: Value): Length | undefined => {
  if (value.kind === 'length') return value;
  if (value.kind !== 'constant' || value.constant.kind !== 'integer') return undefined;
  const { value: exact } = value.constant;
  return {
    kind: 'length',
    bounds: { least: exact, most: exact },
    value: number(wrap(exact, goInt)),
  };
};
