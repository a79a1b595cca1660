/**
 * Eight goroutines whose stacks are copied all the time, with the collector running, and `probelens trace` counting
 * entries and returns, reading arguments and walking stacks meanwhile. The program checks each of its results.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement, soaking } from '../requirements.js';
import { traceProgram } from './trace-command.js';

const seconds = soaking ? 60 : 3;

describe.skipIf(requirement('kernel', 'go').missing)('probelens trace under stack growth', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-growth-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it(`loses no return in ${seconds} s, and does no harm`, { timeout: 120_000 + seconds * 3_000 }, async () => {
    const path = await privateCopy(await buildFixture('growth'), directory);
    const traced = await traceProgram(
      [
        'main.grow do count',
        'main.grow return do count',
        'main.once do count',
        // A pointer into the caller's frame, which moves: 400 down to 0, and the sum so far.
        'main.grow if n == 7 do log "{n} {*sum}" limit 500',
        'main.grow if n == 3 do snapshot limit 100',
      ],
      [path, String(seconds)],
    );
    // 0: not crashed, and every result right.
    expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: '' });
    const [entries, returns, recursions, conditional] = traced.probes;
    const calls = (recursions?.hits ?? 0) * 401;
    expect(calls).toBeGreaterThan(0);
    expect([entries?.hits, returns?.hits]).toEqual([calls, calls]);
    expect([conditional?.matches, conditional?.faults]).toEqual([recursions?.hits, 0]);
    const logged = traced.events.filter(({ probe }) => probe === 4);
    expect(logged.length).toBeGreaterThan(0);
    // 400 + 399 + ... + 8.
    expect(new Set(logged.map(({ values }) => `${values.n} ${values['*sum']}`))).toEqual(new Set([`7 ${80_200 - 28}`]));
    const stacks = traced.events.filter(({ probe }) => probe === 5);
    expect(stacks.length).toBeGreaterThan(0);
    const strange = stacks.filter(({ stack }) => stack?.some((frame) => !frame.startsWith('main.grow (main.go:')));
    expect(strange).toEqual([]);
    expect(Math.min(...stacks.map(({ stack }) => stack?.length ?? 0))).toBeGreaterThan(10);
  });
});
