import type { Dwarf } from './dwarf.js';
import type { DwarfSource } from './source.js';

/** Undefined where the binary has no usable DWARF. */
export const openDwarf = (source: DwarfSource): Dwarf | undefined => {
  if (source.section('.debug_info') === undefined) return undefined;
  return undefined;
};
