/** Names, fields, elements: the expressions that denote something stored. */
import type { GoField, GoType } from '@probelens/gosym';
import type { LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { both, checked, compare, fits, constant as number, plus } from './build.js';
import type { Scope } from './scope.js';
import { addressOf, partOf, readBits, type Storage } from './storage.js';
import { asInteger, asString, better, goInt, unsupportedType, type Value } from './value.js';

type Stored = Extract<Value, { kind: 'stored' }>;

/** What a pointer points to. */
export const dereference = (value: Stored, text: string): Stored => {
  if (value.type.kind !== 'pointer') return unsupportedType(text, `${value.type.name} is no pointer`);
  const pointer = readBits(text, value.storage, 0, { width: 8, signed: false });
  return {
    kind: 'stored',
    type: value.type.target(),
    storage: { kind: 'memory', base: pointer, offset: 0, mayBeNil: true },
  };
};

const throughPointer = (value: Stored, text: string): Stored =>
  value.type.kind === 'pointer' ? dereference(value, text) : value;

const fieldOf = (value: Stored, field: GoField): Stored => ({
  kind: 'stored',
  type: field.type,
  storage: partOf(value.storage, field.offset, field.type.size),
});

const plainName = (field: GoField): string => field.name.slice(field.name.lastIndexOf('.') + 1);

/**
 * The field `name` of a struct or of what it embeds, breadth first. Delve gives up when it meets a nil pointer to an
 * embedded struct with embedded fields of its own before it finds the name (findStructMemberOrMethod); Go does not, so
 * such a search is refused.
 */
export const lowerField = (scope: Scope, operand: Value, name: string, text: string): Value => {
  if (operand.kind !== 'stored') return unsupportedType(text, `there is no field ${name}`);
  const queue: Stored[] = [operand];
  const seen = new Set<string>();
  let giddy = false;
  for (let value = queue.shift(); value !== undefined; value = queue.shift()) {
    if (seen.has(value.type.name)) continue;
    seen.add(value.type.name);
    const holder = throughPointer(value, text);
    if (holder.type.kind !== 'struct') continue;
    const found = holder.type.fields.find((field) => (field.embedded ? plainName(field) : field.name) === name);
    if (found !== undefined) {
      if (giddy && scope.semantics === 'delve') {
        return unsupportedType(text, 'the debugger searches embedded pointers in another order than Go');
      }
      return fieldOf(holder, found);
    }
    const embedded = holder.type.fields.filter((field) => field.embedded);
    if (value !== operand && value.type.kind === 'pointer' && embedded.length > 0) giddy = true;
    queue.push(...embedded.map((field) => fieldOf(holder, field)));
  }
  const known = throughPointer(operand, text).type;
  const names = known.kind === 'struct' ? known.fields.map((field) => field.name) : [];
  const similar = names.find((each) => each.toLowerCase() === name.toLowerCase());
  const advice =
    similar !== undefined
      ? `did you mean ${similar}?`
      : names.length === 0
        ? 'correct the expression.'
        : `it has ${names.join(', ')}.`;
  throw new Refused('unknown-field', `${operand.type.name} has no field ${name}; ${advice}`);
};

interface Sequence {
  readonly element: GoType;
  /** Address of the first element; undefined for an array that is not in memory. */
  readonly base: LoweredExpression | undefined;
  readonly storage: Storage;
  readonly length: LoweredExpression;
  readonly fixedLength: bigint | undefined;
}

/** Delve calls the elements of a string "byte", which it takes for another type than uint8. */
const byte = (scope: Scope): GoType => ({
  kind: 'uint',
  name: scope.semantics === 'delve' ? 'byte' : 'uint8',
  size: 1,
});

const sequence = (scope: Scope, operand: Value, text: string): Sequence | undefined => {
  const text8 = asString(operand, text);
  if (text8 !== undefined) {
    const storage: Storage = { kind: 'memory', base: text8.pointer, offset: 0, mayBeNil: true };
    return { element: byte(scope), base: text8.pointer, storage, length: text8.length, fixedLength: undefined };
  }
  if (operand.kind !== 'stored') return undefined;
  const isArrayPointer = operand.type.kind === 'pointer' && operand.type.target().kind === 'array';
  const holder = isArrayPointer ? dereference(operand, text) : operand;
  const { type, storage } = holder;
  if (type.kind === 'array') {
    const fixedLength = BigInt(type.count);
    return { element: type.element(), base: addressOf(storage, 0), storage, length: number(fixedLength), fixedLength };
  }
  if (type.kind !== 'slice') return undefined;
  const base = readBits(text, storage, 0, { width: 8, signed: false });
  const length = readBits(text, storage, 8, goInt);
  const elements: Storage = { kind: 'memory', base, offset: 0, mayBeNil: true };
  return { element: type.element(), base, storage: elements, length, fixedLength: undefined };
};

const constantIndex = (of: Sequence, index: bigint, text: string): Value => {
  if (index < 0n || !fits(index, goInt) || (of.fixedLength !== undefined && index >= of.fixedLength)) {
    throw new Refused('constant-overflow', `${text}: the index ${index} is out of bounds.`);
  }
  const distance = index * BigInt(of.element.size);
  if (of.fixedLength !== undefined && distance < 2n ** 31n) {
    return { kind: 'stored', type: of.element, storage: partOf(of.storage, Number(distance), of.element.size) };
  }
  const inBounds = compare('lt', true, number(index), of.length);
  return elementAt(of, plus(of.base ?? number(0n), distance), inBounds);
};

const elementAt = (of: Sequence, address: LoweredExpression, inBounds: LoweredExpression): Value => ({
  kind: 'stored',
  type: of.element,
  storage: { kind: 'memory', base: checked(inBounds, address), offset: 0, mayBeNil: false },
});

/** x[i]. Delve takes signed integers and constants as indexes (asInt), Go unsigned ones too. */
export const lowerIndex = (scope: Scope, operand: Value, index: Value, text: string): Value => {
  const of = sequence(scope, operand, text);
  if (of === undefined) {
    if (operand.kind === 'stored' && operand.type.kind === 'map')
      return better(text, 'the kernel does not search maps', 'only len(m) and m == nil can be asked of one');
    return unsupportedType(text, 'only strings, slices and arrays can be indexed in the kernel');
  }
  if (index.kind === 'constant') {
    if (index.constant.kind !== 'integer') return unsupportedType(text, 'the index is no integer');
    return constantIndex(of, index.constant.value, text);
  }
  const position = asInteger(index, text);
  if (position === undefined) return unsupportedType(text, 'the index is no integer');
  if (!position.type.signed && scope.semantics === 'delve')
    return better(text, 'the debugger takes no unsigned index', 'convert it to int');
  if (of.base === undefined) return unsupportedType(text, 'the array is in registers');
  // Lengths are below 2^63: taken as unsigned, a negative index is beyond every one of them.
  const inBounds = compare('lt', false, position.value, of.length);
  const distance: LoweredExpression = {
    kind: 'arithmetic',
    operator: 'mul',
    type: goInt,
    left: position.value,
    right: number(BigInt(of.element.size)),
  };
  const address: LoweredExpression = {
    kind: 'arithmetic',
    operator: 'add',
    type: { width: 8, signed: false },
    left: of.base,
    right: distance,
  };
  return elementAt(of, address, inBounds);
};

/** A bound of a slice. Delve takes signed integers and constants (asInt), Go unsigned ones too. */
const boundOf = (scope: Scope, bound: Value, text: string): LoweredExpression => {
  if (bound.kind === 'constant') {
    const { constant } = bound;
    if (constant.kind !== 'integer') return unsupportedType(text, 'the bound is no integer');
    if (constant.value < 0n || !fits(constant.value, goInt))
      throw new Refused('constant-overflow', `${text}: the bounds are out of order.`);
    return number(constant.value);
  }
  const position = asInteger(bound, text);
  if (position === undefined) return unsupportedType(text, 'the bound is no integer');
  if (position.type.signed || scope.semantics === 'go') return position.value;
  return better(text, 'the debugger takes no unsigned bound', 'convert it to int');
};

const isConstant = (value: LoweredExpression): value is Extract<LoweredExpression, { kind: 'constant' }> =>
  value.kind === 'constant';

/** s[low:high] of a string, which is how one asks for a prefix in Delve. */
export const lowerSlice = (
  scope: Scope,
  operand: Value,
  bounds: { readonly low: Value | undefined; readonly high: Value | undefined },
  text: string,
): Value => {
  const value = asString(operand, text);
  if (value === undefined) {
    if (operand.kind === 'stored' && (operand.type.kind === 'slice' || operand.type.kind === 'array'))
      return better(text, 'only strings can be sliced in the kernel', 'index what you slice instead');
    return unsupportedType(text, 'only strings can be sliced in the kernel');
  }
  const low = bounds.low === undefined ? number(0n) : boundOf(scope, bounds.low, text);
  const high = bounds.high === undefined ? value.length : boundOf(scope, bounds.high, text);
  if (isConstant(low) && isConstant(high) && BigInt(low.value) > BigInt(high.value))
    throw new Refused('constant-overflow', `${text}: the bounds are out of order.`);
  // Lengths are below 2^63: taken as unsigned, a negative bound is beyond every one of them.
  const ordered = compare('le', false, low, high);
  const inside = compare('le', false, high, value.length);
  const tests = [
    ...(isConstant(low) && (isConstant(high) || low.value === '0') ? [] : [ordered]),
    ...(bounds.high === undefined ? [] : [inside]),
    // Delve slices no string without bytes (evalReslice).
    ...(scope.semantics === 'delve' ? [compare('ne', false, value.pointer, number(0n))] : []),
  ];
  const length: LoweredExpression =
    isConstant(low) && low.value === '0'
      ? high
      : isConstant(low) && isConstant(high)
        ? number(BigInt(high.value) - BigInt(low.value))
        : { kind: 'arithmetic', operator: 'sub', type: goInt, left: high, right: low };
  const [first, ...rest] = tests;
  return {
    kind: 'string',
    typeName: value.typeName,
    pointer: isConstant(low) ? plus(value.pointer, BigInt(low.value)) : sum(value.pointer, low),
    length: first === undefined ? length : checked(rest.reduce(both, first), length),
  };
};

const sum = (address: LoweredExpression, bytes: LoweredExpression): LoweredExpression => ({
  kind: 'arithmetic',
  operator: 'add',
  type: { width: 8, signed: false },
  left: address,
  right: bytes,
});
