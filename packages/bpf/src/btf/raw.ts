/**
 * BTF as bytes: Linux Documentation/bpf/btf.rst, include/uapi/linux/btf.h. A header, then types numbered from 1 one
 * after the other (each 12 bytes and a tail that depends on its kind), then strings. Nothing is decoded before it is
 * asked for: a kernel has 150,000 types, and a probe wants five of them.
 */

/** The kernel's types cannot be read, or have no such thing. The message says which and what to do. */
export class BtfError extends Error {
  override readonly name = 'BtfError';
}

export const btfKind = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  funcProto: 13,
  var: 14,
  datasec: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

const magic = 0xeb9f;
const typeBytes = 12;

/** Bytes after the 12 that every type has, and bytes for each of its `vlen` elements, by kind. */
const tailBytes: readonly (readonly [number, number])[] = [
  [0, 0], // void, which is never stored
  [4, 0],
  [0, 0],
  [12, 0],
  [0, 12],
  [0, 12],
  [0, 8],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 8],
  [4, 0],
  [0, 12],
  [0, 0],
  [4, 0],
  [0, 0],
  [0, 12],
];

/** Access to types by number, over the bytes. Numbers and offsets are checked once, when the index is built. */
export class RawBtf {
  readonly #view: DataView;
  readonly #strings: Buffer;
  /** Position of each type's 12 bytes; entry 0 (void) is unused. */
  readonly #at: Uint32Array;

  /** Throws BtfError when the bytes are no BTF, are cut short, or have a kind that is newer than this reader. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < 24 || view.getUint16(0, true) !== magic)
      throw new BtfError('These bytes are no little-endian BTF.');
    const headerBytes = view.getUint32(4, true);
    const types = { start: headerBytes + view.getUint32(8, true), length: view.getUint32(12, true) };
    const strings = { start: headerBytes + view.getUint32(16, true), length: view.getUint32(20, true) };
    if (types.start + types.length > bytes.length || strings.start + strings.length > bytes.length) {
      throw new BtfError('The BTF is cut short: its sections end behind its bytes.');
    }
    this.#view = view;
    this.#strings = Buffer.from(bytes.buffer, bytes.byteOffset + strings.start, strings.length);
    this.#at = indexTypes(view, types.start, types.start + types.length);
  }

  /** Highest type number + 1. */
  get count(): number {
    return this.#at.length;
  }

  kind(type: number): number {
    return type === 0 ? 0 : (this.#view.getUint32(this.#position(type) + 4, true) >>> 24) & 0x1f;
  }

  /** Whether member offsets carry a bit-field size in their top byte. */
  kindFlag(type: number): boolean {
    return type !== 0 && this.#view.getUint32(this.#position(type) + 4, true) >>> 31 === 1;
  }

  elements(type: number): number {
    return type === 0 ? 0 : this.#view.getUint32(this.#position(type) + 4, true) & 0xffff;
  }

  /** Bytes of an int, struct, union, enum, float; for the other kinds the type number that they refer to. */
  sizeOrType(type: number): number {
    return type === 0 ? 0 : this.#view.getUint32(this.#position(type) + 8, true);
  }

  /** Position of the type's name among the strings. */
  nameOffset(type: number): number {
    return type === 0 ? 0 : this.#view.getUint32(this.#position(type), true);
  }

  /** Field `word` (4 bytes each) of element `index` behind a type whose elements have `words` words. */
  element(type: number, index: number, words: number, word: number): number {
    if (index >= Math.max(1, this.elements(type))) throw new RangeError(`type ${type} has no element ${index}`);
    return this.#view.getUint32(this.#position(type) + typeBytes + (index * words + word) * 4, true);
  }

  string(offset: number): string {
    const end = this.#strings.indexOf(0, offset);
    return this.#strings.toString('latin1', offset, end < 0 ? undefined : end);
  }

  /** Where a whole string is among the strings; the compiler keeps each once. Undefined if it is nowhere. */
  findString(text: string): number | undefined {
    const at = this.#strings.indexOf(`\0${text}\0`, 0, 'latin1');
    return at < 0 ? undefined : at + 1;
  }

  #position(type: number): number {
    const at = this.#at[type];
    if (at === undefined || type === 0) throw new BtfError(`The BTF refers to type ${type}, which it does not have.`);
    return at;
  }
}

function indexTypes(view: DataView, start: number, end: number): Uint32Array {
  // A type takes at least 12 bytes, which bounds the index.
  const at = new Uint32Array(1 + Math.floor((end - start) / typeBytes));
  let count = 1;
  for (let position = start; position < end; count++) {
    if (position + typeBytes > end) throw new BtfError(`BTF type ${count} is cut short.`);
    const info = view.getUint32(position + 4, true);
    const tail = tailBytes[(info >>> 24) & 0x1f];
    if (tail === undefined) throw new BtfError(`BTF type ${count} is of a kind that this reader does not know.`);
    at[count] = position;
    position += typeBytes + tail[0] + (info & 0xffff) * tail[1];
    if (position > end) throw new BtfError(`BTF type ${count} is cut short.`);
  }
  return at.subarray(0, count);
}
