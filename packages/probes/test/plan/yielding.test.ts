/** Sites that yield to a debugger's steps are nowhere that it needs without a step in their own function. */
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { findDelve } from '../../../../test/delve.js';
import { buildFixture } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import type { PlannedSite } from '../../src/plan/plan.js';
import { loadPlanner, type Planner } from '../../src/plan/planner.js';
import { buildLines, source } from './lines-program.js';

const builds: readonly (readonly [string, readonly string[]])[] = [
  ['optimised', []],
  ['-N -l', ['-gcflags=all=-N -l']],
];

/** Where Delve breaks for these. */
const delveAddresses = (path: string, places: readonly string[]): ReadonlySet<number> => {
  const input = `${places.map((place) => `break ${place}\nclearall`).join('\n')}\nexit\n`;
  const options = ['exec', path, '--allow-non-terminal-interactive=true'];
  const { stdout } = spawnSync(findDelve() ?? 'dlv', options, { input, encoding: 'utf8' });
  const found = stdout.matchAll(/Breakpoint [0-9]+ set at (\S+) for /g);
  return new Set([...found].flatMap(([, addresses = '']) => addresses.split(',').map(Number)));
};

const planned = (planner: Planner, binary: GoBinary, line: number, yielding: boolean): readonly PlannedSite[] => {
  const spec = {
    target: { kind: 'line', file: 'lines/main.go', line },
    condition: undefined,
    scope: { kind: 'process' },
    action: { kind: 'stop' },
    rateLimit: undefined,
  } as const;
  const result = planner.plan(spec, binary, { avoid: [], ...(yielding && { yielding }) });
  return result.ok ? result.plan.sites : [];
};

/** Addresses behind which a call returns, as Go's own disassembler sees them. */
const returnAddresses = (path: string): ReadonlySet<number> => {
  const { stdout } = spawnSync('go', ['tool', 'objdump', '-s', '^main\\.', path], { encoding: 'utf8' });
  const found = new Set<number>();
  for (const [, address, bytes = ''] of stdout.matchAll(/^\s+\S+\s+(0x[0-9a-f]+)\s+([0-9a-f]+)\s+CALL/gm))
    found.add(Number(address) + bytes.length / 2);
  return found;
};

describe.skipIf(requirement('go', 'delve').missing)('sites that yield', () => {
  test.each(builds)('are nowhere that Delve needs without stepping there, %s', async (_name, flags) => {
    const path = await buildLines(flags);
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const functions = binary.functionsMatching(/^main\.[\w.()*]+$/).filter((fn) => !fn.generated);
    const inlined = [...binary.inlinedCopies((name) => name.startsWith('main.')).keys()];
    const names = [...new Set([...functions.map((fn) => fn.name), ...inlined])];
    const lines = source.split('\n').map((_, index) => index + 1);
    const ofFunctions = delveAddresses(path, names);
    const ofLines = delveAddresses(
      path,
      lines.map((line) => `main.go:${line}`),
    );
    expect(ofFunctions.size).toBeGreaterThan(8);
    const behindCalls = returnAddresses(path);
    expect(behindCalls.size).toBeGreaterThan(30);
    let atStart = 0;
    for (const line of lines) {
      expect(planned(planner, binary, line, false).filter((site) => site.yields)).toEqual([]);
      for (const site of planned(planner, binary, line, true).filter((each) => each.yields === true)) {
        const address = Number(site.address);
        const where = `line ${line}, ${site.address}`;
        expect(ofFunctions.has(address), where).toBe(false);
        expect(behindCalls.has(address), where).toBe(false);
        expect(ofFunctions.has(address + site.instruction.length / 2), where).toBe(false);
        if (ofLines.has(address)) atStart++;
      }
    }
    expect(atStart).toBeGreaterThan(3);
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });
});

describe.skipIf(requirement('go').missing)('lines with a place for a stop', () => {
  test.each(builds)('are more than three in five, %s', async (_name, flags) => {
    const binary = await openGoBinary(await buildFixture('orders', { flags }));
    const planner = await loadPlanner();
    const { lines } = planner.coverage(binary, {
      lines: true,
      match: /^(?:main|fmt|strconv|strings|sync|sort|time)\./,
    });
    const { total = 0, none = 0, yielding = 0 } = lines ?? {};
    expect((total - none) / total).toBeGreaterThan(0.6);
    expect(yielding / total).toBeGreaterThan(0.15);
    binary.close();
    planner.dispose();
  });
});
