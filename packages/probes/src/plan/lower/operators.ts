/** Unary and binary operators by Go's rules of types, and by Delve's where the two differ (scope.ts, Semantics). */
import type { ArithmeticOperator, ComparisonOperator, LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { both, checked, compare, either, not, constant as number } from './build.js';
import { lowerComparison } from './comparisons.js';
import { type Constant, foldArithmetic } from './constant.js';
import { integers } from './integers.js';
import { asLength, lengthArithmetic, zeroLength } from './lengths.js';
import type { Scope } from './scope.js';
import type { BinaryOperator, UnaryOperator } from './syntax.js';
import {
  asBool,
  asInteger,
  better,
  describe,
  type IntegerValue,
  typeMismatch,
  unsupportedType,
  type Value,
} from './value.js';

const comparisons: Readonly<Partial<Record<BinaryOperator, ComparisonOperator>>> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
};

const arithmetics: Readonly<Partial<Record<BinaryOperator, ArithmeticOperator>>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'rem',
  '&': 'and',
  '|': 'or',
  '^': 'xor',
  '&^': 'and-not',
  '<<': 'shl',
  '>>': 'shr',
};

const constantOf = (constant: Constant): Value => ({ kind: 'constant', constant });

/** The smallest integer has no opposite: Delve says 128 for -int8(-128), Go says -128. */
const negative = (scope: Scope, operand: IntegerValue, text: string): LoweredExpression => {
  const { type, value } = operand;
  const negated: LoweredExpression = { kind: 'arithmetic', operator: 'sub', type, left: number(0n), right: value };
  if (scope.semantics === 'go') return negated;
  if (!type.signed)
    return unsupportedType(text, 'the debugger does not wrap the opposite of an unsigned number around');
  const smallest = -(2n ** BigInt(type.width * 8 - 1));
  return checked(compare('ne', true, value, number(smallest)), negated);
};

/** -x, +x, ^x and !x. */
export const lowerUnary = (scope: Scope, operator: UnaryOperator, operand: Value, text: string): Value => {
  if (operator === '!') {
    const value = asBool(operand, text);
    if (value === undefined) return unsupportedType(text, `${describe(operand)} is no truth value`);
    if (operand.kind === 'constant')
      return constantOf({ kind: 'bool', value: operand.constant.kind === 'bool' && !operand.constant.value });
    return { kind: 'bool', typeName: value.typeName, value: not(value.value) };
  }
  if (operand.kind === 'constant') {
    const zero: Constant = { kind: 'integer', value: operator === '^' ? -1n : 0n };
    const folded = foldArithmetic(operator === '^' ? 'xor' : operator === '-' ? 'sub' : 'add', zero, operand.constant);
    return folded === undefined ? unsupportedType(text, `${operator} has no meaning here`) : constantOf(folded);
  }
  const value = asInteger(operand, text);
  if (value === undefined) return notComputed(operand, operand, text);
  if (operand.kind === 'length')
    return lengthArithmetic(operator === '-' ? 'sub' : operator === '+' ? 'add' : 'xor', zeroLength, operand, text);
  if (operator === '+') return { kind: 'integer', ...value };
  if (operator === '-') return { kind: 'integer', ...value, value: negative(scope, value, text) };
  if (!value.type.signed && scope.semantics === 'delve') {
    return unsupportedType(text, 'the debugger does not wrap the complement of an unsigned number around');
  }
  const inverted: LoweredExpression = {
    kind: 'arithmetic',
    operator: 'xor',
    type: value.type,
    left: value.value,
    right: number(-1n),
  };
  return { kind: 'integer', ...value, value: inverted };
};

/** Delve loses the sign of a difference below -2^63 (constant.Uint64Val on a big integer): there it must judge itself. */
const difference = (scope: Scope, left: IntegerValue, right: IntegerValue): LoweredExpression => {
  const { type } = left;
  const value: LoweredExpression = { kind: 'arithmetic', operator: 'sub', type, left: left.value, right: right.value };
  if (scope.semantics === 'go' || type.signed || type.width < 8) return value;
  const notNegative = compare('ge', false, left.value, right.value);
  return checked(either(notNegative, compare('lt', true, value, number(0n))), value);
};

/** Delve shifts left without end, and fails when the result does not fit memory. Beyond this it judges itself. */
const largestShift = 65_536n;

