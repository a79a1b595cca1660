/**
 * Values of several parts: what is read of them, and how the reader puts it together. A struct or array in memory is one
 * read; each string, slice or pointer in it is one more. What is in registers is read word by word.
 */
import type { GoType } from '@probelens/gosym';
import type { LoweredExpression } from './expression.js';
import { checked, compare, constant, either, load, plus, unlessNil } from './lower/build.js';
import type { Scope } from './lower/scope.js';
import { addressOf, partOf, readBits, type Storage, storageOf } from './lower/storage.js';
import { goInt, integerType } from './lower/value.js';
import type { CapturePart, PlannedCapture } from './plan.js';
import { Refused } from './refused.js';
import { mostParts, type PartPosition, partLimit, type ValueLayout } from './value-layout.js';

/** Structs and arrays in each other. */
const deepest = 4;
/** Reads after which an interface deeper inside shows its type alone: the fields behind it need some, too. */
const fewParts = mostParts - 8;
const levels = `${deepest} levels`;
const mostElements = 8;
const mostFields = 32;
/** Bytes of a string inside another value. */
const innerString = 32;

const word = { width: 8, signed: false } as const;
/** Bytes of an interface's text, and of its number: a complex one is two words. */
const heldText = 64;
const heldNumber = 16;

const half = { width: 4, signed: true } as const;
const byte = { width: 1, signed: false } as const;

/** abi.Type, internal/abi/type.go: the same offsets since Go 1.7 on 64-bit machines. */
const typeOffsets = { size: 0, flags: 20, kind: 23, name: 40 } as const;
/** internal/abi.Kind, in the lower five bits. */
const kindMask = 31;
const kinds = { complex128: 16, string: 24 } as const;
/** Errors of the standard library that are a text and little more: their first field is it. */
const textErrors = ['*errors.errorString', '*fmt.wrapError', '*fmt.wrapErrors'] as const;
/** abi.ITab: the interface's type, then the dynamic one. */
const dynamicType = 8n;
/** Flags, a length of two bytes at most, and as much of the name as is worth showing. */
const nameBytes = 96;

interface Source {
  readonly storage: Storage;
  /** The block that holds these bytes already. */
  readonly held: PartPosition | undefined;
}

const left = (reason: string): ValueLayout => ({ kind: 'unavailable', reason });

/** There, but more than is read. */
class BeyondLimit extends Refused {
  constructor(readonly limit: string) {
    super('beyond-limit', `it is beyond the limit of ${limit}`);
  }
}

const beyond = ({ limit, message }: BeyondLimit): ValueLayout => ({ kind: 'unavailable', reason: message, limit });

const limitOf = (layout: ValueLayout | undefined): string | undefined =>
  layout?.kind === 'unavailable' ? layout.limit : undefined;

/** Without what is left out at the end; that is counted. */
const withoutTail = <T>(
  all: readonly T[],
  layout: (each: T) => ValueLayout,
): { readonly kept: readonly T[]; readonly limit: string | undefined } => {
  const last = all.findLastIndex((each) => limitOf(layout(each)) === undefined);
  const [first] = all.slice(last + 1);
  return { kept: all.slice(0, last + 1), limit: first && limitOf(layout(first)) };
};

const followed: ReadonlySet<GoType['kind']> = new Set([
  ...(['struct', 'array', 'slice', 'string', 'int', 'uint', 'bool', 'float', 'complex', 'interface'] as const),
]);

/** Whether a pointer to it shows what is there. */
export const isFollowed = (target: GoType): boolean => followed.has(target.kind) && target.size > 0;

class Reader {
  readonly parts: CapturePart[] = [];
  readonly #scope: Scope;
  readonly #name: string;
  /** Lists around what is looked at: of their elements as many as possible are worth more than all of each. */
  #lists = 0;

  constructor(scope: Scope, name: string) {
    this.#scope = scope;
    this.#name = name;
  }

