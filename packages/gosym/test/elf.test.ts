/** The ELF layer against readelf over every stored program, and what no stored program has: extended numbering, > 2 GiB, zstd. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { Bytes } from '../src/bytes.js';
import { decompressSection } from '../src/elf/compression.js';
import { ElfImage } from '../src/elf/image.js';
import { FileSource, MemorySource } from '../src/elf/source.js';
import { FormatError, openGoBinary, virtualAddress } from '../src/index.js';
import { bytesOf, openBytes, openStored, storedBinaries, storedBinary } from './binaries.js';

const directory = mkdtempSync(join(tmpdir(), 'gosym-elf-'));
afterAll(() => rmSync(directory, { recursive: true }));

const readelf = (name: string): string => {
  const path = new URL(`../../../fixtures/binaries/${name}.sections.br`, import.meta.url);
  return brotliDecompressSync(readFileSync(path)).toString('utf8');
};

const image = (name: string): ElfImage => new ElfImage(new MemorySource(bytesOf(storedBinary(name))));

/** readelf -SW: [Nr] name type address off size es flg lk inf al. */
const sectionRow =
  /^ +\[ *(\d+)\] (\S*) +(\S+) +([0-9a-f]{8,16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) ([0-9a-f]{2,}) +([A-Zxop]*) +(\d+) +(\d+) +(\d+)$/gm;

/** readelf -lW: type offset address physical file-size memory-size flags alignment. */
const segmentRow =
  /^ {2}(\S+) +0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+) 0x([0-9a-f]+) ([RWE ]{3}) (0x[0-9a-f]+|0)$/gm;

const hexNumber = (text: string | undefined): number => Number.parseInt(text ?? '', 16);

describe.each(storedBinaries.map(({ name }) => name))('%s', (name) => {
  it('has the sections and segments that readelf shows', () => {
    const text = readelf(name);
    const elf = image(name);
    const sections = [...text.matchAll(sectionRow)];
    expect(sections).toHaveLength(elf.sections.length);
    for (const [, index, sectionName, , address, offset, size, entrySize, , link, info, alignment] of sections) {
      const own = elf.sections[Number(index)];
      const shown = [
        own?.name,
        own?.address,
        own?.offset,
        own?.size,
        own?.entrySize,
        own?.link,
        own?.info,
        own?.alignment,
      ];
      const numbers = [address, offset, size, entrySize].map(hexNumber);
      expect(shown).toEqual([sectionName, ...numbers, Number(link), Number(info), Number(alignment)]);
    }
    const segments = [...text.matchAll(segmentRow)].map(([, , ...rest]) => rest);
    expect(segments).toHaveLength(elf.segments.length);
    for (const [index, [offset, address, fileSize, memorySize, flags, alignment]] of segments.entries()) {
      const own = elf.segments[index];
      const letters = (flags?.includes('E') ? 1 : 0) + (flags?.includes('W') ? 2 : 0) + (flags?.includes('R') ? 4 : 0);
      const numbers = [offset, address, fileSize, memorySize].map(hexNumber);
      expect([
        own?.offset,
        own?.address,
        own?.fileSize,
        own?.memorySize,
        (own?.flags ?? 0) & 7,
        own?.alignment,
      ]).toEqual([...numbers, letters, Number(alignment)]);
    }
  });
});

describe('addresses', () => {
  it('become file offsets through the executable segment that covers them', () => {
    for (const name of ['plain-1.26.8-amd64', 'cgo-1.26.8-amd64', 'cgo-pie-1.22.12-amd64', 'plain-1.26.8-riscv64']) {
      const binary = openStored(name);
      const text = image(name).section('.text');
      const [fn] = binary.functionsNamed('main.main');
      // A section says the same of its bytes in another way.
      expect(binary.offsetOf(virtualAddress(fn?.entry ?? 0))).toBe(
        (fn?.entry ?? 0) - (text?.address ?? 0) + (text?.offset ?? 0),
      );
    }
  });

  it('that no executable segment covers are refused', () => {
    const binary = openStored('plain-1.26.8-amd64');
    const data = image('plain-1.26.8-amd64').section('.data')?.address ?? 0;
    for (const address of [0, 1, data, 2 ** 52]) {
      expect(() => binary.offsetOf(virtualAddress(address))).toThrow(
        expect.objectContaining({ code: 'unmapped-address' }),
      );
      expect(binary.functionAt(virtualAddress(address))).toBeUndefined();
      expect(binary.positionsAt(virtualAddress(address))).toEqual([]);
    }
  });
});

describe('extended section numbering', () => {
  it('is read from section 0', () => {
    const bytes = Buffer.from(bytesOf(storedBinary('plain-1.26.8-amd64')));
    const table = Number(bytes.readBigUInt64LE(40));
    const [segments, sections, names] = [bytes.readUInt16LE(56), bytes.readUInt16LE(60), bytes.readUInt16LE(62)];
    bytes.writeUInt16LE(0xffff, 56);
    bytes.writeUInt16LE(0, 60);
    bytes.writeUInt16LE(0xffff, 62);
    bytes.writeBigUInt64LE(BigInt(sections), table + 32);
    bytes.writeUInt32LE(names, table + 40);
    bytes.writeUInt32LE(segments, table + 44);
    const elf = new ElfImage(new MemorySource(bytes));
    expect(elf.section('.gopclntab')).toEqual(image('plain-1.26.8-amd64').section('.gopclntab'));
    expect(elf.segments).toEqual(image('plain-1.26.8-amd64').segments);
    expect(openBytes(bytes).functionsNamed('main.main')).toHaveLength(1);
  });
});

