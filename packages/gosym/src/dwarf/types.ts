import type { GoField, GoType } from '../api.js';
import { isFormatError } from '../errors.js';
import { numberOf, referenceOf, stringOf } from './attributes.js';
import { Attribute, Encoding, GoKind, Tag } from './constants.js';
import { DwarfError } from './dwarf-error.js';
import { type Entries, type Entry, REFERENCE_DEPTH } from './entry.js';

/** Structs and arrays by value inside each other. Go's own deepest is under 20; a hostile file has no end. */
const NESTING = 64;

const unknown = (name: string, size: number): GoType => ({ kind: 'unknown', name, size });

/** Go types from type entries; each is built once, what a pointer, slice or map leads to only when asked. */
export class Types {
  readonly #built = new Map<number, GoType>();
  readonly #inProgress = new Set<number>();
  readonly #pointerSize: number;

  constructor(readonly entries: Entries) {
    this.#pointerSize = entries.sections.source.pointerSize;
  }

  /** The type an entry refers to by DW_AT_type. */
  of(entry: Entry): GoType {
    const reference = referenceOf(entry, Attribute.type);
    return reference === undefined ? unknown('?', 0) : this.at(reference);
  }

  /** The type at an absolute offset of .debug_info. */
  at(offset: number): GoType {
    const known = this.#built.get(offset);
    if (known !== undefined) return known;
    // A value that contains itself can only come from a damaged file.
    if (this.#inProgress.has(offset) || this.#inProgress.size > NESTING) return unknown('?', 0);
    this.#inProgress.add(offset);
    try {
      const built = this.#build(offset);
      this.#built.set(offset, built);
      return built;
    } finally {
      this.#inProgress.delete(offset);
    }
  }

  /** Bytes from moduledata.types to the descriptor at run time. A typedef has none, what it names has. */
  descriptorOf(entry: Entry): number | undefined {
    let current: Entry | undefined = entry;
    for (let depth = 0; depth < REFERENCE_DEPTH && current !== undefined; depth += 1) {
      const found = numberOf(current, Attribute.goRuntimeType);
      if (found !== undefined || current.tag !== Tag.typedef) return found;
      const target = referenceOf(current, Attribute.type);
      current = target === undefined ? undefined : this.entries.at(target);
    }
    return undefined;
  }

  #build(offset: number): GoType {
    const outer = this.entries.at(offset);
    if (outer === undefined) return unknown('?', 0);
    let entry = outer;
    let name = goName(stringOf(outer, Attribute.name));
    for (let depth = 0; depth < REFERENCE_DEPTH && isAlias(entry); depth += 1) {
      const target = referenceOf(entry, Attribute.type);
      const next = target === undefined ? undefined : this.entries.at(target);
      if (next === undefined) return unknown(name ?? '?', 0);
      entry = next;
      name ??= goName(stringOf(entry, Attribute.name));
    }
    return this.#fromEntry(entry, name ?? '?');
  }

