import { readFileSync } from 'node:fs';
import type { DwarfSource } from '../../src/dwarf/source.js';
import { ElfImage } from '../../src/elf/image.js';
import { MemorySource } from '../../src/elf/source.js';

/** The DWARF sections of a binary on disk. */
export const openElf = (path: string): DwarfSource => {
  const image = new ElfImage(new MemorySource(readFileSync(path)));
  return {
    machine: image.machine,
    pointerSize: image.pointerSize,
    littleEndian: image.header.order === 'little',
    has: (name) => image.hasDebugSection(name),
    section: (name) => image.debugSection(name),
  };
};
