/** Untyped constants: exact until they meet a type, in Go and in Delve (go/constant). */
import { LiteralError, readLiteral, textBytes } from '../../spec/go-literal.js';
import type { ArithmeticOperator, ComparisonOperator } from '../expression.js';
import { Refused } from '../refused.js';
import { parseDecimal, type Rational, rational } from './rational.js';
import type { Syntax } from './syntax.js';

export type Constant =
  /** `named`: with constants of the program in it, which may be of type int. `rune`: by itself it becomes an int32. */
  | { readonly kind: 'integer'; readonly value: bigint; readonly named?: true; readonly rune?: true }
  | { readonly kind: 'float'; readonly value: Rational }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'nil' };

const badLiteral = (text: string): never => {
  throw new Refused('syntax', `${text} is not a number that the kernel can compare; write it as a decimal literal.`);
};

/** Go's integer literals: 0b, 0o, 0x, a leading 0 is octal too, underscores between digits. */
const readInteger = (text: string): bigint => {
  const digits = text.replaceAll('_', '').toLowerCase();
  const octal = /^0([0-7]+)$/.exec(digits)?.[1];
  if (octal !== undefined) return BigInt(`0o${octal}`);
  return /^(?:0b[01]+|0o[0-7]+|0x[0-9a-f]+|[0-9]+)$/.test(digits) ? BigInt(digits) : badLiteral(text);
};

const readRune = (text: string): bigint => {
  // \x and octal escapes are numbers here, not bytes of UTF-8.
  const code = /^'\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2}))'$/.exec(text);
  if (code?.[1] !== undefined) return BigInt(Number.parseInt(code[1], 16));
  if (code?.[2] !== undefined) return BigInt(Number.parseInt(code[2], 8));
  const characters = [...readLiteral(text, 0).value];
  const point = characters[0]?.codePointAt(0);
  return characters.length === 1 && point !== undefined ? BigInt(point) : badLiteral(text);
};

/** Digits that an exponent moves the point by at most; more is no value of any type. */
const furthestPoint = 5000;

/** Decimal, or 0x1.8p3: the mantissa is hexadecimal, the exponent decimal and one of 2. */
const readFloat = (digits: string): Rational | undefined => {
  const [, whole = '', fraction = '', exponent] = /^0x([0-9a-f]*)(?:\.([0-9a-f]*))?p([+-]?\d+)$/i.exec(digits) ?? [];
  if (exponent === undefined) return parseDecimal(digits);
  const power = Number(exponent) - 4 * fraction.length;
  if (whole + fraction === '' || Math.abs(power) > furthestPoint) return undefined;
  const mantissa = BigInt(`0x${whole}${fraction}`);
  return power < 0 ? rational(mantissa, 2n ** BigInt(-power)) : rational(mantissa * 2n ** BigInt(power), 1n);
};

/** Undefined for a syntax that is no literal. */
export const literal = (syntax: Syntax): Constant | undefined => {
  try {
    switch (syntax.kind) {
      case 'integer':
        return { kind: 'integer', value: readInteger(syntax.text) };
      case 'rune':
        return { kind: 'integer', value: readRune(syntax.text), rune: true };
      case 'float':
        return { kind: 'float', value: readFloat(syntax.text.replaceAll('_', '')) ?? badLiteral(syntax.text) };
      case 'string':
        return { kind: 'string', value: syntax.value };
      default:
        return undefined;
    }
  } catch (error) {
    if (error instanceof LiteralError) throw new Refused('syntax', `${syntax.text}: ${error.message}.`);
    throw error;
  }
};

export const asRational = (constant: Constant): Rational | undefined => {
  if (constant.kind === 'float') return constant.value;
  return constant.kind === 'integer' ? rational(constant.value, 1n) : undefined;
};

/** 5 for 5.0 and 1e2, which Go takes for integers where one is wanted. */
export const asWhole = (constant: Constant): bigint | undefined => {
  if (constant.kind === 'integer') return constant.value;
  return constant.kind === 'float' && constant.value.denominator === 1n ? constant.value.numerator : undefined;
};

/** Constants that grow beyond this are mistakes, and would take memory without end. */
const largestShift = 512n;

/** Without the wrapping of a type; undefined for what has no value (a division by zero, a shift that is no shift). */
export const foldIntegers = (operator: ArithmeticOperator, left: bigint, right: bigint): bigint | undefined => {
  switch (operator) {
    case 'add':
      return left + right;
    case 'sub':
      return left - right;
    case 'mul':
      return left * right;
    case 'div':
      return right === 0n ? undefined : left / right;
    case 'rem':
      return right === 0n ? undefined : left % right;
    case 'and':
      return left & right;
    case 'or':
      return left | right;
    case 'xor':
      return left ^ right;
    case 'and-not':
      return left & ~right;
    case 'shl':
      return right < 0n || right > largestShift ? undefined : left << right;
    case 'shr':
      return right < 0n || right > largestShift ? undefined : left >> right;
  }
};

const foldFractions = (operator: ArithmeticOperator, left: Rational, right: Rational): Rational | undefined => {
  const { numerator: a, denominator: b } = left;
  const { numerator: c, denominator: d } = right;
  switch (operator) {
    case 'add':
      return rational(a * d + c * b, b * d);
    case 'sub':
      return rational(a * d - c * b, b * d);
    case 'mul':
      return rational(a * c, b * d);
    case 'div':
      return c === 0n ? undefined : rational(a * d, b * c);
    default:
      return undefined;
  }
};

/** Undefined when the operator has no value for these operands. */
export const foldArithmetic = (operator: ArithmeticOperator, left: Constant, right: Constant): Constant | undefined => {
  if (left.kind === 'integer' && right.kind === 'integer') {
    const value = foldIntegers(operator, left.value, right.value);
    const isNamed = left.named === true || right.named === true;
    // Of an integer and a rune comes a rune; a shift is what is shifted.
    const isShift = operator === 'shl' || operator === 'shr';
    const isRune = left.rune === true || (right.rune === true && !isShift);
    return value === undefined
      ? undefined
      : { kind: 'integer', value, ...(isNamed && { named: true }), ...(isRune && { rune: true }) };
  }
  if (left.kind === 'string' && right.kind === 'string' && operator === 'add') {
    return { kind: 'string', value: left.value + right.value };
  }
  const [a, b] = [asRational(left), asRational(right)];
  if (a === undefined || b === undefined) return undefined;
  const value = foldFractions(operator, a, b);
  return value === undefined ? undefined : { kind: 'float', value };
};

const ordered = (operator: ComparisonOperator, order: number): boolean => {
  switch (operator) {
    case 'eq':
      return order === 0;
    case 'ne':
      return order !== 0;
    case 'lt':
      return order < 0;
    case 'le':
      return order <= 0;
    case 'gt':
      return order > 0;
    case 'ge':
      return order >= 0;
  }
};

/** Undefined when the two cannot be compared. */
export const foldComparison = (operator: ComparisonOperator, left: Constant, right: Constant): boolean | undefined => {
  const [a, b] = [asRational(left), asRational(right)];
  if (a !== undefined && b !== undefined) {
    const difference = a.numerator * b.denominator - b.numerator * a.denominator;
    return ordered(operator, difference === 0n ? 0 : difference < 0n ? -1 : 1);
  }
  if (left.kind === 'string' && right.kind === 'string') {
    return ordered(operator, Buffer.compare(textBytes(left.value), textBytes(right.value)));
  }
  if (left.kind === 'bool' && right.kind === 'bool' && (operator === 'eq' || operator === 'ne')) {
    return ordered(operator, left.value === right.value ? 0 : 1);
  }
  return undefined;
};
