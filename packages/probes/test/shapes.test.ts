/**
 * Every kind of place inside a line, on a program that checks each of its results: armed and killed, stopped at by Delve,
 * and stepped over by it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import type { ProbePlan } from '../src/plan/plan.js';
import { loadPlanner } from '../src/plan/planner.js';
import { parseProbeText } from '../src/spec/text.js';
import { hitsReach, startTestAgent } from './agent-process.js';
import { attachDelve, type DelveSession, type Stop } from './delve-session.js';
import { kernelIsClean, kernelObjects } from './kernel-leftovers.js';
import { until } from './until.js';
import { changedBytes, pendingTraps, startProgram } from './verify-program.js';

const builds = [
  ['optimised', []],
  ['-N -l', ['-gcflags=all=-N -l']],
] as const;

const rounds = soaking ? 50 : 1;

/** Never executed: settle refuses no order. */
const idle = async (): Promise<ReadonlySet<string>> => {
  const text = await readFile(join(fixtureSources('verify'), 'main.go'), 'utf8');
  return new Set(text.split('\n').flatMap((line, index) => (line === '\t\treturn 0' ? [`main.go:${index + 1}`] : [])));
};

/** A stop for every line of the fixture's computing functions that has a place inside, by line. */
const planShapes = async (path: string, suffix: string): Promise<ReadonlyMap<string, ProbePlan>> => {
  const planner = await loadPlanner();
  const binary = await openGoBinary(path);
  const plans = new Map<string, ProbePlan>();
  const never = await idle();
  for (const fn of binary.functionsMatching(/^main\.(?:shape|route|price|blend|settle)$/)) {
    for (const { chain } of binary.linesOf(fn)) {
      const [position] = chain;
      const where = `${position?.file.split('/').at(-1)}:${position?.line}`;
      if (chain.length > 1 || plans.has(where) || never.has(where)) continue;
      const parsed = parseProbeText(`${where}${suffix} do stop`);
      if (!parsed.ok) throw new Error(parsed.message);
      const result = planner.plan(parsed.spec, binary, { use: 'stop', avoid: [] });
      if (result.ok && result.plan.sites.length === 1) plans.set(where, { ...result.plan, captures: [] });
    }
  }
  binary.close();
  planner.dispose();
  return plans;
};

/** File and line of the innermost frame. */
const topOf = async (delve: DelveSession, thread: number): Promise<string> => {
  const answer = await delve.request('stackTrace', { threadId: thread, levels: 1 });
  const [frame] = (answer.body?.stackFrames ?? []) as readonly { line: number; source: { name: string } }[];
  return `${frame?.source.name}:${frame?.line}`;
};

describe.skipIf(requirement('kernel', 'go', 'delve', 'bpftool').missing)('places inside lines', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-shapes-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(builds)(
    'all armed at once, and the agent killed: %s',
    { timeout: 60_000 + rounds * 10_000 },
    async (name, flags) => {
      const path = await privateCopy(await buildFixture('verify', { flags: [...flags] }), directory);
      // No goroutine has this number: the gates are passed, judged, and never fire.
      const plans = [...(await planShapes(path, ' on goroutine 999999999')).values()];
      const tiers = new Set(plans.map((plan) => plan.sites[0]?.tier));
      expect([...tiers], name).toEqual(expect.arrayContaining(name === 'optimised' ? [1, 2] : [1, 2, 'stepped']));
      for (let round = 0; round < rounds; round++) {
        const before = new Set(await kernelObjects());
        const program = await startProgram(path);
        try {
          const agent = await startTestAgent();
          const closed = new Promise((resolve) => agent.onClosed(resolve));
          const armed: number[] = [];
          // Without a tracer a stop would not be armed; what is tried here is what the traps do to the code.
          for (const plan of plans) {
            const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: undefined, halt: true } });
            armed.push(probe);
          }
          for (const probe of armed) await hitsReach(agent, probe, 50);
          process.kill(agent.hello.pid, 'SIGKILL');
          await closed;
          expect(await kernelIsClean(before)).toEqual([]);
          for (const plan of plans)
            expect(changedBytes(program.pid, path, Number(plan.sites[0]?.offset) - 32, 64)).toEqual([]);
          await until('no thread is stopped', () => !program.states.some((state) => state === 'T' || state === 't'));
          expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
        } finally {
          program.kill();
        }
      }
    },
  );

  it.each(builds)(
    'stop Delve in their line, and are stepped over by it: %s',
    { timeout: 240_000 },
    async (_name, flags) => {
      const path = await privateCopy(await buildFixture('verify', { flags: [...flags] }), directory);
      const plans = await planShapes(path, '');
      expect(plans.size).toBeGreaterThan(15);
      const program = await startProgram(path);
      const delve = await attachDelve(program.pid);
      const agent = await startTestAgent();
      try {
        let coming = delve.nextStop();
        const nextStop = async (): Promise<Stop> => {
          const stop = await coming;
          coming = delve.nextStop();
          return stop;
        };
        const some = [...plans].filter(
          ([, plan], index) => soaking || index % 3 === 0 || plan.sites[0]?.tier === 'stepped',
        );
        for (const [where, plan] of some) {
          // An entry stands for its function's first line too, and shows the line of the func keyword.
          if (plan.sites[0]?.instruction === '55') continue;
          const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: delve.pid } });
          let stop = await nextStop();
          const shown = [await topOf(delve, stop.thread)];
          // Other threads may have trapped in the gate before this one, just before it was taken out.
          while (shown.at(-1) !== where && shown.length < 10) {
            await delve.continue(stop.thread);
            stop = await nextStop();
            shown.push(await topOf(delve, stop.thread));
          }
          expect(shown, `${where}: ${plan.sites[0]?.reason}`).toContain(where);
          // The trap bytes stay where they are while Delve reads the code and steps through it.
          await agent.focus(undefined, { quiet: true });
          for (const step of ['next', 'stepIn'] as const) {
            await delve.request(step, { threadId: stop.thread });
            await nextStop();
          }
          await agent.disarm(probe);
          await agent.focus(undefined, { quiet: false });
          await delve.continue(stop.thread);
        }
        await agent.dispose();
        for (;;) {
          await delve.request('pause', { threadId: 1 });
          await nextStop();
          if (pendingTraps(program.pid).length === 0) break;
          await delve.continue();
        }
        await delve.detach();
        expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
      } finally {
        await agent.dispose();
        delve.kill();
        program.kill();
      }
    },
  );
});
