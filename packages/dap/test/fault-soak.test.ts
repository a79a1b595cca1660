/** Anybody killed at any moment: nothing is left, and a program that was there before lives on. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveSessions } from '@probelens/probes/control';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { kernelIsClean, kernelObjects } from '../../probes/test/kernel-leftovers.js';
import { delveHasWritten, moments, type Outcome, playPlain, playRound, type Round, victims } from './fault-rounds.js';
import { connectClient, initializeArguments, startAdapter } from './session-client.js';
import { until } from './until.js';

const count = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 200 : 4));
const seed = Number(process.env.PROBELENS_SEED ?? 5);

const roundArbitrary: fc.Arbitrary<Round> = fc.record({
  victim: fc.constantFrom(...victims),
  moment: fc.constantFrom(...moments),
  attach: fc.constantFrom(true, true, true, false),
  hot: fc.boolean(),
});

/** Tried in every run: the tracer dies between its SIGSTOP and the stop. */
const delveAttaching: Round = { victim: 'delve', moment: 'starting', attach: true, hot: false };

/** Runs of Delve alone that are given the chance to lose the program as well. */
const plainTries = 40;

describe.skipIf(requirement('kernel', 'delve', 'go', 'bpftool').missing)('SIGKILL', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-faults-'));
  let built = '';
  beforeAll(async () => {
    built = await buildFixture('orders');
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  /** A program that died although nobody killed it: excused only when Delve alone loses it too. */
  const excused = async (round: Round): Promise<boolean> => {
    for (let number = 0; number < plainTries; number += 1)
      if ((await playPlain(round, built, work)) !== 'alive') return true;
    return false;
  };

  it('leaves nothing behind, whoever it hits and when', { timeout: 7_200_000 }, async () => {
    const before = new Set(await kernelObjects());
    const rounds = [delveAttaching, ...fc.sample(roundArbitrary, { seed, numRuns: count - 1 })];
    const lost: string[] = [];
    for (const [number, round] of rounds.entries()) {
      const what = `round ${number} of seed ${seed}: ${JSON.stringify(round)}`;
      let outcome: Outcome;
      try {
        outcome = await playRound(round, built, work);
      } catch (error) {
        throw new Error(what, { cause: error });
      }
      expect(outcome, what).toMatchObject({ left: [], textIsWhole: true });
      if (round.victim !== 'target' && outcome.target !== 'alive') {
        expect(delveHasWritten(round) && (await excused(round)), `${what}: ${outcome.target}`).toBe(true);
        lost.push(`${round.victim} ${round.moment}`);
      }
    }
    expect(await kernelIsClean(before, 60_000)).toEqual([]);
    process.stdout.write(
      `${count} rounds; programs lost with breakpoints of Delve's that Delve alone loses too: ${lost.length} (${lost.join(', ')})\n`,
    );
  });

  it('leaves sockets that the next start clears', async () => {
    const registry = join(work, 'sockets');
    mkdirSync(registry, { mode: 0o700, recursive: true });
    const start = async () => {
      const server = await startAdapter({ PROBELENS_TEST_CONTROL: registry });
      const client = await connectClient(server.port);
      await client.ask('initialize', initializeArguments);
      const program = await privateCopy(built, work);
      const launch = client.ask('launch', { mode: 'exec', program, args: ['100'] });
      await client.next('initialized');
      await launch;
      return { server, client };
    };
    // The record is written last.
    const records = (): readonly string[] => readdirSync(registry).filter((name) => name.endsWith('.json'));
    const first = await start();
    await until('the session is registered', () => records().length === 1, 60_000);
    const stale = readdirSync(registry);
    expect(stale).toHaveLength(2);
    first.server.child.kill('SIGKILL');
    first.client.drop();
    const second = await start();
    const cleared = (): boolean =>
      records().length === 1 && !readdirSync(registry).some((name) => stale.includes(name));
    await until('only the second is there', cleared, 60_000);
    expect((await liveSessions(registry)).map(({ pid }) => pid)).toEqual([second.server.child.pid]);
    await second.client.leave();
    second.server.child.kill('SIGTERM');
    await until('nothing is registered', () => readdirSync(registry).length === 0, 60_000);
  });
});
