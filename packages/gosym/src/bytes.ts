/**
 * The one bounds-checked reader. Every read names its position, is checked, and throws FormatError where the bytes do
 * not reach: a short file never turns into zeros.
 */
import { FormatError, type FormatErrorCode } from './errors.js';

export type ByteOrder = 'little' | 'big';

const HIGH_WORD = 0x1_0000_0000;
/** A 64-bit value whose upper half reaches this is 2^53 or more and no longer exact as a number. */
const HIGH_WORD_LIMIT = 0x20_0000;

export interface BytesOrigin {
  /** What the bytes are, for messages: ".gopclntab". */
  readonly what: string;
  /** File offset of the first byte; undefined for decompressed bytes. */
  readonly fileOffset?: number | undefined;
  readonly code: FormatErrorCode;
}

export class Bytes {
  readonly data: Uint8Array;
  readonly littleEndian: boolean;
  private readonly view: DataView;
  private readonly buffer: Buffer;
  private readonly origin: BytesOrigin;

  constructor(data: Uint8Array, order: ByteOrder, origin: BytesOrigin) {
    this.data = data;
    this.littleEndian = order === 'little';
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.origin = origin;
  }

  get length(): number {
    return this.data.length;
  }

  u8(at: number): number {
    this.need(at, 1);
    return this.view.getUint8(at);
  }

  u16(at: number): number {
    this.need(at, 2);
    return this.view.getUint16(at, this.littleEndian);
  }

  i16(at: number): number {
    this.need(at, 2);
    return this.view.getInt16(at, this.littleEndian);
  }

  u32(at: number): number {
    this.need(at, 4);
    return this.view.getUint32(at, this.littleEndian);
  }

  i32(at: number): number {
    this.need(at, 4);
    return this.view.getInt32(at, this.littleEndian);
  }

  /** Refuses values of 2^53 and more: no address, offset or size in a file that a machine can load is that large. */
  u64(at: number): number {
    this.need(at, 8);
    const first = this.view.getUint32(at, this.littleEndian);
    const second = this.view.getUint32(at + 4, this.littleEndian);
    const high = this.littleEndian ? second : first;
    const low = this.littleEndian ? first : second;
    if (high >= HIGH_WORD_LIMIT) throw this.error(at, 'a value below 2^53', `0x${high.toString(16)} in its upper half`);
    return high * HIGH_WORD + low;
  }

  /** Like u64, but answers undefined for 2^53 and more: for scans over bytes that need not be what they seem. */
  wordOrUndefined(at: number, size: 4 | 8): number | undefined {
    if (size === 4) return this.u32(at);
    this.need(at, 8);
    const high = this.view.getUint32(this.littleEndian ? at + 4 : at, this.littleEndian);
    const low = this.view.getUint32(this.littleEndian ? at : at + 4, this.littleEndian);
    return high >= HIGH_WORD_LIMIT ? undefined : high * HIGH_WORD + low;
  }

  word(at: number, size: 4 | 8): number {
    return size === 8 ? this.u64(at) : this.u32(at);
  }

  slice(at: number, length: number): Uint8Array {
    this.need(at, length);
    return this.data.subarray(at, at + length);
  }

  /** Text up to a NUL; `limit` bytes without one are an error. */
  cString(at: number, limit: number): string {
    this.need(at, 1);
    const end = this.buffer.indexOf(0, at);
    if (end < 0 || end - at > limit) throw this.error(at, `a NUL within ${limit} bytes`, 'none');
    return this.buffer.toString('utf8', at, end);
  }

  error(at: number, expected: string, found: string): FormatError {
    const { what, fileOffset, code } = this.origin;
    return new FormatError(
      code,
      `${what} is damaged at byte ${at}: expected ${expected}, found ${found}; build the program again`,
      { ...(fileOffset === undefined ? {} : { offset: fileOffset + at }), expected, found },
    );
  }

  need(at: number, count: number): void {
    if (at >= 0 && count >= 0 && at + count <= this.data.length) return;
    throw this.error(at, `${count} bytes`, `${Math.max(0, this.data.length - at)}`);
  }
}

/** UTF-8 text of a byte range that the caller has checked. */
export const text = (data: Uint8Array, from: number, to: number): string =>
  Buffer.from(data.buffer, data.byteOffset + from, to - from).toString('utf8');
