/** T{...} in a comparison: what it is made of, and == of that and a value of the program. */
import type { GoType } from '@probelens/gosym';
import type { LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { both } from './build.js';
import type { Constant } from './constant.js';
import { asWhole } from './constant.js';
import { mostParts, type PartEquality, reached } from './equality.js';
import { partOf } from './storage.js';
import type { Syntax } from './syntax.js';
import { better, typeMismatch, unsupportedType, type Value } from './value.js';

type Composite = Extract<Value, { kind: 'composite' }>;
type Stored = Extract<Value, { kind: 'stored' }>;
type Written = Extract<Syntax, { kind: 'composite' }>;

const zeroOf = (type: GoType): Constant => {
  switch (type.kind) {
    case 'int':
    case 'uint':
    case 'float':
    case 'complex':
      return { kind: 'integer', value: 0n };
    case 'string':
      return { kind: 'string', value: '' };
    case 'bool':
      return { kind: 'bool', value: false };
    default:
      return { kind: 'nil' };
  }
};

const tooMany = (text: string): never =>
  better(text, `it has more than ${mostParts} parts, too many for the kernel`, 'compare those that matter');

/** The types of its parts, and where they are. Throws Refused for an array of too many. */
const partsOf = (
  type: GoType,
  text: string,
): readonly { readonly name: string; readonly type: GoType; readonly offset: number }[] => {
  if (type.kind === 'struct') return type.fields;
  if (type.kind !== 'array') return [];
  if (type.count > mostParts) return tooMany(text);
  const element = type.element();
  return Array.from({ length: type.count }, (_, index) => ({
    name: String(index),
    type: element,
    offset: index * element.size,
  }));
};

const positionOf = (
  type: GoType,
  key: Syntax | undefined,
  next: number,
  constantOf: (syntax: Syntax) => Constant | undefined,
): number => {
  if (key === undefined) return next;
  if (type.kind === 'struct') return key.kind === 'name' ? type.fields.findIndex(({ name }) => name === key.name) : -1;
  const constant = constantOf(key);
  return Number((constant && asWhole(constant)) ?? -1n);
};

/** Throws Refused. `lower`: what a part is. */
export const lowerComposite = (type: GoType, syntax: Written, lower: (part: Syntax) => Value): Composite => {
  const { text, elements } = syntax;
  if (type.kind !== 'struct' && type.kind !== 'array')
    return better(text, 'the kernel makes structs and arrays only', 'compare lengths or elements');
  const places = partsOf(type, text);
  if (places.length > mostParts) return tooMany(text);
  const parts = new Map<number, Value>();
  const constantOf = (part: Syntax): Constant | undefined => {
    const value = lower(part);
    return value.kind === 'constant' ? value.constant : undefined;
  };
  let next = 0;
  for (const { key, value } of elements) {
    const position = positionOf(type, key, next, constantOf);
    const place = places[position];
    if (place === undefined || parts.has(position))
      throw new Refused(
        'unknown-field',
        `${text}: ${type.name} has no room for ${key?.text ?? value.text}; correct it.`,
      );
    parts.set(position, partOfLiteral(place.type, value, lower));
    next = position + 1;
  }
  // Without names there must be all of them (language specification, "Composite literals").
  const isKeyed = elements.some(({ key }) => key !== undefined);
  if (type.kind === 'struct' && !isKeyed && elements.length > 0 && elements.length < places.length)
    throw new Refused('unknown-field', `${text}: ${type.name} has ${places.length} fields; name those that you mean.`);
  return { kind: 'composite', typeName: type.name, type, parts };
};

/** Constants, those with a type of the program, and what is made of them. */
const isFixed = (value: Value): boolean => {
  switch (value.kind) {
    case 'constant':
    case 'composite':
      return true;
    case 'integer':
    case 'bool':
      return value.value.kind === 'constant';
    case 'stored':
      return value.storage.kind === 'bits' && value.storage.value.kind === 'constant';
    default:
      return false;
  }
};

const partOfLiteral = (type: GoType, written: Syntax, lower: (part: Syntax) => Value): Value => {
  if (written.kind === 'composite' && written.type === undefined) return lowerComposite(type, written, lower);
  const value = lower(written);
  const isWhole = type.kind === 'struct' || type.kind === 'array';
  if (isWhole && value.kind === 'composite' && value.typeName !== type.name)
    return typeMismatch(written.text, type.name, value.typeName);
  // Go computes every part before it compares the first one, and where that panics nothing is compared.
  return isFixed(value)
    ? value
    : better(written.text, 'the kernel takes constants in composite literals', 'compare field by field');
};

const inside = (value: Stored, type: GoType, offset: number): Stored => ({
  kind: 'stored',
  type,
  storage: partOf(value.storage, offset, type.size),
});

/** Undefined when neither side is a composite literal. Throws Refused. */
export const compareComposite = (
  left: Value,
  right: Value,
  text: string,
  equal: PartEquality,
): LoweredExpression | undefined => {
  const [literal, value] = left.kind === 'composite' ? [left, right] : [right, left];
  if (literal.kind !== 'composite') return undefined;
  if (value.kind !== 'stored')
    return better(text, 'a composite literal is compared with a variable', 'put one on the other side');
  if (value.type.name !== literal.typeName)
    throw new Refused(
      'type-mismatch',
      `${text}: ${value.type.name} and ${literal.typeName} are different types; convert one of them.`,
    );
  const found: LoweredExpression[] = [];
  const add = (type: GoType, stored: Stored, parts: ReadonlyMap<number, Value>): void => {
    for (const [index, part] of partsOf(type, text).entries()) {
      if (part.type.size === 0 || (type.kind === 'struct' && part.name === '_')) continue;
      if (found.length === mostParts) tooMany(text);
      const here = inside(stored, part.type, part.offset);
      const wanted = parts.get(index);
      const isWhole = part.type.kind === 'struct' || part.type.kind === 'array';
      if (isWhole && (wanted === undefined || wanted.kind === 'composite'))
        add(part.type, here, wanted?.kind === 'composite' ? wanted.parts : new Map());
      else if (part.type.kind === 'slice' || part.type.kind === 'map' || part.type.kind === 'func')
        unsupportedType(text, `there is a ${part.type.kind} in it, and Go compares those with nil only`);
      else found.push(equal(here, wanted ?? { kind: 'constant', constant: zeroOf(part.type) }));
    }
  };
  add(literal.type, value, literal.parts);
  return found.length === 0 ? reached(value) : found.reduce(both);
};
