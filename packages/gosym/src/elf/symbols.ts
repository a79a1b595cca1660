/** Single symbols by name, without building a table: the names are searched as bytes first. */
import type { Bytes } from '../bytes.js';
import type { ElfImage } from './image.js';

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  /** st_info & 15: 2 function, 6 thread-local. */
  readonly type: number;
}

interface Tables {
  readonly symbols: Bytes;
  readonly names: Bytes;
}

/** The symbol table of one image, read when first asked. */
export class ElfSymbols {
  private readonly image: ElfImage;
  private tables: Tables | undefined;
  private loaded = false;

  constructor(image: ElfImage) {
    this.image = image;
  }

  get present(): boolean {
    return this.image.section('.symtab') !== undefined;
  }

  find(name: string): ElfSymbol | undefined {
    if (!this.loaded) {
      this.tables = this.read();
      this.loaded = true;
    }
    if (this.tables === undefined) return undefined;
    const { symbols, names } = this.tables;
    const offsets = nameOffsets(names, name);
    if (offsets.size === 0) return undefined;
    const wide = this.image.pointerSize === 8;
    const size = wide ? 24 : 16;
    for (let at = 0; at + size <= symbols.length; at += size) {
      if (!offsets.has(symbols.u32(at))) continue;
      return wide
        ? { name, value: symbols.u64(at + 8), size: symbols.u64(at + 16), type: symbols.u8(at + 4) & 15 }
        : { name, value: symbols.u32(at + 4), size: symbols.u32(at + 8), type: symbols.u8(at + 12) & 15 };
    }
    return undefined;
  }

  private read(): Tables | undefined {
    const table = this.image.section('.symtab');
    const strings = table === undefined ? undefined : this.image.sections[table.link];
    const symbols = table === undefined ? undefined : this.image.sectionBytes(table);
    const names = strings === undefined ? undefined : this.image.sectionBytes(strings);
    return symbols === undefined || names === undefined ? undefined : { symbols, names };
  }
}

/** Linkers share tails of names, so the name may end another one: every place where the bytes stand counts. */
const nameOffsets = (names: Bytes, name: string): ReadonlySet<number> => {
  const found = new Set<number>();
  const wanted = Buffer.from(`${name}\0`);
  const data = Buffer.from(names.data.buffer, names.data.byteOffset, names.data.byteLength);
  for (let at = data.indexOf(wanted); at >= 0; at = data.indexOf(wanted, at + 1)) found.add(at);
  return found;
};
