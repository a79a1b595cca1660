/** Two agents, as of two traces, at one function of one process. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { AgentClient } from '../src/client/client.js';
import { hitsReach, startTestAgent } from './agent-process.js';
import { attachDelve } from './delve-session.js';
import { handPlan } from './hand-plan.js';
import { kernelIsClean, kernelObjects } from './kernel-leftovers.js';
import { until } from './until.js';
import { changedBytes, type RunningProgram, startProgram } from './verify-program.js';

const count = { action: { kind: 'count' } } as const;

describe.skipIf(requirement('kernel', 'go', 'bpftool').missing)('two agents', () => {
  let directory: string;
  let path: string;
  let before: ReadonlySet<string>;
  let agents: readonly [AgentClient, AgentClient];
  let program: RunningProgram;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-shared-'));
    // Unoptimised, `main.price` begins with `push %rbp`.
    path = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    before = new Set(await kernelObjects());
    program = await startProgram(path);
    agents = [await startTestAgent(), await startTestAgent()];
  });
  afterEach(async () => {
    for (const agent of agents) await agent.dispose();
    program.kill();
    expect(await kernelIsClean(before)).toEqual([]);
  });

  for (const first of [0, 1] as const) {
    it(`count the same calls, and ${first === 0 ? 'the older' : 'the newer'} goes first`, async () => {
      const plan = await handPlan(path, 'main.price', count);
      const offset = Number(plan.sites[0]?.offset);
      const target = { pid: program.pid, tracer: undefined };
      const armed = [await agents[0].arm({ plan, target }), await agents[1].arm({ plan, target })] as const;
      await hitsReach(agents[0], armed[0].probe, 1_000);
      await hitsReach(agents[1], armed[1].probe, 1_000);
      const [gone, stays] = [first, first === 0 ? 1 : 0] as const;
      await agents[gone].dispose();
      expect(changedBytes(program.pid, path, offset - 16, 64)).toEqual([offset]);
      const { hits } = (await agents[stays].counters())[0] ?? { hits: Number.NaN };
      await hitsReach(agents[stays], armed[stays].probe, hits + 1_000);
      await agents[stays].disarm(armed[stays].probe);
      expect(changedBytes(program.pid, path, offset - 16, 64)).toEqual([]);
      expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    });
  }

  it('do not share where one of them would stop the program', async () => {
    const [counting, stopping] = [await handPlan(path, 'main.price', count), await handPlan(path, 'main.price')];
    const target = { pid: program.pid, tracer: undefined };
    const { probe } = await agents[0].arm({ plan: counting, target });
    await expect(agents[1].arm({ plan: stopping, target: { ...target, halt: true } })).rejects.toMatchObject({
      code: 'changed-text',
    });
    await agents[0].disarm(probe);
  });

  it('take no breakpoint for a uprobe that only looks like one', async () => {
    const plan = await handPlan(path, 'main.price', count);
    const [site] = plan.sites;
    if (site === undefined) throw new Error('the plan has no site');
    // The program is not position independent: its addresses are those of the file.
    const address = Number(site.address);
    process.kill(program.pid, 'SIGSTOP');
    await until('it is stopped', () => program.states.every((state) => state === 'T'));
    const memory = openSync(`/proc/${program.pid}/mem`, 'r+');
    const original = new Uint8Array(1);
    readSync(memory, original, 0, 1, address);
    writeSync(memory, Uint8Array.of(0xcc), 0, 1, address);
    const refused = agents[0].arm({ plan, target: { pid: program.pid, tracer: undefined } });
    await expect(refused).rejects.toMatchObject({ code: 'changed-text' });
    writeSync(memory, original, 0, 1, address);
    closeSync(memory);
    process.kill(program.pid, 'SIGCONT');
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });

  it.skipIf(requirement('delve').missing)('do not share while somebody debugs the program', async () => {
    const plan = await handPlan(path, 'main.price', count);
    const target = { pid: program.pid, tracer: undefined };
    const { probe } = await agents[0].arm({ plan, target });
    const delve = await attachDelve(program.pid);
    await expect(agents[1].arm({ plan, target })).rejects.toMatchObject({ code: 'changed-text' });
    await agents[0].disarm(probe);
    await delve.detach();
  });
});
