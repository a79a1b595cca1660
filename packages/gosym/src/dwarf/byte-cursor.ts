import { DwarfError } from './dwarf-error.js';

/** A position in one section. Every read is checked against the section's end; none invents a zero. */
export class ByteCursor {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly section: string;
  #lazyView: DataView | undefined;
  readonly #little: boolean;
  position: number;

  constructor(section: string, bytes: Uint8Array, littleEndian: boolean, position = 0, end = bytes.length) {
    if (end > bytes.length || position > end || position < 0)
      throw new DwarfError(section, position, `points outside the section of ${bytes.length} bytes`);
    this.bytes = bytes;
    this.section = section;
    this.end = end;
    this.position = position;
    this.#little = littleEndian;
  }

  get #view(): DataView {
    this.#lazyView ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#lazyView;
  }

  fail(what: string): never {
    throw new DwarfError(this.section, this.position, what);
  }

  /** Moves on by `size` bytes and returns where they began. */
  take(size: number): number {
    const start = this.position;
    if (size > this.end - start) this.fail(`needs ${size} bytes, ${this.end - start} are left`);
    this.position = start + size;
    return start;
  }

  seek(position: number): void {
    if (position < 0 || position > this.end) this.fail(`refers to offset ${position}, past the end ${this.end}`);
    this.position = position;
  }

  u8(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined || this.position >= this.end) this.fail('ends where a byte is needed');
    this.position += 1;
    return byte;
  }

  u16(): number {
    return this.#view.getUint16(this.take(2), this.#little);
  }

  u24(): number {
    const at = this.take(3);
    const [a, b, c] = [this.#view.getUint8(at), this.#view.getUint8(at + 1), this.#view.getUint8(at + 2)];
    return this.#little ? a | (b << 8) | (c << 16) : (a << 16) | (b << 8) | c;
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), this.#little);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.take(8), this.#little);
  }

  /** A 64-bit value as a number where one can hold it. */
  u64Compact(): number | bigint {
    const at = this.take(8);
    const first = this.#view.getUint32(at, this.#little);
    const second = this.#view.getUint32(at + 4, this.#little);
    const [low, high] = this.#little ? [first, second] : [second, first];
    return high > 0x1fffff ? this.#view.getBigUint64(at, this.#little) : high * 0x1_0000_0000 + low;
  }

  /** A 64-bit value that has to be an offset, size or address: below 2^53 or the input is broken. */
  u64Safe(): number {
    const at = this.position;
    const value = this.u64Compact();
    if (typeof value === 'number') return value;
    this.position = at;
    return this.fail('holds a number of 2^53 or more where an offset or address belongs');
  }

  unsigned(size: number): number {
    switch (size) {
      case 1:
        return this.u8();
      case 2:
        return this.u16();
      case 3:
        return this.u24();
      case 4:
        return this.u32();
      case 8:
        return this.u64Safe();
      default:
        return this.fail(`asks for an integer of ${size} bytes`);
    }
  }

  /** Unsigned LEB128 below 2^53. */
  uleb(): number {
    const only = this.bytes[this.position];
    if (only !== undefined && only < 0x80 && this.position < this.end) {
      this.position += 1;
      return only;
    }
    let result = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      const part = byte & 0x7f;
      if (part !== 0 && scale > 0x1f_ffff_ffff_ffff / part) this.fail('holds a LEB128 number of 2^53 or more');
      if (part !== 0) result += part * scale;
      if (byte < 0x80) return result <= Number.MAX_SAFE_INTEGER ? result : this.fail('holds a LEB128 number over 2^53');
      if (scale < Number.MAX_SAFE_INTEGER) scale *= 128;
    }
  }

  /**
   * The distance of an offset pair from its base. Go's linker (1.25 to 1.27) puts a unit's text in front of its base
   * as an unsigned number that wraps around at 64 bits.
   */
  distance(): number {
    const value = this.ulebCompact();
    if (typeof value === 'number') return value;
    const wrapped = Number(BigInt.asIntN(64, value));
    return Number.isSafeInteger(wrapped) ? wrapped : this.fail('holds a distance of 2^53 or more');
  }

  /** Unsigned LEB128 of up to 64 bits, as a number where it takes at most seven bytes. */
  ulebCompact(): number | bigint {
    const start = this.position;
    let result = 0;
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = this.u8();
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
    }
    this.position = start;
    return this.lebBig(false);
  }

  /** Signed or unsigned LEB128 of up to 64 bits, as DW_FORM_sdata, DW_FORM_udata and constants in expressions need. */
  lebBig(signed: boolean): bigint {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      if (shift < 70n) result |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (!signed) return BigInt.asUintN(64, result);
      return BigInt.asIntN(64, (byte & 0x40) !== 0 && shift < 63n ? result - (1n << (shift + 7n)) : result);
    }
  }

  sleb(): number {
    const value = Number(this.lebBig(true));
    return Number.isSafeInteger(value) ? value : this.fail('holds a signed LEB128 number outside 2^53');
  }

  skipLeb(): void {
    const { bytes, end } = this;
    let at = this.position;
    while (at < end && (bytes[at] ?? 0) >= 0x80) at += 1;
    if (at >= end) this.fail('holds a LEB128 number without its end');
    this.position = at + 1;
  }

  skipString(): void {
    const { bytes, end } = this;
    let at = this.position;
    // Names are short: a call of indexOf for each costs more than this loop.
    while (at < end && bytes[at] !== 0) at += 1;
    if (at >= end) this.fail('holds a string without its end');
    this.position = at + 1;
  }

  string(): string {
    const start = this.position;
    this.skipString();
    return decoder.decode(this.bytes.subarray(start, this.position - 1));
  }
}

const decoder = new TextDecoder();