const shiftCount = (scope: Scope, operator: 'shl' | 'shr', count: IntegerValue): LoweredExpression => {
  const { type, value } = count;
  const notNegative = compare('ge', true, value, number(0n));
  const isBounded = scope.semantics === 'delve' && operator === 'shl' && type.width > 2;
  const small = compare('lt', type.signed, value, number(largestShift));
  if (type.signed) return checked(isBounded ? both(notNegative, small) : notNegative, value);
  return isBounded ? checked(small, value) : value;
};

const lowerShift = (scope: Scope, operator: 'shl' | 'shr', left: Value, right: Value, text: string): Value => {
  const operand = asInteger(left, text);
  if (operand === undefined && left.kind === 'constant')
    return better(text, 'which type the constant has here is not said', 'give it one, as in int(1) << n');
  if (operand === undefined || left.kind === 'length') {
    return unsupportedType(text, 'only integers of a type can be shifted in the kernel');
  }
  const node = (count: LoweredExpression): Value => ({
    kind: 'integer',
    ...operand,
    value: { kind: 'arithmetic', operator, type: operand.type, left: operand.value, right: count },
  });
  if (right.kind === 'constant') {
    if (right.constant.kind !== 'integer' || right.constant.value < 0n)
      return unsupportedType(text, 'the shift count is no count');
    if (right.constant.value >= largestShift) return unsupportedType(text, 'the shift count is too large');
    return node(number(right.constant.value));
  }
  const count = asInteger(right, text);
  if (count === undefined) return unsupportedType(text, 'the shift count is no integer');
  return node(shiftCount(scope, operator, count));
};

/** What is no integer. */
const notComputed = (left: Value, right: Value, text: string): never => {
  const value = left.kind === 'constant' ? right : left;
  const kind = value.kind === 'stored' ? value.type.kind : value.kind;
  if (kind === 'string') return better(text, 'the kernel joins no strings', 'compare their parts');
  if (kind === 'float')
    return better(
      text,
      'the kernel compares floating-point numbers but computes with none',
      'do the sum in the constant',
    );
  return unsupportedType(text, `the kernel computes with integers only, not with ${describe(value)}`);
};

const lowerArithmetic = (
  scope: Scope,
  operator: ArithmeticOperator,
  left: Value,
  right: Value,
  text: string,
): Value => {
  if (left.kind === 'constant' && right.kind === 'constant') {
    const isNamed = [left, right].some(({ constant }) => constant.kind === 'integer' && constant.named === true);
    if (operator === 'div' && isNamed && [left, right].some(({ constant }) => constant.kind === 'float'))
      return better(text, 'whether the constant has a type is not kept in the program', 'write its value instead');
    const folded = foldArithmetic(operator, left.constant, right.constant);
    return folded === undefined ? unsupportedType(text, 'these constants have no such result') : constantOf(folded);
  }
  if (operator === 'shl' || operator === 'shr') return lowerShift(scope, operator, left, right, text);
  const [a, b] = [asLength(left), asLength(right)];
  if (a !== undefined && b !== undefined) return lengthArithmetic(operator, a, b, text);
  const operands = integers(scope, left, right, text);
  if (operands === undefined) return notComputed(left, right, text);
  const [x, y] = operands;
  if ((operator === 'div' || operator === 'rem') && y.value.kind === 'constant' && y.value.value === '0') {
    throw new Refused('division-by-zero', `${text}: division by zero.`);
  }
  const value: LoweredExpression =
    operator === 'sub'
      ? difference(scope, x, y)
      : { kind: 'arithmetic', operator, type: x.type, left: x.value, right: y.value };
  return { kind: 'integer', ...x, value };
};

const lowerLogical = (operator: '&&' | '||', left: Value, right: Value, text: string): Value => {
  const [a, b] = [asBool(left, text), asBool(right, text)];
  if (a === undefined || b === undefined) return unsupportedType(text, `${operator} needs truth values`);
  if (a.typeName !== undefined && b.typeName !== undefined && a.typeName !== b.typeName) {
    return typeMismatch(text, a.typeName, b.typeName);
  }
  const value = operator === '&&' ? both(a.value, b.value) : either(a.value, b.value);
  return { kind: 'bool', typeName: a.typeName ?? b.typeName, value };
};

export const lowerBinary = (scope: Scope, operator: BinaryOperator, left: Value, right: Value, text: string): Value => {
  if (operator === '&&' || operator === '||') return lowerLogical(operator, left, right, text);
  const compares = comparisons[operator];
  if (compares !== undefined) return lowerComparison(scope, compares, left, right, text);
  const computes = arithmetics[operator];
  if (computes !== undefined) return lowerArithmetic(scope, computes, left, right, text);
  return unsupportedType(text, `${operator} is not supported`);
};
