/** Programs that other tools made or changed: garble's are read and said to be garbled, gccgo's are refused by name. */
import { describe, expect, it } from 'vitest';
import { ElfImage } from '../src/elf/image.js';
import { MemorySource } from '../src/elf/source.js';
import { findBuildVersion } from '../src/module/build-version.js';
import { bytesOf, foreignBinary, openBytes, openStored, storedBinary } from './binaries.js';

describe.each(['garble-0.16.0', 'garble-tiny-0.16.0'])('%s', (name) => {
  const binary = openBytes(bytesOf(foreignBinary(name)));

  it('is said to be garbled and not to name its version', () => {
    expect(binary.problems.map(({ code }) => code)).toEqual(['garbled', 'unknown-go-version']);
    expect(binary.goVersion).toBeUndefined();
    expect(binary.problems.at(-1)?.message).toContain('Go 1.26,');
  });

  it('has its functions all the same', () => {
    const functions = [...binary.functions()];
    expect(functions.length).toBeGreaterThan(1500);
    expect(functions.map(({ name: fn }) => fn)).toContain('internal/cpu.Initialize');
    expect(binary.inlinedCopies().size).toBeGreaterThan(100);
    // One release by its tables, so one place of the goid.
    expect(binary.runtime.goid).toBe(152);
  });
});

describe('garble hides the entries in the records', () => {
  it('so functab decides: what lies between the functions is padding', () => {
    const binary = openBytes(bytesOf(foreignBinary('garble-0.16.0')));
    const functions = [...binary.functions()];
    let padded = 0;
    for (const [index, fn] of functions.entries()) {
      const next = functions[index + 1]?.entry ?? fn.entry + fn.size;
      const gap = binary.code({ ...fn, size: next - fn.entry }).subarray(fn.size);
      if (!fn.name.startsWith('go:textfips')) expect([...gap].every((byte) => byte === 0xcc)).toBe(true);
      padded += gap.length;
    }
    expect(padded).toBeGreaterThan(10_000);
  });
});

describe('gccgo', () => {
  it('is refused with the next step', () => {
    expect(() => openBytes(bytesOf(foreignBinary('gccgo-12')))).toThrow(
      expect.objectContaining({ code: 'gccgo', message: expect.stringMatching(/gccgo.*build it with.*go build/) }),
    );
  });
});

describe('a program without its version', () => {
  it('is bounded by its tables', () => {
    const [problem] = openStored('plain-1.2.2-amd64').problems;
    expect(problem).toMatchObject({ code: 'unknown-go-version', message: expect.stringContaining('Go 1.2 to 1.4,') });
  });

  it('is not given one that stands in it as text', () => {
    // Two string variables that name releases: neither may be taken for the program's own.
    const bytes = Buffer.from(bytesOf(storedBinary('plain-1.12.17-amd64')));
    const image = new ElfImage(new MemorySource(bytes));
    expect(findBuildVersion(image)).toBe('go1.12.17');
    const [place] = image.loads.filter(({ flags }) => (flags & 2) !== 0);
    const text = bytes.indexOf('go1.12.17');
    const segment = image.loads.find(({ offset, fileSize }) => text >= offset && text < offset + fileSize);
    const header = Buffer.alloc(16);
    header.writeBigUInt64LE(BigInt((segment?.address ?? 0) + text - (segment?.offset ?? 0)), 0);
    header.writeBigUInt64LE(6n, 8);
    header.copy(bytes, place?.offset);
    expect(findBuildVersion(image)).toBeUndefined();
  });
});
