import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import type { GoType } from '../../src/api.js';
import { openDwarf } from '../../src/dwarf/open.js';
import type { DwarfSource } from '../../src/dwarf/source.js';
import { openGoBinary } from '../../src/index.js';
import { type VirtualAddress, virtualAddress } from '../../src/units.js';
import { openElf } from './elf-sections.js';

const SECTIONS = [
  ...['.debug_abbrev', '.debug_info', '.debug_addr', '.debug_rnglists', '.debug_loclists', '.debug_frame'],
  ...['.debug_ranges', '.debug_loc', '.debug_str', '.debug_line_str', '.debug_str_offsets'],
];

interface Damage {
  readonly section: string;
  /** Fraction of the section's length. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Cut the section there instead. */
  readonly cut: boolean;
}

const damaged = (intact: DwarfSource, damages: readonly Damage[]): DwarfSource => {
  const sections = new Map<string, Uint8Array>();
  for (const { section, at, bytes, cut } of damages) {
    const before = sections.get(section) ?? intact.section(section);
    if (before === undefined || before.length === 0) continue;
    const offset = Math.min(before.length - 1, Math.floor(at * before.length));
    const after = cut ? before.slice(0, offset) : before.slice();
    if (!cut) after.set(bytes.subarray(0, after.length - offset), offset);
    sections.set(section, after);
  }
  return { ...intact, section: (name) => sections.get(name) ?? intact.section(name) };
};

/** Follows a type as a person does who unfolds everything, two levels of pointers deep. */
const unfold = (type: GoType, depth: number): number => {
  switch (type.kind) {
    case 'struct':
      return type.fields.reduce((sum, field) => sum + unfold(field.type, depth), 1);
    case 'pointer':
      return depth === 0 ? 1 : 1 + unfold(type.target(), depth - 1);
    case 'array':
    case 'slice':
    case 'chan':
      return depth === 0 ? 1 : 1 + unfold(type.element(), depth - 1);
    case 'map':
      return depth === 0 ? 1 : 1 + unfold(type.key(), depth - 1) + unfold(type.element(), depth - 1);
    default:
      return 1;
  }
};

/** Every question there is, at one address; throws only what is a defect of ours. */
const askEverything = (source: DwarfSource, address: VirtualAddress): void => {
  const dwarf = openDwarf(source);
  if (dwarf === undefined) return;
  const found = [
    ...dwarf.variablesAt(address).value,
    ...dwarf.parametersAtEntry({ entry: address, size: 0, name: '' }).value,
    ...[dwarf.packageVariable('main.out') ?? []].flat(),
  ];
  for (const { type } of found) unfold(type, 2);
  dwarf.inlinedSubroutinesAt(address);
  dwarf.cfaAt(address);
  dwarf.goidOffset();
};

describe.skipIf(requirement('go').missing)('damaged debug information', () => {
  const intact = new Map<string, { source: DwarfSource; addresses: readonly VirtualAddress[] }>();

  beforeAll(async () => {
    for (const [name, env] of [
      ['DWARF 5', {}],
      ['DWARF 4', { GOEXPERIMENT: 'nodwarf5' }],
    ] as const) {
      const path = await buildFixture('places', { env });
      const binary = await openGoBinary(path);
      const functions = binary.functionsMatching(/^main\./);
      const addresses = functions.flatMap(({ entry, size }) => [entry, virtualAddress(entry + (size >> 1))]);
      intact.set(name, { source: openElf(path), addresses });
    }
  }, 120_000);

  const damages = fc.array(
    fc.record({
      section: fc.constantFrom(...SECTIONS),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      cut: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  );

  it.each(['DWARF 5', 'DWARF 4'])('is answered with a problem, quickly (%s)', (name) => {
    const { source, addresses } = intact.get(name) ?? { source: undefined, addresses: [] };
    if (source === undefined) throw new Error('not built');
    const property = fc.property(damages, fc.nat(addresses.length - 1), (list, index) => {
      const started = performance.now();
      askEverything(damaged(source, list), addresses[index] ?? virtualAddress(0));
      expect(performance.now() - started).toBeLessThan(5000);
    });
    fc.assert(property, { numRuns: 150 });
  });

  it.each(['DWARF 5', 'DWARF 4'])('near the root of everything too (%s)', (name) => {
    const { source, addresses } = intact.get(name) ?? { source: undefined, addresses: [] };
    if (source === undefined) throw new Error('not built');
    const atStart = fc.array(
      fc.record({
        section: fc.constantFrom('.debug_abbrev', '.debug_info', '.debug_addr', '.debug_frame'),
        at: fc.double({ min: 0, max: 0.002, noNaN: true }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
        cut: fc.constant(false),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const property = fc.property(atStart, fc.nat(addresses.length - 1), (list, index) => {
      askEverything(damaged(source, list), addresses[index] ?? virtualAddress(0));
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('is said in a sentence with the next step', () => {
    const { source, addresses } = intact.get('DWARF 5') ?? { source: undefined, addresses: [] };
    const [address] = addresses;
    if (source === undefined || address === undefined) throw new Error('not built');
    const cut = damaged(source, [{ section: '.debug_info', at: 0.5, bytes: new Uint8Array(), cut: true }]);
    const { value, problems } = openDwarf(cut)?.variablesAt(address) ?? { value: undefined, problems: [] };
    expect(value).toEqual([]);
    expect(problems).toEqual([
      { code: 'bad-dwarf', message: expect.stringMatching(/^The debug information is damaged .* rebuild the program/) },
    ]);
  });
});
