/** What an event shows: the holes of a template, or every parameter. */
import type { GoType, GoVariable } from '@probelens/gosym';
import type { Parser } from 'web-tree-sitter';
import { lower } from './lower/lower.js';
import type { Scope } from './lower/scope.js';
import { readBits } from './lower/storage.js';
import { parseExpression } from './lower/syntax.js';
import { asBool, asInteger, asString, describe, type Value } from './lower/value.js';
import type { PlannedCapture } from './plan.js';
import { Refused } from './refused.js';
import { isFollowed, structuredCapture } from './structured.js';

/** Bytes of a string that an event carries. */
const stringLimit = 64;

/** Events have room for 32 (program/record.ts, maximumCaptures). */
const mostCaptures = 32;

const unavailable = (name: string, typeName: string, reason: string): PlannedCapture => ({
  name,
  typeName,
  shape: { kind: 'unavailable', reason },
  value: undefined,
  length: undefined,
});

const pointerLike: ReadonlySet<GoType['kind']> = new Set(['pointer', 'unsafe-pointer', 'func']);

const constantCapture = (name: string, value: Extract<Value, { kind: 'constant' }>): PlannedCapture => {
  const { constant } = value;
  if (constant.kind !== 'integer' || BigInt.asIntN(64, constant.value) !== constant.value)
    throw new Refused('bad-template', `{${name}} is the same at every hit; write it without the braces.`);
  return {
    name,
    typeName: 'int',
    shape: { kind: 'integer', signed: true, width: 8 },
    value: { kind: 'constant', value: constant.value.toString() },
    length: undefined,
  };
};

const structuredKinds: ReadonlySet<GoType['kind']> = new Set([
  'struct',
  'array',
  'slice',
  'interface',
  'map',
  'chan',
  'complex',
]);

const isStructured = (type: GoType): boolean =>
  structuredKinds.has(type.kind) || (type.kind === 'pointer' && isFollowed(type.target()));

const captureOf = (scope: Scope, name: string, value: Value): PlannedCapture => {
  const typeName = describe(value);
  if (value.kind === 'constant') return constantCapture(name, value);
  const integer = asInteger(value, name);
  if (integer !== undefined) {
    return { name, typeName, shape: { kind: 'integer', ...integer.type }, value: integer.value, length: undefined };
  }
  const bool = asBool(value, name);
  if (bool !== undefined) return { name, typeName, shape: { kind: 'bool' }, value: bool.value, length: undefined };
  const string = asString(value, name);
  if (string !== undefined) {
    const { pointer, length } = string;
    return { name, typeName, shape: { kind: 'string', limit: stringLimit }, value: pointer, length };
  }
  if (value.kind !== 'stored') return unavailable(name, typeName, 'its type cannot be shown');
  const { type, storage } = value;
  if (type.kind === 'float') {
    const width = type.size === 4 ? 4 : 8;
    const bits = readBits(name, storage, 0, { width, signed: false });
    return { name, typeName, shape: { kind: 'float', width }, value: bits, length: undefined };
  }
  if (isStructured(type)) return structuredCapture(scope, name, type, storage);
  if (pointerLike.has(type.kind)) {
    const address = readBits(name, storage, 0, { width: 8, signed: false });
    return { name, typeName, shape: { kind: 'pointer' }, value: address, length: undefined };
  }
  return unavailable(name, typeName, `values of kind ${type.kind} are not captured; name a field or an element`);
};

/** A variable that cannot be read is shown as such: the others are still worth having. */
const captureParameter = (scope: Scope, parser: Parser, parameter: GoVariable): PlannedCapture => {
  try {
    return captureOf(scope, parameter.name, lower(scope, parseExpression(parser, parameter.name)));
  } catch (error) {
    if (error instanceof Refused) return unavailable(parameter.name, parameter.type.name, error.message);
    throw error;
  }
};

const badTemplate = (message: string): never => {
  throw new Refused('bad-template', `The log message is not well formed: ${message}.`);
};

/**
 * The expressions between braces. As in Delve's log points, braces come in pairs, also inside an expression, and
 * between `{` and `}` there must be something.
 */
const templateHoles = (template: string): readonly string[] => {
  const holes: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < template.length; at++) {
    const character = template.charAt(at);
    if (character === '{' && depth++ === 0) start = at + 1;
    if (character !== '}') continue;
    if (depth === 0) badTemplate(`there is no "{" for the "}" at ${at}`);
    if (--depth > 0) continue;
    const hole = template.slice(start, at).trim();
    if (hole === '') badTemplate(`there is nothing between the braces at ${start - 1}`);
    holes.push(hole);
  }
  if (depth > 0) badTemplate(`the "{" at ${start - 1} is not closed`);
  return holes;
};

/** The rest of a message is still worth having when the compiler's record of one variable cannot be believed. */
const captureHole = (scope: Scope, parser: Parser, hole: string): PlannedCapture => {
  try {
    return captureOf(scope, hole, lower(scope, parseExpression(parser, hole)));
  } catch (error) {
    if (error instanceof Refused && error.code === 'stale-variable') return unavailable(hole, '?', error.message);
    throw error;
  }
};

/** A result without a name has two where it is the only error, r0 and err (results.ts): the second says more. */
const shownByDefault = (scope: Scope, role: 'parameter' | 'result'): readonly GoVariable[] =>
  scope.variables
    .filter((each) => each.role === role && each.name !== '_' && each.name !== '')
    .filter((each, index, all) => role === 'parameter' || all[index + 1]?.place !== each.place)
    .slice(0, mostCaptures);

/**
 * Captures for a template; without one, of every named parameter, or at a return of every result: the parameters are
 * gone then. Throws Refused.
 */
export const capturesFor = (
  scope: Scope,
  parser: Parser,
  template: string | undefined,
  role: 'parameter' | 'result' = 'parameter',
): readonly PlannedCapture[] => {
  if (template === undefined)
    return shownByDefault(scope, role).map((variable) => captureParameter(scope, parser, variable));
  const holes = templateHoles(template);
  if (holes.length > mostCaptures) badTemplate(`it has more than ${mostCaptures} expressions`);
  return holes.map((hole) => captureHole(scope, parser, hole));
};
