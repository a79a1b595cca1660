import { describe, expect, it } from 'vitest';
import { buildFixture, findDelve } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import type { Dwarf } from '../../src/dwarf/dwarf.js';
import { openDwarf } from '../../src/dwarf/open.js';
import { openGoBinary } from '../../src/index.js';
import { type VirtualAddress, virtualAddress } from '../../src/units.js';
import { compareStop, stoppedMachine } from './delve-comparison.js';
import { ARGUMENT, DelveSession, type DelveVariable } from './delve-session.js';
import { openElf } from './elf-sections.js';
import { toolchains } from './toolchains.js';

/** Loops stop here again and again; the second time the values differ, more tells nothing new. */
const STOPS_PER_ADDRESS = 2;

interface Tour {
  readonly stops: number;
  readonly compared: number;
  readonly differences: readonly string[];
}

/** Stops at every address given and compares all variables there. */
const tour = async (
  path: string,
  addresses: Iterable<number>,
  variablesAt: (dwarf: Dwarf, address: number, line: number) => ReturnType<Dwarf['variablesAt']>,
  isWanted: (variable: DelveVariable) => boolean = () => true,
): Promise<Tour> => {
  const [dwarf, delve] = [openDwarf(openElf(path)), findDelve()];
  if (dwarf === undefined || delve === undefined) throw new Error('no DWARF or no Delve');
  const session = await DelveSession.start(delve, path, []);
  const differences: string[] = [];
  let [stops, compared] = [0, 0];
  try {
    const left = new Map<number, { readonly id: number; stops: number }>();
    for (const address of addresses)
      left.set(address, { id: await session.breakAt(address), stops: STOPS_PER_ADDRESS });
    for (let stop = await session.resume(); !stop.exited; stop = await session.resume()) {
      stops += 1;
      const address = virtualAddress(stop.address);
      const rule = dwarf.cfaAt(address);
      if (rule === undefined) throw new Error(`no frame at ${stop.address}`);
      const ours = variablesAt(dwarf, address, stop.line);
      expect(ours.problems).toEqual([]);
      const theirs = (await session.variables()).filter(isWanted);
      const result = await compareStop(await stoppedMachine(session, rule), ours.value, theirs);
      compared += result.compared;
      for (const { kind, variable, detail } of result.differences)
        differences.push(`${stop.function}:${stop.line} ${address.toString(16)} ${kind} ${variable} ${detail}`);
      const breakpoint = left.get(stop.address);
      if (breakpoint !== undefined && --breakpoint.stops === 0) await session.clear(breakpoint.id);
    }
  } finally {
    await session.end();
  }
  return { stops, compared, differences };
};

/**
 * Where we are right and Delve is not: on the first instruction of a closure it takes captured variables from the
 * closure object only where they are declared on that very line, else from a home that is not filled yet.
 */
const DELVE_IS_WRONG = [/^main\.counter\.func1:8 .* value step 2 \/ \d+$/];

const NOT_OPTIMISED = '-gcflags=all=-N -l';
const { missing } = requirement('delve', 'go');

/** Compiler (empty: the installed one) and flags. */
const builds = ['', ...(missing ? [] : toolchains())].flatMap((version) => [
  [version, ''],
  [version, NOT_OPTIMISED],
]) as readonly (readonly [string, string])[];

const build = (version: string, flag: string): Promise<string> =>
  buildFixture('variety', {
    flags: flag === '' ? [] : [flag],
    env: version === '' ? {} : { GOTOOLCHAIN: version },
  });

describe.skipIf(missing)('variables and places are what Delve prints', () => {
  it.each(builds)('at every line, %s %s', async (version, flag) => {
    const path = await build(version, flag);
    const binary = await openGoBinary(path);
    const lines = binary.functionsMatching(/^main\./).flatMap((fn) => binary.linesOf(fn));
    const addresses = new Set(lines.filter(({ isStatement }) => isStatement).map(({ address }) => address));
    const result = await tour(path, addresses, (dwarf, address, line) =>
      dwarf.variablesAt(virtualAddress(address), line),
    );
    const unexplained = result.differences.filter((text) => !DELVE_IS_WRONG.some((known) => known.test(text)));
    expect(unexplained).toEqual([]);
    expect(result.stops).toBeGreaterThan(200);
    expect(result.compared).toBeGreaterThan(400);
  });

  it.each(builds)(
    'at function entries and behind the frame push, by the calling convention, %s %s',
    async (version, flag) => {
      const path = await build(version, flag);
      const binary = await openGoBinary(path);
      const entries = new Map<number, VirtualAddress>();
      for (const fn of binary.functionsMatching(/^main\./)) {
        entries.set(fn.entry, fn.entry);
        const push = behindPush(binary.code(fn));
        if (push !== undefined) entries.set(fn.entry + push, fn.entry);
      }
      const parametersAt = (dwarf: Dwarf, address: number) => {
        const entry = entries.get(address) ?? virtualAddress(address);
        const { value, problems } = dwarf.parametersAtEntry({ entry, size: 0, name: '' });
        return { value: value.filter(({ role }) => role === 'parameter'), problems };
      };
      const result = await tour(path, entries.keys(), parametersAt, ({ flags }) => (flags & ARGUMENT) !== 0);
      expect(result.differences).toEqual([]);
      expect(result.stops).toBeGreaterThan(75);
      expect(result.compared).toBeGreaterThan(75);
    },
  );
});

/** Offset behind `push %rbp; mov %rsp,%rbp` near the entry. */
const behindPush = (code: Uint8Array): number | undefined => {
  const at = Buffer.from(code.subarray(0, 32)).indexOf(Buffer.from([0x55, 0x48, 0x89, 0xe5]));
  return at === -1 ? undefined : at + 1;
};
