/** T(x): between integers, and to types that have the same values. */
import type { GoType, NamedType } from '@probelens/gosym';
import { Refused } from '../refused.js';
import { fits, constant as number, word, wrap } from './build.js';
import { asWhole } from './constant.js';
import type { Scope } from './scope.js';
import { readBits, type Storage } from './storage.js';
import {
  asBool,
  asInteger,
  asString,
  better,
  describe,
  goInt,
  integerType,
  type StringValue,
  typeMismatch,
  unsupportedType,
  type Value,
} from './value.js';

type Integer = Extract<GoType, { kind: 'bool' | 'int' | 'uint' | 'float' | 'complex' }>;

const toInteger = (scope: Scope, to: Integer, argument: Value, text: string): Value => {
  const type = integerType(to);
  if (type === undefined) return unsupportedType(text, `the size of ${to.name} is unknown`);
  const typeName = to.name;
  if (argument.kind === 'constant') {
    const { constant } = argument;
    const value = asWhole(constant);
    if (value === undefined || !fits(value, type))
      throw new Refused('constant-overflow', `${text}: the constant is no value of ${typeName}; correct it.`);
    return { kind: 'integer', typeName, type, value: number(wrap(value, type)) };
  }
  if (argument.kind === 'stored' && argument.type.kind === 'float')
    return better(
      text,
      'the kernel cuts no floating-point number to an integer',
      'compare the number itself, as in x >= 1 && x < 2',
    );
  // Delve converts no unsafe.Pointer.
  if (argument.kind === 'stored' && argument.type.kind === 'unsafe-pointer' && scope.semantics === 'go')
    return { kind: 'integer', typeName, type, value: readBits(text, argument.storage, 0, type) };
  const value = asInteger(argument, text);
  if (value === undefined) return unsupportedType(text, `${describe(argument)} is no integer`);
  return { kind: 'integer', typeName, type, value: { kind: 'convert', value: value.value, type } };
};

const toFloat = (to: GoType, argument: Value, text: string): Value => {
  if (argument.kind === 'constant') return better(text, 'a constant needs no conversion', 'write it alone');
  if (argument.kind === 'stored' && argument.type.kind === 'float') {
    if (argument.type.size === to.size) return { ...argument, type: to };
    return better(text, 'the kernel converts no floating-point numbers', 'compare the number itself with a constant');
  }
  return better(text, 'the kernel makes no floating-point numbers of integers', 'compare the integer itself');
};

const toText = (scope: Scope, to: GoType, argument: Value, text: string): Value => {
  if (argument.kind === 'constant' && argument.constant.kind === 'string') {
    if (scope.semantics === 'go') return argument;
    return better(text, 'a constant needs no conversion', 'write it alone');
  }
  const string = asString(argument, text) ?? ofBytes(scope, argument, text);
  if (string === undefined)
    return better(text, 'the kernel makes no strings of other values', 'compare the value itself');
  return { kind: 'string', ...string, typeName: to.name };
};

/** The bytes of a slice; beside Delve, which loads no more than a part of it, nobody's. */
const ofBytes = (scope: Scope, argument: Value, text: string): Omit<StringValue, 'typeName'> | undefined => {
  if (argument.kind !== 'stored' || argument.type.kind !== 'slice') return undefined;
  const element = argument.type.element();
  if (element.kind !== 'uint' || element.size !== 1) return undefined;
  if (scope.semantics === 'delve')
    return better(text, 'the debugger loads only a part of a slice', 'compare its elements');
  const { storage } = argument;
  return { pointer: readBits(text, storage, 0, word), length: readBits(text, storage, 8, goInt) };
};

/** Types that have a nil. */
const nilKinds: ReadonlySet<GoType['kind']> = new Set(['pointer', 'slice', 'map', 'chan', 'func', 'unsafe-pointer']);

/** T(nil): of an interface type nil itself, else a value of that type. Delve converts none. */
const typedNil = (scope: Scope, to: GoType, text: string): Value => {
  if (scope.semantics === 'delve') return better(text, 'the debugger converts no nil', 'compare with nil alone');
  if (to.kind === 'interface') return { kind: 'constant', constant: { kind: 'nil' } };
  if (!nilKinds.has(to.kind)) return better(text, `${to.name} has no nil`, 'correct it');
  const zero: Storage = { kind: 'bits', value: number(0n) };
  return { kind: 'stored', type: to, storage: to.kind === 'slice' ? noBytes : zero };
};

const noBytes: Storage = {
  kind: 'pieces',
  pieces: [0, 8, 16].map((offset) => ({ offset, size: 8, storage: { kind: 'bits', value: number(0n) } })),
};

/** The same values in memory, but for the name: structs of the same fields, and whatever else is one type already. */
const sameShape = (a: GoType, b: GoType): boolean => {
  if (a.kind !== b.kind || a.size !== b.size) return false;
  if (a.kind !== 'struct' || b.kind !== 'struct') return a.name === b.name;
  return (
    a.fields.length === b.fields.length &&
    a.fields.every((field, index) => {
      const other = b.fields[index];
      return other?.name === field.name && other.offset === field.offset && other.type.name === field.type.name;
    })
  );
};

const isForBoth = (scope: Scope, a: GoType, b: GoType): boolean => scope.semantics === 'go' || a.name === b.name;

/** Throws Refused for what the kernel, or the debugger beside it, cannot do. */
export const convertTo = (scope: Scope, { type: to }: NamedType, argument: Value, text: string): Value => {
  if (argument.kind === 'constant' && argument.constant.kind === 'nil') return typedNil(scope, to, text);
  switch (to.kind) {
    case 'int':
    case 'uint':
      return toInteger(scope, to, argument, text);
    case 'float':
      return toFloat(to, argument, text);
    case 'string':
      return toText(scope, to, argument, text);
    case 'bool': {
      const value = asBool(argument, text);
      return value === undefined
        ? typeMismatch(text, describe(argument), to.name)
        : { kind: 'bool', typeName: to.name, value: value.value };
    }
    case 'unsafe-pointer':
      if (argument.kind === 'stored' && argument.type.kind === 'pointer') return { ...argument, type: to };
      return typeMismatch(text, describe(argument), to.name);
    case 'interface':
      if (argument.kind === 'stored' && argument.type.kind === 'interface' && argument.type.name === to.name)
        return argument;
      return better(text, 'the kernel makes no interfaces', 'compare with the value itself, without the conversion');
    default:
      // Delve asks for fields that are the same object of its own.
      if (argument.kind === 'stored' && sameShape(argument.type, to) && isForBoth(scope, argument.type, to))
        return { ...argument, type: to };
      return unsupportedType(text, `the kernel does not convert ${describe(argument)} to ${to.name}`);
  }
};
