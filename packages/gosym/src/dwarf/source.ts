/** What the DWARF reader needs of a binary, whoever opened it. Bytes only. */
import type { Machine } from '../api.js';

export interface DwarfSource {
  readonly machine: Machine;
  readonly pointerSize: 4 | 8;
  readonly littleEndian: boolean;
  /** Whether the binary has a section, without reading it. */
  has(name: string): boolean;
  /** Contents of a section by its plain name (".debug_info"), decompressed; undefined where the binary has none. */
  section(name: string): Uint8Array | undefined;
}
