/** Hit conditions that the kernel counts: which hits are told, and by what number. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { AgentClient, HitCondition, ProbeEvent } from '../src/index.js';
import { hitsReach, startTestAgent } from './agent-process.js';
import { handPlan } from './hand-plan.js';
import { type RunningProgram, startProgram } from './verify-program.js';

describe.skipIf(requirement('kernel', 'go').missing)('hit conditions in the kernel', () => {
  let directory: string;
  let path: string;
  let agent: AgentClient;
  let program: RunningProgram;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-hits-'));
    path = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
    [program, agent] = await Promise.all([startProgram(path), startTestAgent()]);
  });
  afterAll(async () => {
    await agent.dispose();
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    rmSync(directory, { recursive: true, force: true });
  });

  const log = { action: { kind: 'log', template: undefined } } as const;

  interface Told {
    readonly numbers: readonly number[];
    /** Told, and lost for want of room. */
    readonly dropped: number;
    readonly last: number;
  }

  /** Numbers of the hits told, and how many there were; the program calls from several threads. */
  const told = async (hits: HitCondition): Promise<Told> => {
    const events: ProbeEvent[] = [];
    const listening = agent.onEvents((batch) => events.push(...batch));
    const target = { pid: program.pid, tracer: undefined };
    const { probe } = await agent.arm({ plan: await handPlan(path, 'main.price', log), target, hits });
    await hitsReach(agent, probe, 3_000);
    const { matches, dropped } = await agent.disarm(probe);
    listening.dispose();
    return { numbers: events.map(({ number }) => number), dropped, last: hits.counted + matches };
  };

  it.each<[HitCondition, (number: number) => boolean]>([
    [{ operator: '==', value: 1000, counted: 0 }, (number) => number === 1000],
    [{ operator: '%', value: 700, counted: 0 }, (number) => number % 700 === 0],
    [{ operator: '<=', value: 40, counted: 0 }, (number) => number <= 40],
    [{ operator: '<', value: 60, counted: 50 }, (number) => number < 60],
    [{ operator: '%', value: 700, counted: 650 }, (number) => number % 700 === 0],
    [{ operator: '!=', value: 5, counted: 0 }, (number) => number !== 5],
    [{ operator: '>', value: 2900, counted: 0 }, (number) => number > 2900],
    [{ operator: '>=', value: 2900, counted: 0 }, (number) => number >= 2900],
  ])('are counted for all threads together: %j', async (hits, holds) => {
    const { numbers, dropped, last } = await told(hits);
    const expected = Array.from({ length: last - hits.counted }, (_, index) => hits.counted + index + 1).filter(holds);
    expect(numbers.filter((number) => !holds(number))).toEqual([]);
    expect(new Set(numbers).size + dropped).toBe(expected.length);
  });

  it.each([
    ['an operator that there is not', { operator: '=~', value: 1, counted: 0 }],
    ['a remainder of nothing', { operator: '%', value: 0, counted: 0 }],
  ])('are refused with %s', async (_, hits) => {
    const target = { pid: program.pid, tracer: undefined };
    const params = { plan: await handPlan(path, 'main.price', log), target, hits };
    await expect(agent.arm(params as Parameters<AgentClient['arm']>[0])).rejects.toThrow(/hits/);
  });

  it('are refused where a hit may be beyond judgement', async () => {
    const address = { kind: 'register', register: 'rax' } as const;
    const left = { kind: 'load', address, type: { width: 8, signed: true } } as const;
    const right = { kind: 'constant', value: '4' } as const;
    const condition = { kind: 'compare', operator: 'eq', signed: true, left, right } as const;
    const plan = await handPlan(path, 'main.price', { ...log, conditionText: 'o.ID == 4', condition });
    const hits = { operator: '>', value: 1, counted: 0 } as const;
    const target = { pid: program.pid, tracer: undefined };
    await expect(agent.arm({ plan, target, hits })).rejects.toThrow(/always judge/);
  });
});
