import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { AgentClient } from '../src/client/client.js';
import type { ProbeEvent } from '../src/events.js';
import { hitsReach, startTestAgent } from './agent-process.js';
import { attachDelve } from './delve-session.js';
import { handPlan, type Instruction } from './hand-plan.js';
import { kernelIsClean, kernelObjects } from './kernel-leftovers.js';
import { until } from './until.js';
import { changedBytes, type RunningProgram, startProgram } from './verify-program.js';

/** Unoptimised, `main.price` begins with `push %rbp`. */
const unoptimised = { flags: ['-gcflags=all=-N -l'] };

/** The first argument, `o *Order`, is in rax at the function's start; `ID` is its first field. */
const orderId = {
  kind: 'load',
  address: { kind: 'register', register: 'rax' },
  type: { width: 8, signed: true },
} as const;

/** One call in 257. */
const orderFour = {
  conditionText: 'o.ID == 4',
  condition: {
    kind: 'compare',
    operator: 'eq',
    signed: true,
    left: orderId,
    right: { kind: 'constant', value: '4' },
  },
} as const;

describe.skipIf(requirement('kernel', 'go', 'bpftool').missing)('agent', () => {
  let directory: string;
  let path: string;
  let before: ReadonlySet<string>;
  let agent: AgentClient;
  let program: RunningProgram;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-agent-'));
    path = await privateCopy(await buildFixture('verify', unoptimised), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    before = new Set(await kernelObjects());
    program = await startProgram(path);
    agent = await startTestAgent();
  });
  afterEach(async () => {
    await agent.dispose();
    program.kill();
    expect(await kernelIsClean(before)).toEqual([]);
  });

  it('says who it is', () => {
    expect(agent.hello).toMatchObject({ protocol: 3, capable: true });
  });

  it('counts the calls of an untraced program and harms none', async () => {
    const plan = await handPlan(path, 'main.price', { action: { kind: 'count' } });
    const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: undefined } });
    const offset = Number(plan.sites[0]?.offset);
    expect(changedBytes(program.pid, path, offset - 16, 64)).toEqual([offset]);
    await hitsReach(agent, probe, 100);
    const counters = await agent.disarm(probe);
    expect(changedBytes(program.pid, path, offset - 16, 64)).toEqual([]);
    expect(counters.matches).toBe(counters.hits);
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });

  it('sends what it recorded before it answers a drain, and all of it before it answers a disarm', async () => {
    const events: ProbeEvent[] = [];
    agent.onEvents((batch) => events.push(...batch));
    const plan = await handPlan(path, 'main.price', {
      action: { kind: 'log', template: undefined },
      captures: [
        {
          name: 'o.ID',
          typeName: 'int',
          shape: { kind: 'integer', signed: true, width: 8 },
          value: orderId,
          length: undefined,
        },
      ],
    });
    const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: undefined } });
    await hitsReach(agent, probe, 1_000);
    await agent.drain();
    expect(events.length).toBeGreaterThan(0);
    const counters = await agent.disarm(probe);
    expect(events.length).toBe(counters.matches - counters.dropped);
    expect(new Set(events.map((event) => event.values[0]?.text))).toEqual(new Set(['3', '4']));
    const numbers = events.map((event) => event.number);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(events.every((event) => event.pid === program.pid && BigInt(event.goid) > 0n)).toBe(true);
    expect(await program.finish()).toMatchObject({ bad: 0 });
  });

  it('loses events, and neither memory nor count, while its client does not read', { timeout: 120_000 }, async () => {
    let received = 0;
    agent.onEvents((batch) => {
      received += batch.length;
    });
    const plan = await handPlan(path, 'main.price', { action: { kind: 'log', template: undefined } });
    const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: undefined } });
    // The client's only thread stands still; the ring and the pipe fill up.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
    const status = readFileSync(`/proc/${agent.hello.pid}/status`, 'latin1');
    const { matches, dropped } = await agent.disarm(probe);
    expect(dropped).toBeGreaterThan(0);
    expect(received).toBe(matches - dropped);
    expect(Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1])).toBeLessThan(160 * 1024);
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });

  it('tells of the end of its target, with the last counts', async () => {
    const gone = new Promise((resolve) => agent.onTargetGone(resolve));
    const plan = await handPlan(path, 'main.price', { action: { kind: 'count' } });
    const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: undefined } });
    await hitsReach(agent, probe, 1);
    const { calls } = await program.finish();
    expect(await gone).toMatchObject({ pid: program.pid, why: 'target-exited', counters: [{ probe }] });
    const told = await gone;
    const counters = told instanceof Object && 'counters' in told ? told.counters : undefined;
    const [last] = Array.isArray(counters) ? counters : [];
    expect(last.hits).toBeGreaterThan(0);
    expect(last.hits).toBeLessThan(calls);
    expect(await agent.counters()).toEqual([]);
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`disarms on ${signal}, continues what it halted, and ends`, async () => {
      const closed = new Promise((resolve) => agent.onClosed(resolve));
      const plan = await handPlan(path, 'main.price');
      const events: ProbeEvent[] = [];
      agent.onEvents((batch) => events.push(...batch));
      await agent.arm({ plan, target: { pid: program.pid, tracer: undefined, halt: true } });
      await until('it is stopped', () => program.states.includes('T'));
      process.kill(agent.hello.pid, signal);
      await closed;
      expect(await kernelIsClean(before)).toEqual([]);
      expect(program.states).not.toContain('T');
      expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    });
  }

  it('halts the whole process where nobody debugs it, and continues it when disarmed', async () => {
    const events: ProbeEvent[] = [];
    agent.onEvents((batch) => events.push(...batch));
    const plan = await handPlan(path, 'main.price', orderFour);
    const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: undefined, halt: true } });
    await until('it is stopped', () => program.states.every((state) => state === 'T'));
    await agent.drain();
    expect(events.some((event) => event.trapped)).toBe(true);
    // Nobody else can tell who called: the record does.
    expect(events[0]?.stack?.length).toBeGreaterThan(1);
    // On again, to the next hit.
    const shown = events.length;
    await agent.resume(program.pid);
    while (events.length === shown) await agent.drain();
    await until('it is stopped again', () => program.states.every((state) => state === 'T'));
    await expect(agent.resume(process.pid)).rejects.toMatchObject({ code: 'no-such-process' });
    await agent.disarm(probe);
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });

  it('arms all of a plan or nothing', async () => {
    const plan = await handPlan(path, 'main.price', { action: { kind: 'count' } });
    const second = await handPlan(path, 'main.blend', { action: { kind: 'count' } });
    const [bad] = second.sites;
    if (bad === undefined) throw new Error('the plan has no site');
    // `lock nop` and its like are refused by the kernel; here the second site is simply not what the file has.
    const both = { ...plan, sites: [...plan.sites, { ...bad, instruction: '90' }] };
    const refused = await agent.arm({ plan: both, target: { pid: program.pid, tracer: undefined } }).then(
      () => 'armed',
      (error: unknown) => String(error),
    );
    expect(refused).toContain('changed after planning');
    expect(changedBytes(program.pid, path, Number(plan.sites[0]?.offset) - 16, 64)).toEqual([]);
    const good = { ...plan, sites: [...plan.sites, bad] };
    const { probe } = await agent.arm({ plan: good, target: { pid: program.pid, tracer: undefined } });
    expect(changedBytes(program.pid, path, Number(bad.offset), 1)).toEqual([Number(bad.offset)]);
    await hitsReach(agent, probe, 1);
    await agent.disarm(probe);
  });

  it('lets two probes share one place', async () => {
    const plan = await handPlan(path, 'main.price', { action: { kind: 'count' } });
    const target = { pid: program.pid, tracer: undefined };
    const first = await agent.arm({ plan, target });
    const second = await agent.arm({ plan, target });
    await hitsReach(agent, first.probe, 1);
    await agent.disarm(first.probe);
    const offset = Number(plan.sites[0]?.offset);
    expect(changedBytes(program.pid, path, offset, 1)).toEqual([offset]);
    const before = (await agent.counters())[0]?.hits ?? 0;
    await hitsReach(agent, second.probe, before + 1);
    await agent.disarm(second.probe);
    expect(changedBytes(program.pid, path, offset, 1)).toEqual([]);
  });
});

