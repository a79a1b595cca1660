import { describe, expect, it } from 'vitest';
import { buildFixture, findDelve } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { openDwarf } from '../../src/dwarf/open.js';
import { openGoBinary } from '../../src/index.js';
import { virtualAddress } from '../../src/units.js';
import { openElf } from './elf-sections.js';

/** Addresses spread over all code, the same in every run. */
function* spread(count: number): Generator<number> {
  let seed = 12_345;
  for (let index = 0; index < count; index += 1) {
    seed = (seed * 1_103_515_245 + 12_345) % 0x8000_0000;
    yield seed / 0x8000_0000;
  }
}

/** Addresses where the inline chains of pclntab and of DWARF differ. */
const differences = async (path: string, count: number): Promise<readonly string[]> => {
  const binary = await openGoBinary(path);
  const dwarf = openDwarf(openElf(path));
  const functions = [...binary.functions()].filter(({ size }) => size > 0);
  const found: string[] = [];
  let inlined = 0;
  for (const fraction of spread(count)) {
    const fn = functions[Math.floor(fraction * functions.length)];
    if (fn === undefined) continue;
    const address = virtualAddress(fn.entry + Math.floor(((fraction * functions.length) % 1) * fn.size));
    const chain = binary.positionsAt(address).slice(0, -1);
    const ours = dwarf?.inlinedSubroutinesAt(address).map((call) => call.function);
    if (chain.length > 0) inlined += 1;
    if (ours?.join() !== chain.map((position) => position.function).join())
      found.push(`${fn.name} ${address.toString(16)}: ${ours?.join()} / ${chain.map((link) => link.function).join()}`);
  }
  expect(inlined).toBeGreaterThan(count / 20);
  return found;
};

describe.skipIf(requirement('go').missing)('inlined calls in DWARF are those of the inline trees', () => {
  it('at 3,000 addresses of a small program', async () => {
    expect(await differences(await buildFixture('variety'), 3000)).toEqual([]);
  });

  it.skipIf(requirement('delve').missing)('at 10,000 addresses of a large one', async () => {
    expect(await differences(findDelve() ?? '', 10_000)).toEqual([]);
  });
});
