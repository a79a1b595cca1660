import { addressOf } from './syscall.js';

/**
 * Writes the fields of a kernel attribute structure (`union bpf_attr`, `struct perf_event_attr`) by byte offset, and
 * keeps the memory that its pointers name alive as long as itself.
 */
export class Attr {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #alive: Uint8Array[] = [];

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: bigint | number): this {
    this.#view.setBigUint64(offset, BigInt(value), true);
    return this;
  }

  pointer(offset: number, target: Uint8Array): this {
    this.#alive.push(target);
    return this.u64(offset, addressOf(target));
  }

  /** A pointer to a NUL-terminated string. */
  text(offset: number, value: string): this {
    return this.pointer(offset, Buffer.from(`${value}\0`));
  }

  /** A fixed field of text, cut to its size with a NUL at the end. */
  name(offset: number, size: number, value: string): this {
    this.bytes.set(Buffer.from(value, 'latin1').subarray(0, size - 1), offset);
    return this;
  }

  getU32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  getU64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }
}