describe.skipIf(requirement('kernel', 'go', 'bpftool', 'delve').missing)('agent beside Delve', () => {
  for (const { where, build, place } of [
    { where: 'at the start of a function', build: unoptimised, place: {} },
    {
      // `test %rcx,%rcx` inside the line "if o.Qty == 0" of optimised code, with a sentinel.
      where: 'inside a line',
      build: {},
      place: { tier: 2, at: ({ text }: Instruction) => text.startsWith('TESTQ') } as const,
    },
  ]) {
    it(`stops the right goroutine where the condition holds, and nowhere else, ${where}`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'probelens-agent-'));
      const path = await privateCopy(await buildFixture('verify', build), directory);
      const before = new Set(await kernelObjects());
      const program = await startProgram(path);
      const delve = await attachDelve(program.pid);
      const agent = await startTestAgent();
      const events: ProbeEvent[] = [];
      agent.onEvents((batch) => events.push(...batch));
      try {
        const plan = await handPlan(path, 'main.price', { ...orderFour, ...place });
        const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: delve.pid } });
        for (let round = 0; round < 5; round++) {
          const stop = await delve.nextStop();
          expect(stop.reason).toBe('breakpoint');
          await agent.drain();
          expect(events.map((event) => event.goid)).toContain(String(stop.thread));
          const scopes = await delve.request('stackTrace', { threadId: stop.thread, levels: 1 });
          expect(JSON.stringify(scopes.body)).toContain('main.price');
          if (round < 4) await delve.continue(stop.thread);
        }
        const counters = await agent.disarm(probe);
        expect(counters.matches).toBe(events.length);
        expect(counters.hits).toBeGreaterThan(events.length * 100);
        await delve.detach();
        expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
      } finally {
        await agent.dispose();
        delve.kill();
        program.kill();
        rmSync(directory, { recursive: true, force: true });
      }
      expect(await kernelIsClean(before)).toEqual([]);
    });
  }

  it('stops only whom the focus names, and nobody when quiet', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'probelens-agent-'));
    const path = await privateCopy(await buildFixture('verify', unoptimised), directory);
    const program = await startProgram(path);
    const delve = await attachDelve(program.pid);
    const agent = await startTestAgent();
    const events: ProbeEvent[] = [];
    agent.onEvents((batch) => events.push(...batch));
    try {
      await agent.focus(undefined, { quiet: true });
      const plan = await handPlan(path, 'main.price', orderFour);
      const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: delve.pid } });
      const bothSeen = async (): Promise<void> => {
        events.length = 0;
        while (new Set(events.map((event) => event.goid)).size < 2) await agent.drain();
      };
      await bothSeen();
      expect(events.some((event) => event.trapped)).toBe(false);
      const [one = '', other = ''] = new Set(events.map((event) => event.goid));
      for (const [focus, rest, expected] of [
        [one, {}, one],
        [undefined, { muted: one }, other],
      ] as const) {
        await agent.focus(focus, rest);
        const stop = await delve.nextStop();
        expect(String(stop.thread)).toBe(expected);
        await agent.focus(undefined, { quiet: true });
        await agent.drain();
        const trapped = events.filter((event) => event.trapped);
        expect(new Set(trapped.map((event) => event.goid))).toEqual(new Set([expected]));
        events.length = 0;
        await delve.continue(stop.thread);
      }
      await agent.disarm(probe);
      await delve.leave(program.pid, { stop: () => undefined });
      expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    } finally {
      await agent.dispose();
      delve.kill();
      program.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
