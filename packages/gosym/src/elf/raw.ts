/**
 * ELF header, program and section tables as records. The only file that imports elfy 1.0.0, which decodes the tables;
 * what it gets wrong is read again here: 64-bit fields as exact integers (elfy: doubles), `p_type` and `e_machine`
 * beyond its name tables (riscv64, loong64), `sh_addralign` and `sh_entsize` of 64-bit sections (elfy reads at 46 and 54,
 * they are at 48 and 56), and extended numbering (ELF gABI, "e_shnum": section 0 holds counts that do not fit).
 */
import elfy, { type ElfyHeader, type ElfyParser } from 'elfy';
import { type ByteOrder, Bytes } from '../bytes.js';
import { FormatError } from '../errors.js';
import type { ByteSource } from './source.js';

export interface ElfHeader {
  readonly bits: 32 | 64;
  readonly order: ByteOrder;
  /** e_type: 2 executable, 3 shared object or PIE. */
  readonly type: number;
  /** e_machine. */
  readonly machine: number;
}

export interface Segment {
  /** p_type. */
  readonly type: number;
  /** p_flags: 1 execute, 2 write, 4 read. */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

export interface Section {
  readonly name: string;
  /** sh_type. */
  readonly type: number;
  /** sh_flags, lower 32 bits: 1 write, 2 alloc, 4 execute, 0x800 compressed. */
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  readonly entrySize: number;
}

export interface RawElf {
  readonly header: ElfHeader;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
}

const NOTHING = new Uint8Array(0);
const HEADER_BYTES = 64;
/** Far above any linker's output; keeps a hostile header from making millions of records. */
const MOST_RECORDS = 200_000;
/** Section names of a real program are a few hundred bytes. */
const MOST_NAME_BYTES = 16 * 1024 * 1024;
/** Longer ones are not names; and many sections may share one tail. */
const LONGEST_NAME = 256;

const bad = (message: string, offset: number, expected: string, found: string, cause?: unknown): FormatError =>
  new FormatError('bad-elf', `${message}; build or copy the program again`, { offset, expected, found, cause });

export const readRawElf = (source: ByteSource): RawElf => {
  const bytes = headerBytes(source);
  const parser = new elfy.Parser();
  const decoded = decodeHeader(parser, bytes);
  const bits = decoded.class === '64' ? 64 : 32;
  const order = decoded.endian === 'lsb' ? 'little' : 'big';
  const view = new Bytes(bytes, order, { what: 'the ELF header', fileOffset: 0, code: 'bad-elf' });
  const reader: Reader = { source, parser, decoded, bits, order };
  const sectionOffset = bits === 64 ? view.u64(40) : view.u32(32);
  const programOffset = bits === 64 ? view.u64(32) : view.u32(28);
  const counts = tableCounts(reader, sectionOffset);
  return {
    header: { bits, order, type: view.u16(16), machine: view.u16(18) },
    segments: readSegments(reader, programOffset, counts.segments),
    sections: readSections(reader, sectionOffset, counts.sections, counts.names),
  };
};

interface Reader {
  readonly source: ByteSource;
  readonly parser: ElfyParser;
  readonly decoded: ElfyHeader;
  readonly bits: 32 | 64;
  readonly order: ByteOrder;
}

/** 64 bytes, padded where a 32-bit file is shorter: elfy reads without looking. */
const headerBytes = (source: ByteSource): Uint8Array => {
  if (source.size === 0) throw new FormatError('empty', 'the file is empty; build the program again', { offset: 0 });
  const start = source.read(0, Math.min(source.size, HEADER_BYTES));
  if (start[0] !== 0x7f || start[1] !== 0x45 || start[2] !== 0x4c || start[3] !== 0x46) {
    throw new FormatError('not-elf', `this is not an ELF file${kindOf(start)}; name a program built for Linux`, {
      offset: 0,
      expected: '7f 45 4c 46',
      found: [...start.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    });
  }
  const needed = start[4] === 1 ? 52 : HEADER_BYTES;
  if (start.length < needed) {
    throw new FormatError('truncated', 'the file ends inside its ELF header; build or copy it again', {
      offset: start.length,
      expected: `${needed} bytes`,
      found: `${start.length}`,
    });
  }
  const padded = Buffer.alloc(HEADER_BYTES);
  padded.set(start);
  return padded;
};

const kindOf = (start: Uint8Array): string => {
  if (start[0] === 0x4d && start[1] === 0x5a) return ' but a Windows program';
  if (start[0] === 0x23 && start[1] === 0x21) return ' but a script';
  const first = ((start[0] ?? 0) << 8) | (start[1] ?? 0);
  if (first === 0xcffa || first === 0xfeed || first === 0xcafe) return ' but a macOS program';
  return '';
};

/** elfy throws bare Errors; here they become one typed error. */
const decoding = <T>(what: string, offset: number, decode: () => T): T => {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw bad(`${what} cannot be decoded`, offset, 'well-formed ELF', String(cause), cause);
  }
};

const decodeHeader = (parser: ElfyParser, bytes: Uint8Array): ElfyHeader =>
  decoding('the ELF header', 4, () => parser.parseHeader(bytes));

const tableCounts = (
  reader: Reader,
  sectionOffset: number,
): { readonly segments: number; readonly sections: number; readonly names: number } => {
  const { phnum, shnum, shstrndx } = reader.decoded;
  const extended = sectionOffset !== 0 && (shnum === 0 || shstrndx === 0xffff || phnum === 0xffff);
  if (!extended) return { segments: phnum, sections: sectionOffset === 0 ? 0 : shnum, names: shstrndx };
  const size = reader.bits === 64 ? 64 : 40;
  const zero = new Bytes(reader.source.read(sectionOffset, size), reader.order, {
    what: 'section 0',
    fileOffset: sectionOffset,
    code: 'bad-elf',
  });
  const [total, link, info] =
    reader.bits === 64 ? [zero.u64(32), zero.u32(40), zero.u32(44)] : [zero.u32(20), zero.u32(24), zero.u32(28)];
  return {
    segments: phnum === 0xffff ? info : phnum,
    sections: shnum === 0 ? total : shnum,
    names: shstrndx === 0xffff ? link : shstrndx,
  };
};

const tableChunks = (reader: Reader, what: string, offset: number, count: number, size: number, least: number) => {
  if (size < least) throw bad(`${what} has too small entries`, offset, `at least ${least} bytes`, `${size}`);
  if (count > MOST_RECORDS) {
    throw new FormatError('too-large', `${what} claims ${count} entries; this is not a linker's output`, {
      offset,
      expected: `at most ${MOST_RECORDS}`,
      found: `${count}`,
    });
  }
  const table = reader.source.read(offset, count * size);
  return decoding(what, offset, () => reader.parser.sliceChunks(table, 0, count, size));
};

const readSegments = (reader: Reader, offset: number, count: number): Segment[] => {
  if (offset === 0 || count === 0) return [];
  const wide = reader.bits === 64;
  const size = reader.decoded.phentsize;
  return tableChunks(reader, 'the program header table', offset, count, size, wide ? 56 : 32).map((chunk, index) => {
    const at = offset + index * size;
    const view = new Bytes(chunk, reader.order, { what: 'a program header', fileOffset: at, code: 'bad-elf' });
    const program = decoding('a program header', at, () => reader.parser.parseProgram(chunk, reader.decoded, NOTHING));
    return {
      type: view.u32(0),
      flags: view.u32(wide ? 4 : 24),
      offset: wide ? view.u64(8) : program.offset,
      address: wide ? view.u64(16) : program.vaddr,
      fileSize: wide ? view.u64(32) : program.filesz,
      memorySize: wide ? view.u64(40) : program.memsz,
      alignment: wide ? view.u64(48) : program.align,
    };
  });
};

const readSections = (reader: Reader, offset: number, count: number, namesIndex: number): Section[] => {
  if (offset === 0 || count === 0) return [];
  const wide = reader.bits === 64;
  const size = reader.decoded.shentsize;
  const unnamed = tableChunks(reader, 'the section table', offset, count, size, wide ? 64 : 40).map((chunk, index) => {
    const at = offset + index * size;
    const view = new Bytes(chunk, reader.order, { what: 'a section header', fileOffset: at, code: 'bad-elf' });
    const section = decoding('a section header', at, () => reader.parser.parseSection(chunk, reader.decoded, NOTHING));
    return {
      nameOffset: section.name,
      type: view.u32(4),
      flags: view.u32(wide && reader.order === 'big' ? 12 : 8),
      address: wide ? view.u64(16) : section.addr,
      offset: wide ? view.u64(24) : section.off,
      size: wide ? view.u64(32) : section.size,
      link: section.link,
      info: section.info,
      alignment: view.word(wide ? 48 : 32, wide ? 8 : 4),
      entrySize: wide ? view.u64(56) : section.entsize,
    };
  });
  const table = unnamed[namesIndex];
  const names = table === undefined ? undefined : nameTable(reader, table.offset, table.size);
  return unnamed.map(({ nameOffset, ...rest }) => ({ name: sectionName(names, nameOffset), ...rest }));
};

const nameTable = (reader: Reader, offset: number, size: number): Bytes => {
  const data = reader.source.read(offset, Math.min(size, MOST_NAME_BYTES));
  return new Bytes(data, reader.order, { what: 'the section name table', fileOffset: offset, code: 'bad-elf' });
};

/** A wrong name table makes sections nameless, not the file unusable: segments are enough to find a Go program. */
const sectionName = (names: Bytes | undefined, offset: number): string => {
  if (names === undefined || offset >= names.length) return '';
  const end = names.data.indexOf(0, offset);
  return end < 0 || end - offset > LONGEST_NAME ? '' : names.cString(offset, LONGEST_NAME);
};
