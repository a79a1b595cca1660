/**
 * Lowering: a Go expression, typed with what is known at one instruction, becomes an expression that the kernel can
 * evaluate with the same result. What cannot be shown to give the same result is refused.
 */
import { textBytes } from '../../spec/go-literal.js';
import type { LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { lowerAssertion } from './assertions.js';
import { load, constant as number, plus, unlessNil } from './build.js';
import { lowerComposite } from './composites.js';
import { literal } from './constant.js';
import { convertTo } from './conversions.js';
import { lowerName, lowerQualified, typeNamed } from './names.js';
import { dereference, lowerField, lowerIndex, lowerSlice } from './operands.js';
import { lowerBinary, lowerUnary } from './operators.js';
import type { Scope } from './scope.js';
import { partOf, readBits } from './storage.js';
import type { Syntax } from './syntax.js';
import { lowerTextFunction } from './text-functions.js';
import { asBool, asString, better, describe, goInt, lengthBounds, unsupportedType, type Value } from './value.js';

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
    const bytes = BigInt(textBytes(argument.constant.value).length);
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

/** What conditions are made of instead of calls, where there is something. */
const callAdvice = (scope: Scope, { callee }: Extract<Syntax, { kind: 'call' }>): string => {
  const name = callee.kind === 'select' ? `${callee.operand.text}.${callee.field}` : callee.text;
  switch (name) {
    case 'errors.Is':
      return 'compare the error itself, as in err == io.EOF';
    case 'errors.As':
      return 'ask for its type, as in err.(*fs.PathError).Op == "open"';
    case 'min':
    case 'max':
      return 'compare both';
    case 'math.IsNaN':
      return scope.semantics === 'go' ? 'write x != x' : 'leave it out';
    case 'math.Abs':
      return 'write x > 1 || x < -1';
    case 'bytes.Equal':
      return 'compare lengths or elements';
    default:
      return 'compare variables, fields and elements';
  }
};

const isDeclared = (scope: Scope, name: string): boolean =>
  scope.packageVariable(`${scope.packageName}.${name}`) !== undefined;

/** real(z) and imag(z): two numbers, one behind the other. */
const lowerComplexPart = (scope: Scope, value: Value, name: 'real' | 'imag', text: string): Value => {
  if (scope.semantics === 'delve')
    return better(text, 'the debugger is left to judge complex numbers', 'leave it to it');
  if (value.kind !== 'stored' || value.type.kind !== 'complex')
    return unsupportedType(text, `${describe(value)} is no complex number`);
  const size = value.type.size / 2;
  const part = { kind: 'float', name: size === 4 ? 'float32' : 'float64', size } as const;
  return { kind: 'stored', type: part, storage: partOf(value.storage, name === 'real' ? 0 : size, size) };
};

const lowerCall = (scope: Scope, syntax: Extract<Syntax, { kind: 'call' }>): Value => {
  const { callee, text } = syntax;
  const found = lowerTextFunction(scope, syntax, (argument) => lower(scope, argument));
  if (found !== undefined) return found;
  const [argument, ...rest] = syntax.arguments;
  const isOne = argument !== undefined && rest.length === 0;
  const isMeasure = callee.kind === 'name' && (callee.name === 'len' || callee.name === 'cap');
  if (isOne && isMeasure) return lengthOf(scope, lower(scope, argument), callee.name === 'cap', text);
  if (
    isOne &&
    callee.kind === 'name' &&
    (callee.name === 'real' || callee.name === 'imag') &&
    !isDeclared(scope, callee.name)
  )
    return lowerComplexPart(scope, lower(scope, argument), callee.name, text);
  const type = isOne ? typeNamed(scope, callee) : undefined;
  if (isOne && type !== undefined) return convertTo(scope, type, lower(scope, argument), text);
  const where = scope.semantics === 'delve' ? 'conditions call no functions' : 'the kernel calls no functions';
  throw new Refused('unsupported-syntax', `${text}: ${where}; ${callAdvice(scope, syntax)}.`);
};

const lowerAssert = (scope: Scope, { operand, type, text }: Extract<Syntax, { kind: 'assert' }>): Value => {
  const to = typeNamed(scope, type);
  if (to !== undefined) return lowerAssertion(scope, lower(scope, operand), to, text);
  throw new Refused('unknown-type', `${text}: there is no type ${type.text} in this program; correct its name.`);
};

const lowerLiteral = (scope: Scope, syntax: Extract<Syntax, { kind: 'composite' }>): Value => {
  const { text } = syntax;
  if (scope.semantics === 'delve')
    return better(text, 'the debugger makes no composite literals', 'compare field by field');
  const type = syntax.type && typeNamed(scope, syntax.type);
  if (type !== undefined) return lowerComposite(type.type, syntax, (part) => lower(scope, part));
  throw new Refused(
    'unknown-type',
    `${text}: there is no type ${syntax.type?.text ?? ''} in this program; correct its name.`,
  );
};

const lowerUnaryForm = (scope: Scope, syntax: Extract<Syntax, { kind: 'unary' }>): Value => {
  const { operator, text } = syntax;
  if (operator === '&' && syntax.operand.kind === 'composite')
    return better(
      text,
      'a new value is at no address that the program has',
      'compare what the pointer points to, as in *p == T{1}',
    );
  if (operator === '&') return better(text, 'the kernel takes no addresses', 'compare with a pointer');
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
      const bound = (of: Syntax | undefined): Value | undefined => of && lower(scope, of);
      const bounds = { low: bound(syntax.low), high: bound(syntax.high) };
      return lowerSlice(scope, lower(scope, syntax.operand), bounds, text);
    }
    case 'assert':
      return lowerAssert(scope, syntax);
    case 'call':
      return lowerCall(scope, syntax);
    case 'unary':
      return lowerUnaryForm(scope, syntax);
    case 'composite':
      return lowerLiteral(scope, syntax);
    case 'composite-type':
      return unsupportedType(text, 'a type is no value');
    case 'binary':
      return lowerBinary(scope, syntax.operator, lower(scope, syntax.left), lower(scope, syntax.right), text);
  }
};

/** A condition: 0 or 1. Throws Refused. */
export const lowerCondition = (scope: Scope, syntax: Syntax): LoweredExpression => {
  const value = asBool(lower(scope, syntax), syntax.text);
  return value?.value ?? unsupportedType(syntax.text, 'a condition must be true or false');
};
