/** == of structs and arrays: of each part in turn, by the rules of its own type. */
import type { GoType } from '@probelens/gosym';
import type { LoweredExpression } from '../expression.js';
import { both, checked, compare, either, constant as number, truth } from './build.js';
import type { Scope } from './scope.js';
import { partOf } from './storage.js';
import { asString, better, unsupportedType, type Value } from './value.js';

type Stored = Extract<Value, { kind: 'stored' }>;

/** == of two values that have no parts. */
export type PartEquality = (left: Value, right: Value) => LoweredExpression;

/** Each part is a comparison in the kernel's program. */
export const mostParts = 32;

/** Delve loads what is this deep in a struct, and fails on what is deeper (LoadFullValue, pkg/proc/variables.go 1.27). */
const deepestForDelve = 2;

/** Bytes of a string that it loads for such a comparison. */
const longestForDelve = 64n;

interface Part {
  readonly left: Stored;
  readonly right: Stored;
}

const inside = (value: Stored, type: GoType, offset: number): Stored => ({
  kind: 'stored',
  type,
  storage: partOf(value.storage, offset, type.size),
});

class Parts {
  readonly found: Part[] = [];
  readonly #semantics: Scope['semantics'];
  readonly #text: string;

  constructor(scope: Scope, text: string) {
    this.#semantics = scope.semantics;
    this.#text = text;
  }

  add(type: GoType, part: Part, depth: number): void {
    const { left, right } = part;
    const at = (inner: GoType, offset: number): void =>
      this.add(inner, { left: inside(left, inner, offset), right: inside(right, inner, offset) }, depth + 1);
    if (type.kind === 'struct' || type.kind === 'array') {
      if (this.#semantics === 'delve' && depth >= deepestForDelve)
        better(this.#text, 'the debugger does not look so deep into a value', 'compare its parts');
      if (type.kind === 'struct') {
        if (this.#semantics === 'delve' && type.fields.some((field) => field.name === '_'))
          better(this.#text, 'the debugger compares fields that are named _ too', 'compare the parts');
        for (const field of type.fields) if (field.name !== '_') at(field.type, field.offset);
        return;
      }
      const element = type.element();
      this.#room(type.count);
      for (let index = 0; index < type.count; index++) at(element, index * element.size);
      return;
    }
    if (type.kind === 'slice' || type.kind === 'map' || type.kind === 'func')
      unsupportedType(this.#text, `there is a ${type.kind} in it, and Go compares those with nil only`);
    const isForDelve = type.kind === 'int' || type.kind === 'uint' || type.kind === 'bool' || type.kind === 'string';
    if (this.#semantics === 'delve' && !isForDelve && type.kind !== 'pointer')
      better(this.#text, `the debugger compares no ${type.name} in another value`, 'compare the parts');
    this.#room(1);
    this.found.push(part);
  }

  #room(more: number): void {
    if (this.found.length + more > mostParts)
      better(this.#text, `it has more than ${mostParts} parts, too many for the kernel`, 'compare those that matter');
  }
}

/** Delve fails on strings that it does not load to the end, also where another part has settled it. */
const loadable = ({ left, right }: Part, text: string): readonly LoweredExpression[] => {
  const [a, b] = [asString(left, text), asString(right, text)];
  if (a === undefined || b === undefined) return [];
  const differ = compare('ne', false, a.length, b.length);
  return [either(differ, compare('le', true, a.length, number(longestForDelve)))];
};

/** Without parts nothing of the two is read; to get there may be a fault all the same. Is true. */
export const reached = ({ storage }: Stored): LoweredExpression => {
  if (storage.kind === 'pieces') return truth(true);
  if (storage.kind === 'bits') return compare('ge', false, storage.value, number(0n));
  return storage.mayBeNil
    ? checked(compare('ne', false, storage.base, number(0n)), truth(true))
    : compare('ge', false, storage.base, number(0n));
};

/** Undefined when the two are no structs or arrays of one type. Throws Refused. */
export const compareParts = (
  scope: Scope,
  left: Value,
  right: Value,
  text: string,
  equal: PartEquality,
): LoweredExpression | undefined => {
  if (left.kind !== 'stored' || right.kind !== 'stored' || left.type.name !== right.type.name) return undefined;
  if (left.type.kind !== 'struct' && left.type.kind !== 'array') return undefined;
  const parts = new Parts(scope, text);
  parts.add(left.type, { left, right }, 0);
  const all = parts.found.map((part) => equal(part.left, part.right));
  const same = all.length === 0 ? both(reached(left), reached(right)) : all.reduce(both);
  if (scope.semantics === 'go') return same;
  const strings = parts.found.flatMap((part) => loadable(part, text));
  return strings.length === 0 ? same : checked(strings.reduce(both), same);
};
