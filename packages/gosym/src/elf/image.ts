/**
 * One ELF program: sections and segments by name and address. Invariant: addresses become file offsets here and nowhere
 * else, and only through a PT_LOAD segment that covers them.
 */
import type { Machine } from '../api.js';
import { Bytes, type BytesOrigin } from '../bytes.js';
import { FormatError } from '../errors.js';
import { type FileOffset, fileOffset, hex } from '../units.js';
import { decompressOld, decompressSection } from './compression.js';
import { machineOf } from './machine.js';
import { type ElfHeader, readRawElf, type Section, type Segment } from './raw.js';
import { type RelativeRelocations, readRelativeRelocations, relocated } from './relocations.js';
import type { ByteSource } from './source.js';

const ET_EXEC = 2;
const ET_DYN = 3;
const PT_LOAD = 1;
const PF_X = 1;
export const SHT_NOBITS = 8;
const SHF_COMPRESSED = 0x800;

export class ElfImage {
  readonly source: ByteSource;
  readonly header: ElfHeader;
  readonly machine: Machine;
  readonly pointerSize: 4 | 8;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  readonly loads: readonly Segment[];
  private relative: RelativeRelocations | undefined;

  constructor(source: ByteSource) {
    const raw = readRawElf(source);
    this.source = source;
    this.header = raw.header;
    this.machine = machineOf(raw.header);
    this.pointerSize = raw.header.bits === 64 ? 8 : 4;
    this.segments = raw.segments;
    this.sections = raw.sections;
    this.loads = raw.segments.filter((segment) => segment.type === PT_LOAD);
    if (raw.header.type !== ET_EXEC && raw.header.type !== ET_DYN) throw notAProgram(raw.header.type);
  }

  get positionIndependent(): boolean {
    return this.header.type === ET_DYN;
  }

  section(name: string): Section | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** Contents as stored, but decompressed; undefined where the section has none in the file. */
  sectionBytes(section: Section): Bytes | undefined {
    if (section.type === SHT_NOBITS) return undefined;
    const data = this.source.read(section.offset, section.size);
    const stored = this.bytes(data, { what: section.name, fileOffset: section.offset, code: 'bad-elf' });
    const plain: BytesOrigin = { what: section.name, code: 'bad-elf' };
    if ((section.flags & SHF_COMPRESSED) !== 0) {
      return this.bytes(decompressSection(section.name, stored, this.header.bits), plain);
    }
    if (section.name.startsWith('.zdebug')) return this.bytes(decompressOld(section.name, stored), plain);
    return stored;
  }

  /** `.debug_x`, or `.zdebug_x` where the linker used the older compression. */
  hasDebugSection(name: string): boolean {
    return this.storedDebugSection(name) !== undefined;
  }

  debugSection(name: string): Uint8Array | undefined {
    const section = this.storedDebugSection(name);
    return section === undefined ? undefined : this.sectionBytes(section)?.data;
  }

  private storedDebugSection(name: string): Section | undefined {
    return this.section(name) ?? this.section(name.replace(/^\.debug/, '.zdebug'));
  }

  bytes(data: Uint8Array, origin: BytesOrigin): Bytes {
    return new Bytes(data, this.header.order, origin);
  }

  /** The segment whose file bytes cover the address. */
  segmentAt(address: number): Segment | undefined {
    return this.loads.find((load) => address >= load.address && address - load.address < load.fileSize);
  }

  /** Bytes of the file at an address that lie behind it in its segment; 0 where nothing covers it. */
  bytesFrom(address: number): number {
    const segment = this.segmentAt(address);
    return segment === undefined ? 0 : segment.fileSize - (address - segment.address);
  }

  readAt(address: number, length: number, what: string): Bytes {
    const segment = this.segmentAt(address);
    if (segment === undefined || address - segment.address + length > segment.fileSize) throw unmapped(address, what);
    const offset = segment.offset + (address - segment.address);
    return this.bytes(this.source.read(offset, length), { what, fileOffset: offset, code: 'bad-elf' });
  }

  /** RELATIVE relocations, read when first asked. */
  get relocations(): RelativeRelocations {
    this.relative ??= readRelativeRelocations(this);
    return this.relative;
  }

  /** Like readAt, with the pointers that the loader would write: in position-independent programs the file may hold zeros. */
  readRelocated(address: number, length: number, what: string): Bytes {
    const bytes = this.readAt(address, length, what);
    return this.positionIndependent ? relocated(this, this.relocations, address, bytes) : bytes;
  }

  /** Behind the last byte of code that the file has (fs/binfmt_elf.c, load_elf_binary: end_code). */
  get codeEnd(): number {
    const ends = this.loads.filter(({ flags }) => (flags & PF_X) !== 0).map((load) => load.address + load.fileSize);
    return ends.reduce((last, end) => Math.max(last, end), 0);
  }

  /** File offset of code. */
  codeOffset(address: number): FileOffset {
    for (const load of this.loads) {
      if ((load.flags & PF_X) === 0 || address < load.address) continue;
      const into = address - load.address;
      if (into < load.fileSize) return fileOffset(load.offset + into);
    }
    throw unmapped(address, 'code');
  }

  isCode(address: number): boolean {
    return this.codeSegment(address) !== undefined;
  }

  codeSegment(address: number): Segment | undefined {
    return this.loads.find(
      (load) => (load.flags & PF_X) !== 0 && address >= load.address && address - load.address < load.fileSize,
    );
  }
}

const unmapped = (address: number, what: string): FormatError =>
  new FormatError(
    'unmapped-address',
    `${what} at address ${hex(address)} is in no loaded segment of the file; check that the address belongs to this build`,
    { found: hex(address) },
  );

const notAProgram = (type: number): FormatError => {
  const kind =
    type === 1
      ? 'an object file; link it first'
      : type === 4
        ? 'a core dump; name the program that made it'
        : undefined;
  return new FormatError('not-go', `this is ${kind ?? `an ELF file of type ${type}; name a linked Go program`}`, {
    offset: 16,
    expected: 'e_type 2 or 3',
    found: `${type}`,
  });
};
