/**
 * Damaged programs: cut short, with bytes changed, with lies in their headers. Each either answers every question or refuses
 * with a FormatError; none crashes with another error, hangs, or takes memory beyond the file's size class.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ElfImage } from '../src/elf/image.js';
import { MemorySource } from '../src/elf/source.js';
import type { OpenedGoBinary } from '../src/go-binary.js';
import { FormatError, listFunctions } from '../src/index.js';
import { tableCandidates } from '../src/pclntab/locate.js';
import { virtualAddress } from '../src/units.js';
import { bytesOf, openBytes, storedBinary } from './binaries.js';

/** Asks everything that reads tables; variables have their own tests beside the DWARF reader. */
const interrogate = (binary: OpenedGoBinary): void => {
  listFunctions(binary, { json: true, generated: true }, () => {});
  binary.inlinedCopies();
  for (const fn of binary.functions()) {
    if (fn.index % 50 !== 0) continue;
    binary.linesOf(fn);
    binary.positionsAt(virtualAddress(fn.entry + Math.floor(fn.size / 2)));
    binary.offsetOf(fn.entry);
    binary.code(fn);
  }
  binary.addressesOf('main.go', 46);
  binary.functionsNamed('main.main');
  binary.inlinedCopiesOf('main.double');
  binary.similarNames('main.mian', 3);
  binary.packageVariable('main.x');
  void binary.runtime;
};

type Outcome = 'answered' | 'refused';

const outcome = (bytes: Uint8Array): Outcome => {
  try {
    interrogate(openBytes(bytes));
    return 'answered';
  } catch (error) {
    if (error instanceof FormatError) return 'refused';
    throw error;
  }
};

/** The suite's share; more with GOSYM_RUNS when hunting. */
const runs = Number(process.env.GOSYM_RUNS ?? 40);

const value: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 8 }),
  fc.constantFrom(
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
    Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80),
    Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0),
  ),
);

interface Region {
  readonly offset: number;
  readonly size: number;
}

/** Headers, tables and what they point to: changes elsewhere mean nothing to this package. */
const tableRegions = (bytes: Uint8Array): Region[] => {
  const image = new ElfImage(new MemorySource(bytes));
  const [candidate] = tableCandidates(image);
  const start = candidate === undefined ? 0 : (image.segmentAt(candidate.address)?.offset ?? 0);
  const table =
    candidate === undefined ? 0 : start + candidate.address - (image.segmentAt(candidate.address)?.address ?? 0);
  const sections = image.sections
    .filter(({ type, size }) => type !== 8 && size > 0)
    .map(({ offset, size }) => ({ offset, size }));
  return [
    { offset: 0, size: 64 },
    { offset: 64, size: 1024 },
    { offset: bytes.length - 2000, size: 2000 },
    { offset: table, size: 72 },
    { offset: table, size: 30_000 },
    { offset: table, size: candidate?.limit ?? 1 },
    ...sections,
  ];
};

const programs = [
  'plain-1.26.8-386',
  'plain-1.12.17-mips',
  'plain-1.15.15-s390x',
  'debug-1.18.10',
  'debug-1.26.8',
  'pie-1.17.13-amd64',
];

describe.each(programs)('%s', (name) => {
  const whole = bytesOf(storedBinary(name));

  it('answers or refuses at every length', () => {
    const lengths = [
      ...Array.from({ length: 4200 }, (_, length) => length),
      ...Array.from({ length: 60 }, (_, step) => 4200 + Math.floor(((whole.length - 4200) * step) / 60)),
      whole.length - 1,
    ];
    const outcomes = lengths.map((length) => outcome(whole.subarray(0, length)));
    expect(outcomes.slice(0, 4200)).not.toContain('answered');
    expect(outcome(whole)).toBe('answered');
  });

  it('answers or refuses with any bytes changed', () => {
    const regions = tableRegions(whole);
    const change = fc.tuple(fc.constantFrom(...regions), fc.double({ min: 0, max: 1, noNaN: true }), value);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const [region, place, patch] of changes) {
          const at = Math.min(region.offset + Math.floor(place * region.size), bytes.length - patch.length);
          bytes.set(patch, at);
        }
        outcome(bytes);
      }),
      { numRuns: runs },
    );
  });
});