  #add(part: CapturePart): number {
    if (this.parts.length >= mostParts) throw new BeyondLimit(`${mostParts} reads`);
    return this.parts.push(part) - 1;
  }

  #word(value: LoweredExpression): PartPosition {
    return { part: this.#add({ value, length: undefined, limit: 0 }), offset: 0 };
  }

  #block(value: LoweredExpression, length: LoweredExpression, limit: number): number {
    return this.#add({ value, length, limit });
  }

  #bits({ storage }: Source, offset: number): LoweredExpression {
    return readBits(this.#name, storage, offset, word);
  }

  /** Where bytes of a value are found: in a block that was read, or in a word of their own. */
  #at({ storage, held }: Source, offset: number, width: 1 | 2 | 4 | 8): PartPosition {
    if (held === undefined) return this.#word(readBits(this.#name, storage, offset, { width, signed: false }));
    const place = { part: held.part, offset: held.offset + offset };
    if (place.offset + width > (this.parts[held.part]?.limit ?? 0)) throw new BeyondLimit(`${partLimit} bytes`);
    return place;
  }

  #inside(source: Source, offset: number, size: number): Source {
    const held = source.held && { part: source.held.part, offset: source.held.offset + offset };
    return { storage: partOf(source.storage, offset, size), held };
  }

  /** One read for all of a value in memory. */
  #whole(source: Source, size: number): Source {
    const address = source.held === undefined && size > 0 ? addressOf(source.storage, 0) : undefined;
    if (address === undefined) return source;
    const limit = Math.min(size, partLimit);
    return { ...source, held: { part: this.#block(address, constant(BigInt(limit)), limit), offset: 0 } };
  }

  /** A part that is out of reach leaves the others as they are. */
  inner(type: GoType, source: Source, depth: number): ValueLayout {
    const kept = this.parts.length;
    try {
      return this.value(type, source, depth);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.parts.length = kept;
      return error instanceof BeyondLimit ? beyond(error) : left(error.message);
    }
  }

  value(type: GoType, source: Source, depth: number): ValueLayout {
    if (depth > deepest) return beyond(new BeyondLimit(levels));
    switch (type.kind) {
      case 'int':
      case 'uint': {
        const integer = integerType(type);
        return integer === undefined
          ? left('its size is unknown')
          : { kind: 'integer', ...integer, at: this.#at(source, 0, integer.width) };
      }
      case 'bool':
        return { kind: 'bool', at: this.#at(source, 0, 1) };
      case 'float':
        return this.#float(source, 0, type.size === 4 ? 4 : 8);
      case 'complex':
        return this.#complex(type, source);
      case 'string': {
        const length = readBits(this.#name, source.storage, 8, goInt);
        return { kind: 'string', part: this.#block(this.#bits(source, 0), length, innerString) };
      }
      case 'struct':
        return this.#struct(type, source, depth);
      case 'array':
        return this.#array(type, source, depth);
      case 'slice':
        return this.#slice(type, source, depth);
      case 'interface':
        return this.#interface(type, source, depth);
      case 'map':
      case 'chan':
        return this.#counted(type, source);
      case 'pointer':
        return depth === 0 && isFollowed(type.target())
          ? this.#pointer(type.target(), source)
          : { kind: 'address', at: this.#at(source, 0, 8) };
      case 'unsafe-pointer':
      case 'func':
        return { kind: 'address', at: this.#at(source, 0, 8) };
      case 'unknown':
        return left('its type is unknown');
    }
  }

  #float(source: Source, offset: number, width: 4 | 8): ValueLayout {
    return { kind: 'float', width, at: this.#at(source, offset, width) };
  }

  #complex(type: GoType, source: Source): ValueLayout {
    const width = type.size === 8 ? 4 : 8;
    const whole = this.#whole(source, type.size);
    return { kind: 'complex', real: this.#float(whole, 0, width), imaginary: this.#float(whole, width, width) };
  }

  #struct(type: Extract<GoType, { kind: 'struct' }>, source: Source, depth: number): ValueLayout {
    const whole = this.#whole(source, type.size);
    const named = type.fields.filter((field) => field.name !== '_');
    const fields = named.slice(0, mostFields).map((field) => ({
      name: field.embedded ? field.name.slice(field.name.lastIndexOf('.') + 1) : field.name,
      value: this.inner(field.type, this.#inside(whole, field.offset, field.type.size), depth + 1),
    }));
    const { kept, limit } = withoutTail(fields, ({ value }) => value);
    if (kept.length === 0 && limit !== undefined && depth > 0 && limit !== levels) throw new BeyondLimit(limit);
    const more = named.length - kept.length;
    const why = limit ?? (more > 0 ? `${mostFields} fields` : undefined);
    return { kind: 'struct', typeName: type.name, fields: kept, more, ...(why !== undefined && { limit: why }) };
  }

  #array(type: Extract<GoType, { kind: 'array' }>, source: Source, depth: number): ValueLayout {
    const element = type.element();
    const whole = this.#whole(source, type.size);
    const count = Math.min(type.count, mostElements);
    const elements = this.#elements(count, (index) =>
      this.inner(element, this.#inside(whole, index * element.size, element.size), depth + 1),
    );
    const { kept, limit } = withoutTail(elements, (each) => each);
    if (kept.length === 0 && limit !== undefined && depth > 0 && limit !== levels) throw new BeyondLimit(limit);
    return { kind: 'array', count: type.count, elements: kept, ...(limit !== undefined && { limit }) };
  }

  #slice(type: Extract<GoType, { kind: 'slice' }>, source: Source, depth: number): ValueLayout {
    const element = type.element();
    const { size } = element;
    const pointer = this.#bits(source, 0);
    const length = readBits(this.#name, source.storage, 8, goInt);
    // Of one that is too large the first fields.
    const fitting = size === 0 ? mostElements : Math.min(mostElements, Math.max(1, Math.floor(partLimit / size)));
    const bytes: LoweredExpression = {
      kind: 'arithmetic',
      operator: 'mul',
      type: word,
      left: length,
      right: constant(BigInt(size)),
    };
    const positions = { length: this.#at(source, 8, 8), capacity: this.#at(source, 16, 8) };
    const part = this.#block(pointer, bytes, Math.min(partLimit, Math.max(1, fitting * size)));
    const elements = this.#elements(fitting, (index) => {
      const exists = compare('lt', true, constant(BigInt(index)), length);
      const storage: Storage = {
        kind: 'memory',
        base: checked(exists, pointer),
        offset: index * size,
        mayBeNil: false,
      };
      return this.inner(element, { storage, held: { part, offset: index * size } }, depth + 1);
    });
    const { kept, limit = fitting < mostElements ? `${partLimit} bytes` : undefined } = withoutTail(
      elements,
      (each) => each,
    );
    return { kind: 'slice', ...positions, part, size, elements: kept, ...(limit !== undefined && { limit }) };
  }

  #elements(count: number, read: (index: number) => ValueLayout): readonly ValueLayout[] {
    this.#lists++;
    try {
      return Array.from({ length: count }, (_, index) => read(index));
    } finally {
      this.#lists--;
    }
  }

  #pointer(target: GoType, source: Source): ValueLayout {
    const at = this.#at(source, 0, 8);
    const pointer = this.#bits(source, 0);
    const limit = Math.max(1, Math.min(target.size, partLimit));
    const part = this.#block(pointer, unlessNil(pointer, constant(BigInt(Math.min(target.size, partLimit)))), limit);
    const storage: Storage = { kind: 'memory', base: pointer, offset: 0, mayBeNil: true };
    return { kind: 'pointer', at, target: this.value(target, { storage, held: { part, offset: 0 } }, 1) };
  }

  /** Lengths as the compiler itself reads them (lower.ts, lengthOf). */
  #counted(type: Extract<GoType, { kind: 'map' | 'chan' }>, source: Source): ValueLayout {
    const pointer = this.#bits(source, 0);
    const count = (offset: bigint): PartPosition => this.#word(unlessNil(pointer, load(plus(pointer, offset), goInt)));
    const both = { typeName: type.name, at: this.#at(source, 0, 8), length: count(0n) };
    return type.kind === 'map' ? { kind: 'map', ...both } : { kind: 'chan', ...both, capacity: count(8n) };
  }

  #interface(type: Extract<GoType, { kind: 'interface' }>, source: Source, depth: number): ValueLayout {
    const table = this.#bits(source, 0);
    const dynamic = type.empty ? table : unlessNil(table, load(plus(table, dynamicType), word));
    const positions = { type: this.#word(dynamic), data: this.#at(source, 8, 8) };
    const types = this.#scope.typeNames === true ? this.#types() : undefined;
    if (types === undefined) return { kind: 'interface', ...positions, name: undefined, flags: undefined };
    // Types that were made at run time (package reflect) have their names elsewhere.
    const inReach: LoweredExpression = {
      kind: 'logical',
      operator: 'and',
      left: compare('ge', false, dynamic, types.start),
      right: compare('lt', false, dynamic, types.end),
    };
    const known = checked(inReach, dynamic);
    // The flags, two alignments and the kind.
    const flags = this.#word(load(plus(known, BigInt(typeOffsets.flags)), half));
    const address: LoweredExpression = {
      kind: 'arithmetic',
      operator: 'add',
      type: word,
      left: types.start,
      right: load(plus(known, BigInt(typeOffsets.name)), half),
    };
    const name = this.#block(address, constant(BigInt(nameBytes)), nameBytes);
    const layout = { kind: 'interface', ...positions, name, flags } as const;
    const isRoom = this.#lists === 0 && this.parts.length + 2 <= (depth <= 1 ? mostParts : fewParts);
    return isRoom ? { ...layout, ...this.#held(known, this.#bits(source, 8)) } : layout;
  }

  /** What an interface holds, where its type is one of a few; else these reads fail. */
  #held(type: LoweredExpression, data: LoweredExpression): { readonly value: number; readonly text: number } {
    const kind: LoweredExpression = {
      kind: 'arithmetic',
      operator: 'and',
      type: word,
      left: load(plus(type, BigInt(typeOffsets.kind)), byte),
      right: constant(BigInt(kindMask)),
    };
    const isNumber = compare('le', false, kind, constant(BigInt(kinds.complex128)));
    const isText = textErrors
      .flatMap((name) => this.#scope.namedType(name)?.descriptor ?? [])
      .map((descriptor) => compare('eq', false, type, constant(BigInt(descriptor))))
      .reduce(either, compare('eq', false, kind, constant(BigInt(kinds.string))));
    const size = load(plus(type, BigInt(typeOffsets.size)), word);
    return {
      value: this.#block(checked(isNumber, data), size, heldNumber),
      text: this.#block(load(checked(isText, data), word), load(plus(data, 8n), goInt), heldText),
    };
  }

  /** Where the linker put the program's types: runtime.firstmoduledata.types and .etypes. */
  #types(): { readonly start: LoweredExpression; readonly end: LoweredExpression } | undefined {
    const module = this.#scope.packageVariable('runtime.firstmoduledata');
    if (module?.type.kind !== 'struct') return undefined;
    const field = (name: string): number | undefined =>
      module.type.kind === 'struct' ? module.type.fields.find((each) => each.name === name)?.offset : undefined;
    const [start, end] = [field('types'), field('etypes')];
    if (start === undefined || end === undefined || !this.#scope.frame.fixedAddresses) return undefined;
    const storage = storageOf('runtime.firstmoduledata', module.place, this.#scope.frame);
    const read = (offset: number): LoweredExpression => readBits('runtime.firstmoduledata', storage, offset, word);
    return { start: read(start), end: read(end) };
  }
}

/** Throws Refused when nothing of the value can be read. */
export const structuredCapture = (scope: Scope, name: string, type: GoType, storage: Storage): PlannedCapture => {
  const reader = new Reader(scope, name);
  const layout = reader.value(type, { storage, held: undefined }, 0);
  return {
    name,
    typeName: type.name,
    shape: { kind: 'structured', layout },
    value: undefined,
    length: undefined,
    parts: reader.parts,
  };
};
