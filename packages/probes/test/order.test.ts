/**
 * The order in which the kernel lets go of a killed process's links, on which tier 2 sites rest. The wrong orders are
 * tried too: they must show wrong results, or this test could not see any.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { withDescriptorsAbove, withHighestDescriptor } from '../src/agent/descriptor-order.js';
import { testProgram } from './agent-process.js';
import { handPlan } from './hand-plan.js';
import { randomFrom } from './until.js';
import { startProgram, type Verdict } from './verify-program.js';

describe.skipIf(process.platform !== 'linux')('descriptor numbers', () => {
  it('are above the given one, whatever holes there are', () => {
    const holes = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')];
    const first = withHighestDescriptor(() => openSync('/dev/null', 'r'));
    for (const hole of holes) closeSync(hole);
    expect(first.highest).toBeGreaterThanOrEqual(first.value);
    const second = withDescriptorsAbove(first.highest, () => openSync('/dev/null', 'r'));
    expect(second).toBeGreaterThan(first.highest);
    // The plugs are gone: the holes are there again.
    const third = openSync('/dev/null', 'r');
    expect(third).toBeLessThan(first.value);
    for (const descriptor of [first.value, second, third]) closeSync(descriptor);
  });
});

describe.skipIf(requirement('kernel', 'go').missing)('links of a killed process', () => {
  let directory: string;
  let path: string;
  let places: readonly string[];
  let bundle: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-order-'));
    path = await privateCopy(await buildFixture('verify'), directory);
    const plan = await handPlan(path, 'main.price', { tier: 2, at: ({ text }) => text.startsWith('TESTQ') });
    places = plan.sites.flatMap((site) => [site.offset, site.sentinel ?? '']);
    bundle = await testProgram('order-main.ts');
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Kills as many owners of the two links, one after the other, each some milliseconds after it said "armed". */
  const killed = async (order: string, times: number, afterMs: () => number = () => 0): Promise<Verdict> => {
    const program = await startProgram(path);
    try {
      for (let time = 0; time < times; time++) {
        const args = [bundle, path, ...places, order, String(program.pid)];
        const owner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        await once(owner.stdout, 'data');
        const delay = afterMs();
        if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
        owner.kill('SIGKILL');
        await once(owner, 'exit');
      }
      return await program.finish();
    } finally {
      program.kill();
    }
  };

  /** Wrong results come by chance, a kill in ten or in two: as many rounds as it takes to see some. */
  const wrong = async (order: string, times: number, afterMs?: () => number): Promise<number> => {
    for (let round = 0; round < 8; round++) {
      const { bad } = await killed(order, times, afterMs);
      if (bad > 0) return bad;
    }
    return 0;
  };

  it('gate first: every result is right', { timeout: 120_000 }, async () => {
    expect(await killed('gate-first', soaking ? 100 : 6)).toMatchObject({ bad: 0, code: 0 });
  });

  it('sentinel first: wrong results, and they are seen', { timeout: 120_000 }, async () => {
    expect(await wrong('sentinel-first', 3)).toBeGreaterThan(0);
  });

  it('gate first, but with the higher descriptor number: as wrong as sentinel first', {
    timeout: 120_000,
  }, async () => {
    expect(await wrong('number-reversed', 10)).toBeGreaterThan(0);
  });

  // What SIGKILL finds under way stays in the text, so each owner repairs what the one before it left: same places.
  const meanwhile = (seed: number): (() => number) => {
    const random = randomFrom(seed);
    return () => random() * 15;
  };

  it('killed while it closes both by one call: every result is right', {
    timeout: soaking ? 900_000 : 120_000,
  }, async () => {
    expect(await killed('closed-together', soaking ? 200 : 8, meanwhile(1))).toMatchObject({ bad: 0, code: 0 });
  });

  it('killed while it closes the gate before the sentinel: wrong results', { timeout: 120_000 }, async () => {
    expect(await wrong('closed-reversed', 12, meanwhile(2))).toBeGreaterThan(0);
  });

  it.runIf(soaking)(
    'soak: killed while it closes them by a call each: wrong results',
    { timeout: 120_000 },
    async () => {
      expect(await wrong('closed-apart', 100, meanwhile(3))).toBeGreaterThan(0);
    },
  );
});
