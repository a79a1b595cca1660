/** A lowered condition, judged here: these events are few, and half of their fields are known only after the kernel was asked. */

import type { BpfCall } from '../../bpf-load/call.js';
import { type FieldValue, fieldValue } from '../../bpf-load/fields.js';
import type { ComparisonOperator, IntegerType, LoweredExpression } from '../../plan/expression.js';
import { lengthOf } from '../../plan/source-expressions.js';
import * as refusal from '../refusal.js';

/** The longest text that a condition at any other event of the kernel can see; the same here. Bytes. */
const longestText = 63;

const cut = (value: bigint, { width, signed }: IntegerType): bigint =>
  signed ? BigInt.asIntN(width * 8, value) : BigInt.asUintN(width * 8, value);

const arithmetic = (operator: string, left: bigint, right: bigint): bigint => {
  switch (operator) {
    case 'add':
      return left + right;
    case 'sub':
      return left - right;
    case 'mul':
      return left * right;
    // Division by zero is false as a whole, like everything that Go would panic at.
    case 'div':
      return right === 0n ? never() : left / right;
    case 'rem':
      return right === 0n ? never() : left % right;
    case 'and':
      return left & right;
    case 'or':
      return left | right;
    case 'xor':
      return left ^ right;
    case 'and-not':
      return left & ~right;
    case 'shl':
      return right > 63n ? 0n : left << right;
    default:
      return right > 63n ? (left < 0n ? -1n : 0n) : left >> right;
  }
};

class Unjudged extends Error {}

const never = (): never => {
  throw new Unjudged();
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

const register = (call: BpfCall, name: string): bigint => {
  const value = fieldValue(call, name);
  if (value !== undefined && typeof value !== 'string') return BigInt(value);
  const length = lengthOf('');
  const text = name.startsWith(length) ? fieldValue(call, name.slice(length.length)) : undefined;
  return text === undefined ? never() : BigInt(bytesOf(text).length);
};

type StringTest = LoweredExpression & { readonly kind: 'string-test' };

const test = (call: BpfCall, { pointer, length, bytes, whole }: StringTest): boolean => {
  const value = pointer.kind === 'register' ? fieldValue(call, pointer.register) : undefined;
  if (value === undefined) return never();
  const text = bytesOf(value).subarray(0, Number(evaluate(call, length)));
  const wanted = Buffer.from(bytes, 'hex');
  return whole ? text.equals(wanted) : text.subarray(0, wanted.length).equals(wanted);
};

const truth = (value: boolean): bigint => (value ? 1n : 0n);

const evaluate = (call: BpfCall, node: LoweredExpression): bigint => {
  const inner = (each: LoweredExpression): bigint => evaluate(call, each);
  switch (node.kind) {
    case 'constant':
      return BigInt(node.value);
    case 'register':
      return register(call, node.register);
    case 'convert':
      return cut(inner(node.value), node.type);
    case 'arithmetic':
      return cut(arithmetic(node.operator, inner(node.left), inner(node.right)), node.type);
    case 'compare': {
      const as = { width: 8, signed: node.signed } as const;
      return truth(compare(node.operator, cut(inner(node.left), as), cut(inner(node.right), as)));
    }
    case 'string-test':
      return truth(test(call, node));
    case 'logical':
      if (node.operator === 'and') return inner(node.left) === 0n ? 0n : inner(node.right);
      return inner(node.left) !== 0n ? 1n : inner(node.right);
    case 'not':
      return truth(inner(node.value) === 0n);
    case 'checked':
      return inner(node.condition) === 0n ? never() : inner(node.value);
    case 'load':
    case 'string-order':
    case 'unless-nil':
    case 'compare-float':
    case 'goroutine-id':
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

export const holds = (call: BpfCall, condition: LoweredExpression): boolean => {
  try {
    return evaluate(call, condition) !== 0n;
  } catch (error) {
    if (error instanceof Unjudged) return false;
    throw error;
  }
};
