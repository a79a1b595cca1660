/**
 * What a stop costs that the kernel makes, beside one that Delve makes: from `continue` to the next `stopped`.
 *
 * Method: Delve on the order service, whose goroutines pass these lines of order.go all the time. First our gate stops them
 * there, then Delve's own breakpoint on that line; the same
 * number of rounds of `continue` and `stopped`, one after the other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { loadPlanner, type ProbePlan, parseProbeText } from '@probelens/probes';
import { it } from 'vitest';
import { startTestAgent } from '../../packages/probes/test/agent-process.js';
import { attachDelve, type DelveSession } from '../../packages/probes/test/delve-session.js';
import { startProgram } from '../../packages/probes/test/verify-program.js';
import { buildFixture, fixtureSources, privateCopy } from '../fixture-build.js';
import { requirement } from '../requirements.js';

const rounds = 100;
/** The start of the function, and a site inside a line, which is single-stepped and has a sentinel. */
const places = [
  { line: 17, flags: [] },
  { line: 21, flags: ['-gcflags=all=-N -l'] },
] as const;

const planned = async (path: string, line: number): Promise<ProbePlan> => {
  const parsed = parseProbeText(`order.go:${line} do stop`);
  if (!parsed.ok) throw new Error(parsed.message);
  const [planner, binary] = [await loadPlanner(), await openGoBinary(path)];
  const result = planner.plan(parsed.spec, binary, { use: 'stop' });
  planner.dispose();
  binary.close();
  if (!result.ok) throw new Error(result.refusal.message);
  return result.plan;
};

/** Microseconds a round. */
const stops = async (delve: DelveSession): Promise<number> => {
  let stop = await delve.nextStop();
  const start = process.hrtime.bigint();
  for (let round = 0; round < rounds; round++) {
    const next = delve.nextStop();
    await delve.continue(stop.thread);
    stop = await next;
  }
  return Number(process.hrtime.bigint() - start) / 1e3 / rounds;
};

it.skipIf(requirement('kernel', 'go', 'delve').missing).each(places)(
  'a stop at line $line',
  { timeout: 300_000 },
  async ({ line, flags }) => {
    const directory = mkdtempSync(join(tmpdir(), 'probelens-stop-'));
    const path = await privateCopy(await buildFixture('orders', { flags }), directory);
    const plan = await planned(path, line);
    const measured = async (begin: (delve: DelveSession, pid: number) => Promise<() => Promise<unknown>>) => {
      const program = await startProgram(path, ['serve', '0']);
      const delve = await attachDelve(program.pid);
      const end = await begin(delve, program.pid);
      try {
        return await stops(delve);
      } finally {
        await end();
        delve.kill();
        program.kill();
      }
    };
    const ours = await measured(async (delve, pid) => {
      const agent = await startTestAgent();
      await agent.arm({ plan, target: { pid, tracer: delve.pid } });
      return () => agent.dispose();
    });
    const theirs = await measured(async (delve) => {
      const source = { path: join(fixtureSources('orders'), 'order.go') };
      await delve.request('setBreakpoints', { source, breakpoints: [{ line }] });
      return () => Promise.resolve();
    });
    rmSync(directory, { recursive: true, force: true });
    const ratio = (theirs / ours).toFixed(1);
    process.stdout.write(
      `a stop at a line (tier ${plan.sites[0]?.tier}), ${rounds} rounds: by the kernel ${ours.toFixed(0)} us, by Delve's own breakpoint ${theirs.toFixed(0)} us, ${ratio} times that\n`,
    );
  },
);
