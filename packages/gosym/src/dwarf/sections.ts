import { ByteCursor } from './byte-cursor.js';
import type { DwarfSource } from './source.js';

const EMPTY = new Uint8Array(0);

/** The sections by name, fetched (and decompressed by the source) when first read. */
export class Sections {
  readonly #cache = new Map<string, Uint8Array>();
  constructor(readonly source: DwarfSource) {}

  bytes(name: string): Uint8Array {
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached;
    const bytes = this.source.section(name) ?? EMPTY;
    this.#cache.set(name, bytes);
    return bytes;
  }

  cursor(name: string, position = 0, end?: number): ByteCursor {
    const bytes = this.bytes(name);
    return new ByteCursor(name, bytes, this.source.littleEndian, position, end ?? bytes.length);
  }
}
