/** Unary and binary operators by Go's rules of types, and by Delve's where the two differ (scope.ts, Semantics). */
import type { ArithmeticOperator, ComparisonOperator, IntegerType, LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { both, checked, compare, either, fits, not, constant as number, truth, wrap } from './build.js';
import { type Constant, foldArithmetic, foldComparison } from './constant.js';
import { lowerFloatComparison } from './float.js';
import type { Scope } from './scope.js';
import { readBits } from './storage.js';
import type { BinaryOperator, UnaryOperator } from './syntax.js';
import {
  asBool,
  asInteger,
  asString,
  describe,
  type IntegerValue,
  type Interval,
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

const comparison = (value: LoweredExpression): Value => ({ kind: 'bool', typeName: undefined, value });

const overflow = (text: string, value: bigint, typeName: string): never => {
  throw new Refused('constant-overflow', `${text}: ${value} is no value of ${typeName}.`);
};

/** An untyped constant as a value of an integer type. */
const constantAs = (constant: Constant, like: IntegerValue, text: string): LoweredExpression => {
  if (constant.kind !== 'integer') return typeMismatch(text, `the ${constant.kind} constant`, like.typeName);
  return fits(constant.value, like.type) ? number(constant.value) : overflow(text, constant.value, like.typeName);
};

/** Both sides as integers of one type; undefined when neither is one. */
const integers = (left: Value, right: Value, text: string): readonly [IntegerValue, IntegerValue] | undefined => {
  const [a, b] = [asInteger(left, text), asInteger(right, text)];
  if (a === undefined && b === undefined) return undefined;
  if (a !== undefined && b !== undefined)
    return a.typeName === b.typeName ? [a, b] : typeMismatch(text, a.typeName, b.typeName);
  if (a !== undefined && right.kind === 'constant') return [a, { ...a, value: constantAs(right.constant, a, text) }];
  if (b !== undefined && left.kind === 'constant') return [{ ...b, value: constantAs(left.constant, b, text) }, b];
  return typeMismatch(text, describe(left), describe(right));
};

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
  if (value === undefined) return unsupportedType(text, `the kernel does not compute with ${describe(operand)}`);
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

type Length = Extract<Value, { kind: 'length' }>;

const zeroLength: Length = { kind: 'length', bounds: { least: 0n, most: 0n }, value: number(0n) };

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
const lengthArithmetic = (operator: ArithmeticOperator, left: Length, right: Length, text: string): Value => {
  const value: LoweredExpression = {
    kind: 'arithmetic',
    operator,
    type: { width: 8, signed: true },
    left: left.value,
    right: right.value,
  };
  if (operator === 'add' || operator === 'sub' || operator === 'mul') {
    const bounds = corners(operator, left.bounds, right.bounds);
    if (fits(bounds.least, { width: 8, signed: true }) && fits(bounds.most, { width: 8, signed: true })) {
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

const asLength = (value: Value): Length | undefined => {
  if (value.kind === 'length') return value;
  if (value.kind !== 'constant' || value.constant.kind !== 'integer') return undefined;
  const { value: exact } = value.constant;
  return {
    kind: 'length',
    bounds: { least: exact, most: exact },
    value: number(wrap(exact, { width: 8, signed: true })),
  };
};

/** Delve loses the sign of a difference below -2^63 (constant.Uint64Val on a big integer): there it must judge itself. */
const difference = (scope: Scope, left: IntegerValue, right: IntegerValue): LoweredExpression => {
  const { type } = left;
  const value: LoweredExpression = { kind: 'arithmetic', operator: 'sub', type, left: left.value, right: right.value };
  if (scope.semantics === 'go' || type.signed || type.width < 8) return value;
  const notNegative = compare('ge', false, left.value, right.value);
  return checked(either(notNegative, compare('lt', true, value, number(0n))), value);
};

const lowerShift = (operator: 'shl' | 'shr', left: Value, right: Value, text: string): Value => {
  const operand = asInteger(left, text);
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
    return node(number(right.constant.value > 64n ? 64n : right.constant.value));
  }
  const count = asInteger(right, text);
  if (count === undefined) return unsupportedType(text, 'the shift count is no integer');
  if (!count.type.signed) return node(count.value);
  return node(checked(compare('ge', true, count.value, number(0n)), count.value));
};

const lowerArithmetic = (
  scope: Scope,
  operator: ArithmeticOperator,
  left: Value,
  right: Value,
  text: string,
): Value => {
  if (left.kind === 'constant' && right.kind === 'constant') {
    const folded = foldArithmetic(operator, left.constant, right.constant);
    return folded === undefined ? unsupportedType(text, 'these constants have no such result') : constantOf(folded);
  }
  if (operator === 'shl' || operator === 'shr') return lowerShift(operator, left, right, text);
  const [a, b] = [asLength(left), asLength(right)];
  if (a !== undefined && b !== undefined) return lengthArithmetic(operator, a, b, text);
  const both = integers(left, right, text);
  if (both === undefined)
    return unsupportedType(text, `the kernel computes with integers only, not with ${describe(left)}`);
  const [x, y] = both;
  if ((operator === 'div' || operator === 'rem') && y.value.kind === 'constant' && y.value.value === '0') {
    throw new Refused('division-by-zero', `${text}: division by zero.`);
  }
  const value: LoweredExpression =
    operator === 'sub'
      ? difference(scope, x, y)
      : { kind: 'arithmetic', operator, type: x.type, left: x.value, right: y.value };
  return { kind: 'integer', ...x, value };
};

/** The word whose value decides whether a value is nil. */
const nilWord = (scope: Scope, value: Value, text: string): LoweredExpression => {
  if (value.kind === 'stored') {
    switch (value.type.kind) {
      // An interface is nil when its type word is; a slice when its array pointer is; the others are one pointer.
      case 'pointer':
      case 'slice':
      case 'map':
      case 'chan':
      case 'interface':
      case 'func':
        return readBits(text, value.storage, 0, { width: 8, signed: false });
      case 'unsafe-pointer':
        // Delve's isNil has no case for it and always answers no.
        if (scope.semantics === 'go') return readBits(text, value.storage, 0, { width: 8, signed: false });
        break;
      default:
        break;
    }
  }
  return unsupportedType(text, `${describe(value)} cannot be compared with nil`);
};

const equality = (operator: ComparisonOperator): 'eq' | 'ne' | undefined =>
  operator === 'eq' || operator === 'ne' ? operator : undefined;

const compareStrings = (operator: ComparisonOperator, left: Value, right: Value, text: string): Value | undefined => {
  const [value, other] = left.kind === 'constant' ? [right, left] : [left, right];
  const string = asString(value, text);
  if (string === undefined) return undefined;
  if (other.kind !== 'constant' || equality(operator) === undefined) {
    return unsupportedType(text, 'in the kernel a string can be compared with a literal only, by == or !=');
  }
  if (other.constant.kind !== 'string') return typeMismatch(text, string.typeName, describe(other));
  const bytes = Buffer.from(other.constant.value, 'utf8');
  if (bytes.length > 512) return unsupportedType(text, 'the literal is longer than 512 bytes');
  const test: LoweredExpression = {
    kind: 'string-test',
    pointer: string.pointer,
    length: string.length,
    bytes: bytes.toString('hex'),
    whole: true,
  };
  return comparison(operator === 'eq' ? test : { kind: 'not', value: test });
};

const compareBools = (operator: ComparisonOperator, left: Value, right: Value, text: string): Value | undefined => {
  const [a, b] = [asBool(left, text), asBool(right, text)];
  if (a === undefined || b === undefined) return undefined;
  if (a.typeName !== undefined && b.typeName !== undefined && a.typeName !== b.typeName) {
    return typeMismatch(text, a.typeName, b.typeName);
  }
  if (equality(operator) === undefined) return unsupportedType(text, 'truth values have no order');
  return comparison(compare(operator, false, a.value, b.value));
};

const comparePointers = (operator: ComparisonOperator, left: Value, right: Value, text: string): Value | undefined => {
  if (left.kind !== 'stored' || right.kind !== 'stored') return undefined;
  if (left.type.kind !== 'pointer' || right.type.kind !== 'pointer') return undefined;
  if (left.type.name !== right.type.name) return typeMismatch(text, left.type.name, right.type.name);
  if (equality(operator) === undefined) return unsupportedType(text, 'pointers have no order');
  const address = (value: typeof left): LoweredExpression =>
    readBits(text, value.storage, 0, { width: 8, signed: false });
  return comparison(compare(operator, false, address(left), address(right)));
};

const lowerComparison = (
  scope: Scope,
  operator: ComparisonOperator,
  left: Value,
  right: Value,
  text: string,
): Value => {
  const nil = (value: Value): boolean => value.kind === 'constant' && value.constant.kind === 'nil';
  if (nil(left) || nil(right)) {
    if (equality(operator) === undefined) return unsupportedType(text, 'nil has no order');
    return comparison(compare(operator, false, nilWord(scope, nil(left) ? right : left, text), number(0n)));
  }
  if (left.kind === 'constant' && right.kind === 'constant') {
    const folded = foldComparison(operator, left.constant, right.constant);
    return folded === undefined
      ? unsupportedType(text, 'these constants cannot be compared')
      : comparison(truth(folded));
  }
  const found =
    compareBools(operator, left, right, text) ??
    compareStrings(operator, left, right, text) ??
    comparePointers(operator, left, right, text) ??
    lowerFloatComparison(scope, operator, left, right, text);
  if (found !== undefined) return found;
  const pair = integers(left, right, text);
  if (pair === undefined)
    return unsupportedType(text, `the kernel cannot compare ${describe(left)} with ${describe(right)}`);
  const [a, b] = pair;
  return comparison(compare(operator, a.type.signed, a.value, b.value));
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

/** The integer type that a conversion names. */
export const conversionTypes: ReadonlyMap<string, IntegerType> = new Map([
  ['int', { width: 8, signed: true }],
  ['int8', { width: 1, signed: true }],
  ['int16', { width: 2, signed: true }],
  ['int32', { width: 4, signed: true }],
  ['int64', { width: 8, signed: true }],
  ['uint', { width: 8, signed: false }],
  ['uint8', { width: 1, signed: false }],
  ['uint16', { width: 2, signed: false }],
  ['uint32', { width: 4, signed: false }],
  ['uint64', { width: 8, signed: false }],
  ['uintptr', { width: 8, signed: false }],
]);
