/** elfy 1.0.0 ships no types. Only what `raw.ts` calls is declared, and only the fields that elfy decodes right. */
declare module 'elfy' {
  export interface ElfyHeader {
    readonly class: '32' | '64';
    readonly endian: 'lsb' | 'msb';
    readonly phentsize: number;
    readonly phnum: number;
    readonly shentsize: number;
    readonly shnum: number;
    readonly shstrndx: number;
  }
  export interface ElfyProgram {
    readonly offset: number;
    readonly vaddr: number;
    readonly filesz: number;
    readonly memsz: number;
    readonly align: number;
  }
  export interface ElfySection {
    /** Offset of the name in the section name table. */
    readonly name: number;
    readonly addr: number;
    readonly off: number;
    readonly size: number;
    readonly link: number;
    readonly info: number;
    readonly entsize: number;
  }
  export interface ElfyParser {
    parseHeader(bytes: Uint8Array): ElfyHeader;
    sliceChunks(bytes: Uint8Array, offset: number, count: number, size: number): Uint8Array[];
    parseProgram(entry: Uint8Array, header: ElfyHeader, file: Uint8Array): ElfyProgram;
    parseSection(entry: Uint8Array, header: ElfyHeader, file: Uint8Array): ElfySection;
  }
  const elfy: { readonly Parser: new () => ElfyParser };
  export default elfy;
}
