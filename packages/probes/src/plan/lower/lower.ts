/**
 * Lowering: a Go expression, typed with what is known at one instruction, becomes an expression that the kernel can
 * evaluate with the same result. What cannot be shown to give the same result is refused.
 */
import type { IntegerType, LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { both, compare, fits, load, constant as number, plus, unlessNil, word, wrap } from './build.js';
import { literal } from './constant.js';
import { dereference, lowerField, lowerIndex, lowerName, lowerQualified, lowerSlice } from './operands.js';
import { lowerBinary, lowerUnary } from './operators.js';
import type { Scope } from './scope.js';
import { readBits } from './storage.js';
import type { Syntax } from './syntax.js';
import { asBool, asInteger, asString, describe, goInt, lengthBounds, unsupportedType, type Value } from './value.js';

/** The integer type that a conversion names. */
const conversionTypes: ReadonlyMap<string, IntegerType> = new Map([
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

const goroutineId: Value = {
  kind: 'integer',
  // The type of runtime.g.goid.
  typeName: 'uint64',
  type: { width: 8, signed: false },
  value: { kind: 'goroutine-id' },
};

const isCurrentGoroutine = (syntax: Syntax): boolean =>
  syntax.kind === 'select' &&
  syntax.field === 'goid' &&
  syntax.operand.kind === 'select' &&
  syntax.operand.field === 'curg' &&
  syntax.operand.operand.kind === 'name' &&
  syntax.operand.operand.name === 'runtime';

const lengthOf = (scope: Scope, argument: Value, capacity: boolean, text: string): Value => {
  const length = (value: LoweredExpression): Value =>
    scope.semantics === 'delve'
      ? { kind: 'length', bounds: lengthBounds, value }
      : { kind: 'integer', typeName: 'int', type: goInt, value };
  if (argument.kind === 'constant' && argument.constant.kind === 'string' && !capacity) {
    const bytes = BigInt(Buffer.byteLength(argument.constant.value));
    return { kind: 'constant', constant: { kind: 'integer', value: bytes } };
  }
  const string = capacity ? undefined : asString(argument, text);
  if (string !== undefined) return length(string.length);
  if (argument.kind === 'stored') {
    const { type } = argument;
    const target = type.kind === 'pointer' ? type.target() : type;
    if (target.kind === 'array') return length(number(BigInt(target.count)));
    // The compiler's own layout (walkLenCap and referenceTypeBuiltin, cmd/compile): the first word behind the pointer is
    // the length of every kind of map and of a channel, the second one the capacity of a channel.
    if (type.kind === 'chan' || (type.kind === 'map' && !capacity)) {
      const pointer = readBits(text, argument.storage, 0, { width: 8, signed: false });
      return length(unlessNil(pointer, load(plus(pointer, capacity ? 8n : 0n), goInt)));
    }
    if (type.kind === 'slice') return length(readBits(text, argument.storage, capacity ? 16 : 8, goInt));
  }
  return unsupportedType(text, `the kernel does not know the length of ${describe(argument)}`);
};

const convertTo = (typeName: string, argument: Value, text: string): Value => {
  const type = conversionTypes.get(typeName);
  if (type === undefined)
    throw new Refused('unsupported-syntax', `${text}: the kernel converts between integers only.`);
  if (argument.kind === 'constant') {
    const { constant } = argument;
    if (constant.kind !== 'integer' || !fits(constant.value, type)) {
      throw new Refused('constant-overflow', `${text}: the constant is no value of ${typeName}.`);
    }
    return { kind: 'integer', typeName, type, value: number(wrap(constant.value, type)) };
  }
  const value = asInteger(argument, text);
  if (value === undefined) return unsupportedType(text, `${describe(argument)} is no integer`);
  return { kind: 'integer', typeName, type, value: { kind: 'convert', value: value.value, type } };
};

/** strings.HasPrefix and strings.HasSuffix with a literal. Undefined for another call. */
const lowerAffix = (scope: Scope, { callee, arguments: given, text }: Extract<Syntax, { kind: 'call' }>) => {
  if (callee.kind !== 'select' || callee.operand.kind !== 'name' || callee.operand.name !== 'strings') return undefined;
  const [first, second] = given;
  const isPrefix = callee.field === 'HasPrefix';
  if ((!isPrefix && callee.field !== 'HasSuffix') || first === undefined || second === undefined || given.length > 2)
    return undefined;
  if (scope.semantics === 'delve') {
    return unsupportedType(
      text,
      'the debugger calls no functions in conditions; compare a part of it, like s[:3] == "abc"',
    );
  }
  const string = asString(lower(scope, first), text);
  const affix = lower(scope, second);
  if (string === undefined || affix.kind !== 'constant' || affix.constant.kind !== 'string') {
    return unsupportedType(text, 'in the kernel it takes a string and a literal');
  }
  const bytes = Buffer.from(affix.constant.value, 'utf8');
  if (bytes.length > longestLiteral) return unsupportedType(text, `the literal is longer than ${longestLiteral} bytes`);
  const size = number(BigInt(bytes.length));
  const { pointer, length } = string;
  const test = { kind: 'string-test', bytes: bytes.toString('hex') } as const;
  if (isPrefix) return holds({ ...test, pointer, length, whole: false });
  const from: LoweredExpression = { kind: 'arithmetic', operator: 'sub', type: goInt, left: length, right: size };
  const end: LoweredExpression = { kind: 'arithmetic', operator: 'add', type: word, left: pointer, right: from };
  return holds(both(compare('ge', true, length, size), { ...test, pointer: end, length: size, whole: true }));
};

const longestLiteral = 512;

const holds = (value: LoweredExpression): Value => ({ kind: 'bool', typeName: 'bool', value });

const lowerCall = (scope: Scope, syntax: Extract<Syntax, { kind: 'call' }>): Value => {
  const { callee, text } = syntax;
  const affix = lowerAffix(scope, syntax);
  if (affix !== undefined) return affix;
  const [argument, ...rest] = syntax.arguments;
  const name = callee.kind === 'name' ? callee.name : undefined;
  if (argument === undefined || rest.length > 0 || name === undefined) {
    throw new Refused('unsupported-syntax', `${text}: functions cannot be called in the kernel.`);
  }
  if (name === 'len' || name === 'cap') return lengthOf(scope, lower(scope, argument), name === 'cap', text);
  // Delve finds types by their names in DWARF, where these two do not appear.
  const aliases: ReadonlyMap<string, string> = new Map([
    ['byte', 'uint8'],
    ['rune', 'int32'],
  ]);
  const alias = aliases.get(name);
  if (alias !== undefined && scope.semantics === 'delve') {
    throw new Refused('unsupported-syntax', `${text}: the debugger does not know ${name}; write ${alias}.`);
  }
  if (!conversionTypes.has(alias ?? name)) {
    throw new Refused('unsupported-syntax', `${text}: functions cannot be called in the kernel.`);
  }
  return convertTo(alias ?? name, lower(scope, argument), text);
};

const constantBound = (scope: Scope, syntax: Syntax | undefined, text: string): bigint | undefined => {
  if (syntax === undefined) return undefined;
  const bound = lower(scope, syntax);
  if (bound.kind === 'constant' && bound.constant.kind === 'integer') return bound.constant.value;
  return unsupportedType(text, 'in the kernel the bounds of a slice are constants');
};

const lowerUnaryForm = (scope: Scope, syntax: Extract<Syntax, { kind: 'unary' }>): Value => {
  const { operator, text } = syntax;
  if (operator === '&') throw new Refused('unsupported-syntax', `${text}: addresses cannot be taken in the kernel.`);
  const operand = lower(scope, syntax.operand);
  if (operator !== '*') return lowerUnary(scope, operator, operand, text);
  return operand.kind === 'stored'
    ? dereference(operand, text)
    : unsupportedType(text, `${describe(operand)} is no pointer`);
};

/** Throws Refused. */
export const lower = (scope: Scope, syntax: Syntax): Value => {
  const { text } = syntax;
  switch (syntax.kind) {
    case 'integer':
    case 'float':
    case 'rune':
    case 'string': {
      const constant = literal(syntax);
      return constant === undefined ? unsupportedType(text, 'this is no constant') : { kind: 'constant', constant };
    }
    case 'name':
      return lowerName(scope, syntax.name);
    case 'select':
      if (isCurrentGoroutine(syntax)) {
        if (scope.knowsGoroutine) return goroutineId;
        throw new Refused('unknown-goroutine', 'The place of the goroutine id in this program is unknown.');
      }
      return lowerQualified(scope, syntax) ?? lowerField(scope, lower(scope, syntax.operand), syntax.field, text);
    case 'index':
      return lowerIndex(scope, lower(scope, syntax.operand), lower(scope, syntax.index), text);
    case 'slice': {
      const low = constantBound(scope, syntax.low, text) ?? 0n;
      return lowerSlice(lower(scope, syntax.operand), low, constantBound(scope, syntax.high, text), text);
    }
    case 'call':
      return lowerCall(scope, syntax);
    case 'unary':
      return lowerUnaryForm(scope, syntax);
    case 'binary':
      return lowerBinary(scope, syntax.operator, lower(scope, syntax.left), lower(scope, syntax.right), text);
  }
};

/** A condition: 0 or 1. Throws Refused. */
export const lowerCondition = (scope: Scope, syntax: Syntax): LoweredExpression => {
  const value = asBool(lower(scope, syntax), syntax.text);
  return value?.value ?? unsupportedType(syntax.text, 'a condition must be true or false');
};
