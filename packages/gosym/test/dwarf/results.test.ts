import { describe, expect, it } from 'vitest';
import { buildFixture, findDelve } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { openDwarf } from '../../src/dwarf/open.js';
import { openGoBinary } from '../../src/index.js';
import { virtualAddress } from '../../src/units.js';
import { compareStop } from './delve-comparison.js';
import { DelveSession, type DelveVariable } from './delve-session.js';
import { openElf } from './elf-sections.js';
import { unsigned } from './place-reader.js';

/** What Delve read at each return of a function, in order. */
type Returns = Map<string, (readonly DelveVariable[])[]>;

/** Values that are addresses differ from run to run. */
const isSteady = ({ kind }: { readonly kind: string }): boolean =>
  !['pointer', 'slice', 'map', 'chan', 'func', 'unsafe-pointer'].includes(kind);

interface Outcome {
  readonly compared: number;
  readonly differences: readonly string[];
  readonly returns: Returns;
}

/**
 * Stops at every function, lets it return and reads its results behind the call, where all registers still hold them.
 * Compared with what Delve reads there, or with what it read in the `known` run of the same program.
 */
const returnsOf = async (path: string, known?: Returns): Promise<Outcome> => {
  const [binary, dwarf, delve] = [await openGoBinary(path), openDwarf(openElf(path)), findDelve()];
  if (dwarf === undefined || delve === undefined) throw new Error('no DWARF or no Delve');
  const session = await DelveSession.start(delve, path, []);
  const [returns, differences]: [Returns, string[]] = [new Map(), []];
  let compared = 0;
  try {
    for (const fn of binary.functionsMatching(/^main\./)) {
      // Some calls of main.both are inlined in optimised code; closures interrupt the return of those who call them.
      const isCalled = fn.name !== 'main.both' && !fn.name.includes('.func');
      if (dwarf.resultsAtReturn(fn).value.length > 0 && !fn.generated && isCalled) await session.breakAt(fn.entry);
    }
    for (let stop = await session.resume(); !stop.exited; stop = await session.resume()) {
      const read = await session.stepOut();
      const earlier = returns.get(stop.function) ?? [];
      returns.set(stop.function, [...earlier, read]);
      const theirs = known === undefined ? read : known.get(stop.function)?.[earlier.length];
      // Another function was entered first, in this run or in that one.
      if (read.length === 0 || theirs === undefined || theirs.length === 0) continue;
      const { value } = dwarf.resultsAtReturn({ entry: virtualAddress(stop.address), size: 0, name: '' });
      const registers = await session.registers();
      // Right behind a call the stack pointer is the frame address that the callee had.
      const cfa = unsigned(registers.get('rsp') ?? new Uint8Array(), 0);
      const machine = { registers, cfa, memory: (at: number, size: number) => session.memory(at, size) };
      const ours = known === undefined ? value : value.filter(({ type }) => isSteady(type));
      const shown = theirs.filter(({ name }) => ours.some((result) => result.name === name));
      const result = await compareStop(machine, ours, shown);
      compared += result.compared;
      for (const { kind, variable, detail } of result.differences)
        differences.push(`${stop.function} ${kind} ${variable} ${detail}`);
    }
  } finally {
    await session.end();
  }
  return { compared, differences, returns };
};

describe.skipIf(requirement('delve', 'go').missing)('results are where the calling convention puts them', () => {
  it.each(['places', 'variety'])('in %s, where Delve reads them without optimisation', async (program) => {
    const plain = await returnsOf(await buildFixture(program, { flags: ['-gcflags=all=-N -l'] }));
    expect(plain.differences).toEqual([]);
    expect(plain.compared).toBeGreaterThan(15);
    // Delve cannot read them in optimised code, but they are the same.
    const optimised = await returnsOf(await buildFixture(program), plain.returns);
    expect(optimised.differences).toEqual([]);
    expect(optimised.compared).toBeGreaterThan(15);
  });
});
