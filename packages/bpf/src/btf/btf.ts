import { readFileSync } from 'node:fs';
import { BtfError, btfKind, RawBtf } from './raw.js';

/** Where a member lies. */
export interface BtfMember {
  /** Bytes from the start of the outer struct. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

const pointerBytes = 8;
/** Typedefs and qualifiers in a row, and structs in structs: far above what a kernel has, so a loop ends. */
const maxDepth = 64;

/** Types of a kernel (or of any BTF section), by name. */
export class Btf {
  readonly #raw: RawBtf;

  /** Throws BtfError for bytes that are no BTF. */
  constructor(bytes: Uint8Array) {
    this.#raw = new RawBtf(bytes);
  }

  /** Number of types. */
  get count(): number {
    return this.#raw.count;
  }

  /**
   * Byte offset of a member, "prev_state" or "thread.fsbase". Members of nested anonymous structs and unions count as
   * members of the outer one. Throws BtfError for a struct or member that is not there, for a bit-field, and when
   * several structs of that name disagree.
   */
  offsetOf(struct: string, member: string): number {
    return this.member(struct, member).offset;
  }

  /** Offset and size of a member; throws as offsetOf does. */
  member(struct: string, path: string): BtfMember {
    let found: BtfMember | undefined;
    let failure: unknown;
    for (const type of this.#composites(struct)) {
      try {
        const one = this.#walk(type, struct, path);
        if (found !== undefined && (found.offset !== one.offset || found.size !== one.size)) {
          throw new BtfError(`This kernel has several structs ${struct} that disagree about ${path}.`);
        }
        found = one;
      } catch (error) {
        if (found !== undefined) throw error;
        failure = error;
      }
    }
    if (found === undefined) throw failure;
    return found;
  }

  /** Whether offsetOf would answer. */
  hasMember(struct: string, member: string): boolean {
    try {
      this.member(struct, member);
      return true;
    } catch (error) {
      if (error instanceof BtfError) return false;
      throw error;
    }
  }

  /** Bytes of a struct, union, enum, integer or typedef. Throws BtfError. */
  sizeOf(name: string): number {
    const sizes = new Set(this.#named(name).map((type) => this.#size(type)));
    // A name may also be that of a typedef for something without a size.
    if (sizes.size > 1) sizes.delete(0);
    const [size, ...others] = sizes;
    if (size === undefined) throw new BtfError(`This kernel has no type ${name}.`);
    if (others.length > 0) throw new BtfError(`This kernel has several types ${name} of different sizes.`);
    return size;
  }

  #composites(name: string): readonly number[] {
    const types = this.#named(name).flatMap((type) => {
      const bare = this.#bare(type);
      return this.#isComposite(bare) ? [bare] : [];
    });
    if (types.length === 0) throw new BtfError(`This kernel has no struct ${name}.`);
    return types;
  }

  /** Structs, unions, enums, integers and typedefs of the name. */
  #named(name: string): readonly number[] {
    const wanted = name === '' ? undefined : this.#raw.findString(name);
    if (wanted === undefined) return [];
    const found: number[] = [];
    for (let type = 1; type < this.#raw.count; type++) {
      if (this.#raw.nameOffset(type) === wanted && isTypeName(this.#raw.kind(type))) found.push(type);
    }
    return found;
  }

  #walk(type: number, struct: string, path: string): BtfMember {
    let current = type;
    let offset = 0;
    for (const name of path.split('.')) {
      const nameOffset = name === '' ? undefined : this.#raw.findString(name);
      const member = nameOffset === undefined ? undefined : this.#find(current, nameOffset, 0);
      if (member === undefined) throw new BtfError(`This kernel's struct ${struct} has no member ${path}.`);
      if (member.bits % 8 !== 0 || member.bitField) {
        throw new BtfError(`${struct}.${path} is a bit-field: it has no byte offset.`);
      }
      offset += member.bits / 8;
      current = this.#bare(member.type);
    }
    return { offset, size: this.#size(current) };
  }

  #find(type: number, name: number, depth: number): { bits: number; type: number; bitField: boolean } | undefined {
    if (!this.#isComposite(type) || depth > maxDepth) return undefined;
    const raw = this.#raw;
    const flagged = raw.kindFlag(type);
    for (let index = 0; index < raw.elements(type); index++) {
      const memberName = raw.element(type, index, 3, 0);
      if (memberName !== name && memberName !== 0) continue;
      const memberType = raw.element(type, index, 3, 1);
      const place = raw.element(type, index, 3, 2);
      const bits = flagged ? place & 0xffffff : place;
      if (memberName === name) return { bits, type: memberType, bitField: flagged && place >>> 24 !== 0 };
      const inner = this.#find(this.#bare(memberType), name, depth + 1);
      if (inner !== undefined) return { ...inner, bits: bits + inner.bits };
    }
    return undefined;
  }

  #isComposite(type: number): boolean {
    const kind = this.#raw.kind(type);
    return kind === btfKind.struct || kind === btfKind.union;
  }

  /** The type behind typedefs and qualifiers. */
  #bare(type: number): number {
    let current = type;
    for (let depth = 0; depth < maxDepth; depth++) {
      const kind = this.#raw.kind(current);
      const alias =
        kind === btfKind.typedef ||
        kind === btfKind.const ||
        kind === btfKind.volatile ||
        kind === btfKind.restrict ||
        kind === btfKind.typeTag;
      if (!alias) return current;
      current = this.#raw.sizeOrType(current);
    }
    throw new BtfError(`The BTF's type ${type} refers to itself.`);
  }

  /** Bytes, 0 for void, functions and declarations without a body. */
  #size(type: number, depth = 0): number {
    const bare = this.#bare(type);
    switch (this.#raw.kind(bare)) {
      case btfKind.ptr:
        return pointerBytes;
      case btfKind.array:
        if (depth > maxDepth) throw new BtfError(`The BTF's type ${type} refers to itself.`);
        return this.#size(this.#raw.element(bare, 0, 3, 0), depth + 1) * this.#raw.element(bare, 0, 3, 2);
      case btfKind.int:
      case btfKind.struct:
      case btfKind.union:
      case btfKind.enum:
      case btfKind.enum64:
      case btfKind.float:
        return this.#raw.sizeOrType(bare);
      default:
        return 0;
    }
  }
}

const isTypeName = (kind: number): boolean =>
  kind === btfKind.struct ||
  kind === btfKind.union ||
  kind === btfKind.typedef ||
  kind === btfKind.int ||
  kind === btfKind.enum ||
  kind === btfKind.enum64;

const kernelPath = '/sys/kernel/btf/vmlinux';
let kernel: Btf | undefined;

/** The running kernel's types, read once (a few milliseconds). Throws BtfError where the kernel has none. */
export function kernelBtf(): Btf {
  if (kernel === undefined) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(kernelPath);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BtfError(
        `The kernel's types cannot be read (${why}): it needs CONFIG_DEBUG_INFO_BTF and a readable ${kernelPath}.`,
        { cause: error },
      );
    }
    kernel = new Btf(bytes);
  }
  return kernel;
}
