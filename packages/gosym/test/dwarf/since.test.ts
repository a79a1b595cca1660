import { describe, expect, it } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { openDwarf } from '../../src/dwarf/open.js';
import { openGoBinary } from '../../src/index.js';
import { virtualAddress } from '../../src/units.js';
import { openElf } from './elf-sections.js';

describe.skipIf(requirement('go').missing)('the beginning of a record', () => {
  it('is at or before the address, in the same function, and gives the same place', async () => {
    const path = await buildFixture('variety');
    const [binary, dwarf] = [await openGoBinary(path), openDwarf(openElf(path))];
    let records = 0;
    for (const fn of binary.functionsMatching(/^main\./)) {
      for (let offset = 1; offset < fn.size; offset += 7) {
        const address = virtualAddress(fn.entry + offset);
        const chain = dwarf?.inlinedSubroutinesAt(address).length;
        for (const { name, place, since } of dwarf?.variablesAt(address).value ?? []) {
          if (since === undefined) continue;
          expect(since).toBeGreaterThanOrEqual(fn.entry);
          expect(since).toBeLessThanOrEqual(address);
          // The record of an inlined call's variable can begin before the call's own code.
          if (since === fn.entry || chain !== dwarf?.inlinedSubroutinesAt(since).length) continue;
          const before = dwarf?.variablesAt(since).value.find((variable) => variable.name === name);
          if (before?.since !== since) continue;
          expect(before.place).toEqual(place);
          records += 1;
        }
      }
    }
    expect(records).toBeGreaterThan(300);
  });

  it('is missing for a record of the whole scope and where nothing is known', async () => {
    const path = await buildFixture('variety', { flags: ['-gcflags=all=-N -l'] });
    const [binary, dwarf] = [await openGoBinary(path), openDwarf(openElf(path))];
    const [fn] = binary.functionsNamed('main.useInlined');
    if (fn === undefined) throw new Error('no function');
    const variables = dwarf?.variablesAt(virtualAddress(fn.entry + fn.size - 20)).value ?? [];
    expect(variables.find(({ name }) => name === 'a')).toMatchObject({ place: { kind: 'memory', base: 'cfa' } });
    expect(variables.find(({ name }) => name === 'a')).not.toHaveProperty('since');
  });
});
