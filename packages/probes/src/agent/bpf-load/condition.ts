/** A lowered condition, judged here: these events are few, and half of their fields are known only after the kernel was asked. */
import type { BpfCall } from '../../bpf-load/call.js';
import { type FieldValue, fieldValue } from '../../bpf-load/fields.js';
import type { ComparisonOperator, IntegerType, LoweredExpression } from '../../plan/expression.js';
import { foldIntegers } from '../../plan/lower/constant.js';
import { lengthOf } from '../../plan/source-expressions.js';
import * as refusal from '../refusal.js';

/** The longest text that a condition at any other event of the kernel can see; the same here. Bytes. */
const longestText = 63;

const cut = (value: bigint, { width, signed }: IntegerType): bigint =>
  signed ? BigInt.asIntN(width * 8, value) : BigInt.asUintN(width * 8, value);

class Unjudged extends Error {}

const never = (): never => {
  throw new Unjudged();
};

type Arithmetic = LoweredExpression & { readonly kind: 'arithmetic' };

/** What a 64-bit number is shifted by at most: beyond that nothing of it is left. */
const wholeShift = 64n;

/** Like everything that Go would panic at, a division by zero is false as a whole. */
const arithmetic = ({ operator, type }: Arithmetic, left: bigint, right: bigint): bigint => {
  const shifts = operator === 'shl' || operator === 'shr';
  const value = foldIntegers(operator, left, shifts && right > wholeShift ? wholeShift : right);
  return value === undefined ? never() : cut(value, type);
};

const compare = (operator: ComparisonOperator, left: bigint, right: bigint): boolean => {
  switch (operator) {
    case 'eq':
      return left === right;
    case 'ne':
      return left !== right;
    case 'lt':
      return left < right;
    case 'le':
      return left <= right;
    case 'gt':
      return left > right;
    case 'ge':
      return left >= right;
  }
};

const bytesOf = (value: FieldValue): Buffer => Buffer.from(`${value}`).subarray(0, longestText);

/** What a field has, by its name in the expression; undefined where there is no such field. */
export type Values = (name: string) => FieldValue | undefined;

const register = (values: Values, name: string): bigint => {
  const value = values(name);
  if (value !== undefined && typeof value !== 'string') return BigInt(value);
  const length = lengthOf('');
  const text = name.startsWith(length) ? values(name.slice(length.length)) : undefined;
  return text === undefined ? never() : BigInt(bytesOf(text).length);
};

type StringTest = LoweredExpression & { readonly kind: 'string-test' };

const test = (values: Values, { pointer, length, bytes, whole }: StringTest): boolean => {
  const value = pointer.kind === 'register' ? values(pointer.register) : undefined;
  if (value === undefined) return never();
  const text = bytesOf(value).subarray(0, Number(evaluate(values, length)));
  const wanted = Buffer.from(bytes, 'hex');
  return whole ? text.equals(wanted) : text.subarray(0, wanted.length).equals(wanted);
};

const truth = (value: boolean): bigint => (value ? 1n : 0n);

const evaluate = (values: Values, node: LoweredExpression): bigint => {
  const inner = (each: LoweredExpression): bigint => evaluate(values, each);
  switch (node.kind) {
    case 'constant':
      return BigInt(node.value);
    case 'register':
      return register(values, node.register);
    case 'convert':
      return cut(inner(node.value), node.type);
    case 'arithmetic':
      return arithmetic(node, inner(node.left), inner(node.right));
    case 'compare': {
      const as = { width: 8, signed: node.signed } as const;
      return truth(compare(node.operator, cut(inner(node.left), as), cut(inner(node.right), as)));
    }
    case 'string-test':
      return truth(test(values, node));
    case 'logical':
      if (node.operator === 'and') return inner(node.left) === 0n ? 0n : inner(node.right);
      return inner(node.left) !== 0n ? 1n : inner(node.right);
    case 'not':
      return truth(inner(node.value) === 0n);
    case 'checked':
      return inner(node.condition) === 0n ? never() : inner(node.value);
    // Memory, floats and goroutines are no fields of these events (checkCondition).
    default:
      return never();
  }
};

/** Refuses what is possible at other events only: once, before the probe is armed. Throws `Refused`. */
export const checkCondition = (node: LoweredExpression): void => {
  if (node.kind === 'goroutine-id' || node.kind === 'compare-float')
    throw refusal.unsupported(
      'That condition',
      'use `on goroutine N`, and compare the fields with whole numbers and texts',
    );
  for (const child of Object.values(node)) {
    if (typeof child === 'object' && child !== null && 'kind' in child) checkCondition(child);
  }
};

/** False also where Go would panic, and for a field that there is not. */
export const holdsFor = (values: Values, condition: LoweredExpression): boolean => {
  try {
    return evaluate(values, condition) !== 0n;
  } catch (error) {
    if (error instanceof Unjudged) return false;
    throw error;
  }
};

export const holds = (call: BpfCall, condition: LoweredExpression): boolean =>
  holdsFor((name) => fieldValue(call, name), condition);
