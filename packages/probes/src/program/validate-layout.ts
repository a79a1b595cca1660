/** Checks what came over the wire as the layout of a value: bounded, and never beyond the parts that are read. */
import type { CapturePart } from '../plan/plan.js';
import { mostParts, type PartPosition, partLimit, type ValueLayout } from '../plan/value-layout.js';
import type { ProgramMachine } from './registers.js';
import { type Field, flag, InvalidPlan, integer, isAbsent, list, member, oneOf, optional, text } from './shape.js';
import { validExpression } from './validate-expression.js';

/** Of all layouts of one capture together: each is a few characters of text for every event. */
const mostNodes = 512;
const deepest = 16;
const longestName = 1024;

export const validParts = (field: Field, machine: ProgramMachine): readonly CapturePart[] =>
  list(field, mostParts).map((each) => {
    const length = optional(member(each, 'length'), (inner) => validExpression(inner, machine));
    const limit = integer(member(each, 'limit'), length === undefined ? 0 : 1, length === undefined ? 0 : partLimit);
    return { value: validExpression(member(each, 'value'), machine), length, limit };
  });

const kinds = [
  'integer',
  'bool',
  'float',
  'complex',
  'address',
  'string',
  'struct',
  'array',
  'slice',
  'pointer',
  'interface',
  'map',
  'chan',
  'unavailable',
] as const;

const limitOf = (field: Field): { readonly limit?: string } => {
  const limit = optional(member(field, 'limit'), (each) => text(each, longestName));
  return limit === undefined ? {} : { limit };
};

class LayoutCheck {
  readonly #parts: readonly CapturePart[];
  #nodes = 0;

  constructor(parts: readonly CapturePart[]) {
    this.#parts = parts;
  }

  #block(field: Field): number {
    const part = integer(field, 0, this.#parts.length - 1);
    if (this.#parts[part]?.length === undefined) throw new InvalidPlan(`${field.path} is no block of memory`);
    return part;
  }

  #position(of: Field, name: string, width: number): PartPosition {
    const field = member(of, name);
    const part = integer(member(field, 'part'), 0, this.#parts.length - 1);
    const size = this.#parts[part]?.length === undefined ? 8 : (this.#parts[part]?.limit ?? 0);
    return { part, offset: integer(member(field, 'offset'), 0, size - width) };
  }

  #name(of: Field): string {
    return text(member(of, 'typeName'), longestName);
  }

  value(field: Field, depth: number): ValueLayout {
    if (depth > deepest) throw new InvalidPlan(`${field.path} is nested deeper than ${deepest}`);
    if (++this.#nodes > mostNodes) throw new InvalidPlan(`a value has more than ${mostNodes} parts`);
    const inner = (name: string): ValueLayout => this.value(member(field, name), depth + 1);
    const word = (name: string): PartPosition => this.#position(field, name, 8);
    const elements = (): readonly ValueLayout[] =>
      list(member(field, 'elements'), mostNodes).map((each) => this.value(each, depth + 1));
    const kind = oneOf(member(field, 'kind'), kinds);
    switch (kind) {
      case 'integer': {
        const width = oneOf(member(field, 'width'), [1, 2, 4, 8]);
        return { kind, signed: flag(member(field, 'signed')), width, at: this.#position(field, 'at', width) };
      }
      case 'bool':
        return { kind, at: this.#position(field, 'at', 1) };
      case 'float': {
        const width = oneOf(member(field, 'width'), [4, 8]);
        return { kind, width, at: this.#position(field, 'at', width) };
      }
      case 'complex':
        return { kind, real: inner('real'), imaginary: inner('imaginary') };
      case 'address':
        return { kind, at: word('at') };
      case 'string':
        return { kind, part: this.#block(member(field, 'part')) };
      case 'struct': {
        const fields = list(member(field, 'fields'), mostNodes).map((each) => ({
          name: text(member(each, 'name'), longestName),
          value: this.value(member(each, 'value'), depth + 1),
        }));
        const more = integer(member(field, 'more'), 0, 2 ** 31);
        return { kind, typeName: this.#name(field), fields, more, ...limitOf(field) };
      }
      case 'array':
        return { kind, count: integer(member(field, 'count'), 0, 2 ** 48), elements: elements(), ...limitOf(field) };
      case 'slice': {
        const size = integer(member(field, 'size'), 0, 2 ** 48);
        const part = this.#block(member(field, 'part'));
        const [length, capacity] = [word('length'), word('capacity')];
        return { kind, length, capacity, part, size, elements: elements(), ...limitOf(field) };
      }
      case 'pointer':
        return { kind, at: word('at'), target: inner('target') };
      case 'interface': {
        const name = optional(member(field, 'name'), (each) => this.#block(each));
        const flags = isAbsent(member(field, 'flags')) ? undefined : this.#position(field, 'flags', 4);
        const block = (of: 'value' | 'text') => {
          const part = optional(member(field, of), (each) => this.#block(each));
          return part === undefined ? {} : { [of]: part };
        };
        return { kind, type: word('type'), data: word('data'), name, flags, ...block('value'), ...block('text') };
      }
      case 'map':
        return { kind, typeName: this.#name(field), at: word('at'), length: word('length') };
      case 'chan': {
        const [typeName, at] = [this.#name(field), word('at')];
        return { kind, typeName, at, length: word('length'), capacity: word('capacity') };
      }
      case 'unavailable':
        return { kind, reason: text(member(field, 'reason'), longestName), ...limitOf(field) };
    }
  }
}

/** A copy with only the fields that the type has. Throws InvalidPlan. */
export const validLayout = (field: Field, parts: readonly CapturePart[]): ValueLayout =>
  new LayoutCheck(parts).value(field, 0);