  #fromEntry(entry: Entry, name: string): GoType {
    const size = numberOf(entry, Attribute.byteSize) ?? 0;
    switch (entry.tag) {
      case Tag.baseType:
        return { kind: baseKind(entry), name, size };
      case Tag.pointerType: {
        const target = referenceOf(entry, Attribute.type);
        if (target === undefined) return { kind: 'unsafe-pointer', name, size: this.#pointerSize };
        return { kind: 'pointer', name, size: this.#pointerSize, target: this.#later(target) };
      }
      case Tag.subroutineType:
        return { kind: 'func', name, size: this.#pointerSize };
      case Tag.structureType:
        return this.#structure(entry, name, size);
      case Tag.arrayType:
        return this.#array(entry, name, size);
      case Tag.typedef:
        return this.#special(entry, name);
      default:
        return unknown(name, size);
    }
  }

  #structure(entry: Entry, name: string, size: number): GoType {
    const kind = numberOf(entry, Attribute.goKind);
    const element = referenceOf(entry, Attribute.goElement);
    if (kind === GoKind.string) return { kind: 'string', name, size };
    if (kind === GoKind.slice && element !== undefined)
      return { kind: 'slice', name, size, element: this.#later(element) };
    const fields: GoField[] = [];
    for (const child of this.entries.children(entry)) {
      if (child.tag !== Tag.member) continue;
      const type = this.of(child);
      fields.push({
        name: fieldName(child, type),
        offset: numberOf(child, Attribute.dataMemberLocation) ?? 0,
        type,
        embedded: numberOf(child, Attribute.goEmbeddedField) === 1,
      });
    }
    return { kind: 'struct', name, size, fields };
  }

  #array(entry: Entry, name: string, size: number): GoType {
    const element = referenceOf(entry, Attribute.type);
    if (element === undefined) return unknown(name, size);
    let count = 0;
    for (const child of this.entries.children(entry)) {
      if (child.tag === Tag.subrangeType) count = numberOf(child, Attribute.count) ?? 0;
    }
    return { kind: 'array', name, size, count, element: this.#later(element) };
  }

  /** Go writes maps, channels and interfaces as typedefs that carry their kind. */
  #special(entry: Entry, name: string): GoType {
    const element = referenceOf(entry, Attribute.goElement);
    const key = referenceOf(entry, Attribute.goKey);
    const size = this.#pointerSize;
    switch (numberOf(entry, Attribute.goKind)) {
      case GoKind.map:
        if (element === undefined || key === undefined) return unknown(name, size);
        return { kind: 'map', name, size, key: this.#later(key), element: this.#later(element) };
      case GoKind.chan:
        if (element === undefined) return unknown(name, size);
        return { kind: 'chan', name, size, element: this.#later(element) };
      case GoKind.interface: {
        const target = referenceOf(entry, Attribute.type);
        const header = target === undefined ? undefined : this.entries.at(target);
        const empty = header !== undefined && stringOf(header, Attribute.name) === 'runtime.eface';
        return { kind: 'interface', name, size: size * 2, empty };
      }
      default:
        return unknown(name, 0);
    }
  }

  /** The thunks outlive the question they came from, so they answer for damaged input themselves. */
  #later(offset: number): () => GoType {
    return () => {
      const known = this.#built.get(offset);
      if (known !== undefined) return known;
      try {
        this.entries.limit.restart();
        return this.at(offset);
      } catch (error) {
        if (error instanceof DwarfError || isFormatError(error)) return unknown('?', 0);
        throw error;
      }
    };
  }
}

/** Typedefs that only name another type; those with a kind of their own are types themselves. */
const isAlias = (entry: Entry): boolean => {
  if (entry.tag !== Tag.typedef) return false;
  const kind = numberOf(entry, Attribute.goKind);
  return kind !== GoKind.map && kind !== GoKind.chan && kind !== GoKind.interface;
};

/** ".param0" and the like stand for a type parameter (Go >= 1.18); the shape they point to has the useful name. */
const goName = (name: string | undefined): string | undefined =>
  name === undefined || /^\.param\d+$/.test(name) ? undefined : name;

/** An embedded field carries its type's name with the package path before Go 1.12's linker learned better. */
const fieldName = (entry: Entry, type: GoType): string => {
  const name = stringOf(entry, Attribute.name) ?? '';
  return name === '' ? type.name.slice(type.name.lastIndexOf('.') + 1) : name;
};

const baseKind = (entry: Entry): 'bool' | 'int' | 'uint' | 'float' | 'complex' | 'unknown' => {
  switch (numberOf(entry, Attribute.encoding)) {
    case Encoding.boolean:
      return 'bool';
    case Encoding.signed:
    case Encoding.signedChar:
      return 'int';
    case Encoding.unsigned:
    case Encoding.unsignedChar:
      return 'uint';
    case Encoding.float:
      return 'float';
    case Encoding.complexFloat:
      return 'complex';
    default:
      return 'unknown';
  }
};
