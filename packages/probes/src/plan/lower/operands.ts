/** Names, fields, elements: the expressions that denote something stored. */
import type { GoField, GoType } from '@probelens/gosym';
import type { LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { checked, compare, fits, constant as number, plus } from './build.js';
import type { Scope } from './scope.js';
import { addressOf, partOf, readBits, type Storage, storageOf } from './storage.js';
import type { Syntax } from './syntax.js';
import { asInteger, asString, goInt, unsupportedType, type Value } from './value.js';

type Stored = Extract<Value, { kind: 'stored' }>;

const predeclared: ReadonlyMap<string, Value> = new Map([
  ['true', { kind: 'constant', constant: { kind: 'bool', value: true } }],
  ['false', { kind: 'constant', constant: { kind: 'bool', value: false } }],
  ['nil', { kind: 'constant', constant: { kind: 'nil' } }],
]);

const variable = (scope: Scope, name: string): Value | undefined => {
  const found = scope.variables.find((each) => each.name === name);
  if (found !== undefined && scope.doubted?.has(found) === true) {
    throw new Refused(
      'stale-variable',
      `The compiler's record of ${name} may be stale here (a call has passed since it was made); probe an earlier line, or build with -gcflags="all=-N -l".`,
    );
  }
  if (found?.place.kind === 'register' && !scope.frame.hasRegister(found.place.register)) {
    const line = scope.lineInMemory?.(name);
    const advice =
      line === undefined
        ? 'its value never is in memory in this build; build with -gcflags="all=-N -l"'
        : `at ${line} it is in memory; probe that line or one behind it`;
    throw new Refused(
      'unavailable-variable',
      `${name} cannot be read here: it is in ${found.place.register}, which the kernel does not show to a probe; ${advice}.`,
    );
  }
  return found && { kind: 'stored', type: found.type, storage: storageOf(name, found.place, scope.frame) };
};

const packageVariable = (scope: Scope, name: string): Value | undefined => {
  const found = scope.packageVariable(name);
  return found && { kind: 'stored', type: found.type, storage: storageOf(name, found.place, scope.frame) };
};

/** A bare name: a local, then a package variable, then what Go declares for everyone; in Delve's order (pushIdent). */
export const lowerName = (scope: Scope, name: string): Value => {
  const found =
    variable(scope, name) ?? packageVariable(scope, `${scope.packageName}.${name}`) ?? predeclared.get(name);
  if (found === undefined) throw new Refused('unknown-variable', scope.missing(name));
  return found;
};

/** "pkg.Name" and "import/path".Name, unless a variable has the name of the package. */
export const lowerQualified = (scope: Scope, syntax: Extract<Syntax, { kind: 'select' }>): Value | undefined => {
  const { operand, field } = syntax;
  if (operand.kind === 'string') {
    const found = packageVariable(scope, `${operand.value}.${field}`);
    if (found === undefined) throw new Refused('unknown-variable', scope.missing(`${operand.value}.${field}`));
    return found;
  }
  if (operand.kind !== 'name') return undefined;
  if (operand.name === 'runtime' && field === 'curg') {
    throw new Refused('unsupported-syntax', 'Of runtime.curg only runtime.curg.goid can be used in the kernel.');
  }
  if (scope.variables.some((each) => each.name === operand.name)) return undefined;
  if (scope.packageVariable(`${scope.packageName}.${operand.name}`) !== undefined) return undefined;
  const found = packageVariable(scope, `${operand.name}.${field}`);
  if (found === undefined) throw new Refused('unknown-variable', scope.missing(operand.name));
  return found;
};

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
  const names = known.kind === 'struct' ? known.fields.map((field) => field.name).join(', ') : '';
  throw new Refused(
    'unknown-field',
    names === ''
      ? `${operand.type.name} has no field ${name}; correct the expression.`
      : `${operand.type.name} has no field ${name}; it has ${names}.`,
  );
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
  if (of === undefined) return unsupportedType(text, 'only strings, slices and arrays can be indexed in the kernel');
  if (index.kind === 'constant') {
    if (index.constant.kind !== 'integer') return unsupportedType(text, 'the index is no integer');
    return constantIndex(of, index.constant.value, text);
  }
  const position = asInteger(index, text);
  if (position === undefined) return unsupportedType(text, 'the index is no integer');
  if (!position.type.signed && scope.semantics === 'delve')
    return unsupportedType(text, 'the debugger takes no unsigned index');
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

/** s[low:high] of a string with constant bounds, which is how one asks for a prefix in Delve. */
export const lowerSlice = (operand: Value, low: bigint, high: bigint | undefined, text: string): Value => {
  const value = asString(operand, text);
  if (value === undefined) return unsupportedType(text, 'only strings can be sliced in the kernel');
  if (low < 0n || !fits(low, goInt) || (high !== undefined && (high < low || !fits(high, goInt)))) {
    throw new Refused('constant-overflow', `${text}: the bounds are out of order.`);
  }
  const last = number(high ?? low);
  const length: LoweredExpression =
    high === undefined
      ? { kind: 'arithmetic', operator: 'sub', type: goInt, left: value.length, right: number(low) }
      : number(high - low);
  const inBounds = compare('le', true, last, value.length);
  return {
    kind: 'string',
    typeName: value.typeName,
    pointer: plus(value.pointer, low),
    length: checked(inBounds, length),
  };
};
