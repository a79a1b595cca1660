/** What a part of an expression is while it is lowered. */
import type { GoType } from '@probelens/gosym';
import type { IntegerType, LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { compare, constant, truth } from './build.js';
import type { Constant } from './constant.js';
import { readBits, type Storage } from './storage.js';

/** Inclusive bounds. */
export interface Interval {
  readonly least: bigint;
  readonly most: bigint;
}

export type Value =
  | { readonly kind: 'constant'; readonly constant: Constant }
  /** Something with a place: a variable, a field, an element. */
  | { readonly kind: 'stored'; readonly type: GoType; readonly storage: Storage }
  /** An integer that was computed. */
  | {
      readonly kind: 'integer';
      readonly typeName: string;
      readonly type: IntegerType;
      readonly value: LoweredExpression;
    }
  /**
   * A length: `int` in Go, an untyped constant in Delve (lenBuiltin, pkg/proc/eval.go 1.27), which computes with it
   * exactly. The two agree as long as the bounds show that nothing wraps around.
   */
  | { readonly kind: 'length'; readonly bounds: Interval; readonly value: LoweredExpression }
  /** 0 or 1. `typeName` undefined: the result of a comparison. */
  | { readonly kind: 'bool'; readonly typeName: string | undefined; readonly value: LoweredExpression }
  /** T{...}: constants and composite literals by their position among fields or elements; the others are zero. */
  | {
      readonly kind: 'composite';
      readonly typeName: string;
      readonly type: GoType;
      readonly parts: ReadonlyMap<number, Value>;
    }
  /** Part of a string that was cut with constant bounds. */
  | {
      readonly kind: 'string';
      readonly typeName: string;
      readonly pointer: LoweredExpression;
      readonly length: LoweredExpression;
    };

/** Go's `int` where a length is meant: 64 bits on every machine that is probed. */
export const goInt: IntegerType = { width: 8, signed: true };

/** More than any length on a machine with 48-bit user addresses. */
export const lengthBounds: Interval = { least: 0n, most: 2n ** 47n };

export const describe = (value: Value): string => {
  switch (value.kind) {
    case 'constant':
      return `untyped ${value.constant.kind}`;
    case 'stored':
      return value.type.name;
    case 'length':
      return 'int';
    case 'bool':
      return value.typeName ?? 'bool';
    default:
      return value.typeName;
  }
};

export const integerType = (type: GoType): IntegerType | undefined => {
  if (type.kind !== 'int' && type.kind !== 'uint') return undefined;
  const { size } = type;
  return size === 1 || size === 2 || size === 4 || size === 8
    ? { width: size, signed: type.kind === 'int' }
    : undefined;
};

export interface IntegerValue {
  readonly typeName: string;
  readonly type: IntegerType;
  readonly value: LoweredExpression;
}

/** A value as a typed integer; undefined for anything else, constants included. */
export const asInteger = (value: Value, text: string): IntegerValue | undefined => {
  if (value.kind === 'integer') return value;
  if (value.kind === 'length') return { typeName: 'int', type: goInt, value: value.value };
  if (value.kind !== 'stored') return undefined;
  const type = integerType(value.type);
  return type && { typeName: value.type.name, type, value: readBits(text, value.storage, 0, type) };
};

export interface BoolValue {
  readonly typeName: string | undefined;
  readonly value: LoweredExpression;
}

export const asBool = (value: Value, text: string): BoolValue | undefined => {
  if (value.kind === 'bool') return value;
  if (value.kind === 'constant') {
    return value.constant.kind === 'bool' ? { typeName: undefined, value: truth(value.constant.value) } : undefined;
  }
  if (value.kind !== 'stored' || value.type.kind !== 'bool') return undefined;
  // The upper bits of a register that holds a bool are anything (abi-internal.md).
  const byte = readBits(text, value.storage, 0, { width: 1, signed: false });
  return { typeName: value.type.name, value: compare('ne', false, byte, constant(0n)) };
};

export interface StringValue {
  readonly typeName: string;
  readonly pointer: LoweredExpression;
  readonly length: LoweredExpression;
}

export const asString = (value: Value, text: string): StringValue | undefined => {
  if (value.kind === 'string') return value;
  if (value.kind !== 'stored' || value.type.kind !== 'string') return undefined;
  return {
    typeName: value.type.name,
    pointer: readBits(text, value.storage, 0, { width: 8, signed: false }),
    length: readBits(text, value.storage, 8, goInt),
  };
};

export const typeMismatch = (text: string, left: string, right: string): never => {
  throw new Refused('type-mismatch', `${text}: ${left} and ${right} are different types; convert one of them.`);
};

/** What would work instead is known: nobody needs to be told where the condition stays. */
export const better = (text: string, why: string, advice: string): never => {
  throw new Refused('unsupported-type', `${text}: ${why}; ${advice}.`);
};

/** A constant of another kind than what it is compared with. */
export const misfit = (text: string, { kind }: Constant, typeName: string, fitting: string): never => {
  throw new Refused('type-mismatch', `${text}: the ${kind} constant is no ${typeName}; compare with ${fitting}.`);
};

export const unsupportedType = (text: string, what: string): never => {
  throw new Refused('unsupported-type', `${text}: ${what}; the condition stays with the debugger.`);
};
