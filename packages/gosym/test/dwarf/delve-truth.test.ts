import { describe, expect, it } from 'vitest';
import { buildFixture, findDelve } from '../../../../test/fixture-build.js';
import { requirement, soaking } from '../../../../test/requirements.js';
import type { GoBinary, GoFunction, LineAddress } from '../../src/api.js';
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
 * Where we are right and Delve is not.
 * - On the first instruction of a closure it takes captured variables from the closure object only where they are
 *   declared on that very line, else from a home that is not filled yet.
 * - It takes the parts of a struct in optimised code for neighbours, where the compiler left out the padding between
 *   them, and believes the wrong padding of Go <= 1.25 in code that is not optimised.
 * - It takes the one part that is left of a string for the whole.
 * - It calls a parameter that moved to the heap a local.
 * - It reads the dictionary of generic code built by Go 1.27 from a stack slot that nothing was written to.
 */
const DELVE_IS_WRONG = [
  /^main\.counter\.func1:8 .* value step 2 \/ \d+$/,
  /^main\.withPadding:\d+ .* value p \.(wide: 2|half: 3|tail: (true|false)) \/ /,
  /^main\.pair\[go\.shape\.int8(_0)?,go\.shape\.\[\]int(_1)?\]\.String:\d+ .* value p \.(value: \d+|small: 4) \/ /,
  /^main\.spilled:\d+ .* value text 4 \/ \d+$/,
  /^main\.(moved|escapes):\d+ .* role (count|name) parameter \/ local$/,
  /^main\.each\[go\.shape\.\w+\]:\d+ .* value (do false|values 2) \/ /,
];
const unexplained = ({ differences }: Tour): readonly string[] =>
  differences.filter((text) => !DELVE_IS_WRONG.some((known) => known.test(text)));

const NOT_OPTIMISED = '-gcflags=all=-N -l';
const { missing } = requirement('delve', 'go');

/** The newest and the oldest; all of them in the soak. */
const elder = missing ? [] : toolchains();
const versions = soaking ? elder : elder.filter((_, index) => index === 0 || index === elder.length - 1);

/** Program, compiler (empty: the installed one) and flag. */
const builds: readonly (readonly [string, string, string])[] = ['', ...versions].flatMap((version) =>
  ['places', 'variety'].flatMap((program) => ['', NOT_OPTIMISED].map((flag) => [program, version, flag] as const)),
);

const build = (program: string, version: string, flag: string): Promise<string> =>
  buildFixture(program, {
    flags: flag === '' ? [] : [flag],
    env: version === '' ? {} : { GOTOOLCHAIN: version },
  });

describe.skipIf(missing)('variables and places are what Delve prints', () => {
  it.each(builds)('at every line, %s %s %s', async (program, version, flag) => {
    const path = await build(program, version, flag);
    const binary = await openGoBinary(path);
    const addresses = new Set(binary.functionsMatching(/^main\./).flatMap((fn) => statementsOf(binary, fn)));
    const result = await tour(path, addresses, (dwarf, address, line) =>
      dwarf.variablesAt(virtualAddress(address), line),
    );
    expect(unexplained(result)).toEqual([]);
    expect(result.stops).toBeGreaterThan(100);
    expect(result.compared).toBeGreaterThan(300);
  });

  it.each(builds)(
    'at function entries and behind the frame push, by the calling convention, %s %s %s',
    async (program, version, flag) => {
      const path = await build(program, version, flag);
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
      expect(unexplained(result)).toEqual([]);
      expect(result.stops).toBeGreaterThan(30);
      expect(result.compared).toBeGreaterThan(60);
    },
  );
});

/**
 * Addresses of a function's statements, without the call of runtime.morestack behind its code: it has the line of the
 * declaration, and while the stack grows nothing is where it belongs.
 */
const statementsOf = (binary: GoBinary, fn: GoFunction): readonly number[] => {
  const runs = binary.linesOf(fn);
  const isGrowth = (run: LineAddress, index: number): boolean =>
    index > 0 && index === runs.length - 1 && run.chain.at(-1)?.line === runs[0]?.chain.at(-1)?.line;
  return runs.filter((run, index) => run.isStatement && !isGrowth(run, index)).map(({ address }) => address);
};

/** Offset behind `push %rbp; mov %rsp,%rbp` near the entry. */
const behindPush = (code: Uint8Array): number | undefined => {
  const at = Buffer.from(code.subarray(0, 32)).indexOf(Buffer.from([0x55, 0x48, 0x89, 0xe5]));
  return at === -1 ? undefined : at + 1;
};