describe('without a section table', () => {
  it('segments are enough', () => {
    for (const name of ['plain-1.26.8-amd64', 'plain-1.18.10-ppc64', 'pie-1.22.12-amd64', 'cgo-pie-1.17.13-amd64']) {
      const bytes = Buffer.from(bytesOf(storedBinary(name)));
      bytes.fill(0, 40, 48);
      bytes.fill(0, 58, 64);
      const bare = openBytes(bytes);
      expect([...bare.functions()]).toEqual([...openStored(name).functions()]);
      expect(bare.goVersion).toBe(openStored(name).goVersion);
      expect(bare.inlinedCopies()).toEqual(openStored(name).inlinedCopies());
    }
  });
});

describe('a file larger than 2 GiB', () => {
  it('is read by position', async () => {
    const bytes = Buffer.from(bytesOf(storedBinary('plain-1.26.8-amd64')));
    const table = Number(bytes.readBigUInt64LE(40));
    const far = 5 * 2 ** 30;
    const records = Buffer.from(bytes.subarray(table, table + 64 * bytes.readUInt16LE(60)));
    bytes.writeBigUInt64LE(BigInt(far), 40);
    const path = join(directory, 'large');
    writeFileSync(path, bytes);
    truncateSync(path, far);
    const file = openSync(path, 'r+');
    writeSync(file, records, 0, records.length, far);
    closeSync(file);
    const binary = await openGoBinary(path);
    expect([...binary.functions()]).toEqual([...openStored('plain-1.26.8-amd64').functions()]);
    binary.close();
  });
});

describe('a file source', () => {
  const path = join(directory, 'changing');

  it('notices that the file changed', () => {
    writeFileSync(path, Buffer.alloc(8192));
    const source = new FileSource(path);
    expect(source.read(0, 16)).toHaveLength(16);
    truncateSync(path, 4096);
    expect(() => source.read(6000, 16)).toThrow(expect.objectContaining({ code: 'changed-while-read' }));
    expect(() => source.read(8190, 16)).toThrow(expect.objectContaining({ code: 'truncated' }));
    source.close();
    source.close();
    expect(() => source.read(0, 1)).toThrow(expect.objectContaining({ code: 'closed' }));
  });
});

describe('compressed sections', () => {
  const plain = 'probelens zstd section, probelens zstd section, probelens zstd section';
  const zstd = Buffer.from('KLUv/SRG/QAAwHByb2JlbGVucyB6c3RkIHNlY3Rpb24sIAEAvOYcA1nukjw=', 'base64');

  const section = (kind: number, size: number, body: Uint8Array): Bytes => {
    const bytes = Buffer.alloc(24 + body.length);
    bytes.writeUInt32LE(kind, 0);
    bytes.writeBigUInt64LE(BigInt(size), 8);
    bytes.set(body, 24);
    return new Bytes(bytes, 'little', { what: '.debug_x', code: 'bad-elf' });
  };

  it('may be zstd', () => {
    expect(Buffer.from(decompressSection('.debug_x', section(2, plain.length, zstd), 64)).toString()).toBe(plain);
  });

  it.each([
    ['a wrong size', section(2, plain.length + 1, zstd)],
    ['a size no compression reaches', section(1, 2 ** 40, zstd)],
    ['an unknown kind', section(9, plain.length, zstd)],
    ['damaged zlib', section(1, plain.length, zstd)],
    ['damaged zstd', section(2, plain.length, zstd.subarray(0, 20))],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decompressSection('.debug_x', bytes, 64)).toThrow(FormatError);
  });

  it('are read as Go wrote them: .zdebug up to 1.18, zlib in SHF_COMPRESSED since', () => {
    for (const name of ['debug-1.12.17', 'debug-1.26.8']) {
      const elf = image(name);
      const compressed = elf.sections.some((at) => at.name.startsWith('.zdebug') || (at.flags & 0x800) !== 0);
      expect(compressed).toBe(true);
      // An abbreviation table begins with code 1 and DW_TAG_compile_unit, DW_CHILDREN_yes.
      expect([...(elf.debugSection('.debug_abbrev') ?? []).slice(0, 3)]).toEqual([1, 0x11, 1]);
    }
  });
});

const go = requirement('go');

describe.skipIf(go.missing)('build ids', () => {
  it.each(['debug-1.26.8', 'cgo-1.26.8-amd64', 'plain-1.26.8-riscv64', 'plain-1.15.15-s390x'])('%s', (name) => {
    const path = join(directory, name);
    writeFileSync(path, bytesOf(storedBinary(name)));
    const { stdout } = spawnSync('go', ['tool', 'buildid', path], { encoding: 'utf8' });
    expect(stdout.trim()).not.toBe('');
    expect(openStored(name).buildIds.go).toBe(stdout.trim());
    // readelf -n of the same programs: the linker writes one since Go 1.25, gcc always did.
    const hasGnu = name.includes('1.26');
    expect(openStored(name).buildIds.gnu !== undefined).toBe(hasGnu);
    if (hasGnu) expect(openStored(name).buildIds.gnu).toMatch(/^[0-9a-f]{40}$/);
  });
});
