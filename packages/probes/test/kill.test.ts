/**
 * Everybody is killed at every step while a program checks each of its results. Afterwards the program must be alive,
 * running, right in every result, with the bytes of its file, and the kernel must hold nothing of ours.
 *
 * One seeded round each time; PROBELENS_SOAK=1 makes it a hundred of each kind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { processState } from '../src/agent/process-state.js';
import type { ArmParams } from '../src/agent/protocol.js';
import { AgentFailure } from '../src/client/errors.js';
import type { LoweredExpression } from '../src/plan/expression.js';
import type { ProbePlan } from '../src/plan/plan.js';
import { agentCommandLine, startTestAgent, testProgram } from './agent-process.js';
import { attachDelve, type DelveSession } from './delve-session.js';
import { handPlan } from './hand-plan.js';
import { kernelIsClean, kernelObjects } from './kernel-leftovers.js';
import { randomFrom, until } from './until.js';
import { changedBytes, pendingTraps, type RunningProgram, startProgram } from './verify-program.js';

const rounds = soaking ? 100 : 1;

const orderIs = (id: number): { condition: LoweredExpression; conditionText: string } => ({
  conditionText: `o.ID == ${id}`,
  condition: {
    kind: 'compare',
    operator: 'eq',
    signed: true,
    left: {
      kind: 'load',
      address: { kind: 'register', register: 'rax' },
      type: { width: 8, signed: true },
    },
    right: { kind: 'constant', value: String(id) },
  },
});

/** Every 257th call of verify has this one; no call has NEVER. */
const SELDOM = 4;
const NEVER = 99;

const guardOf = (agent: number): number | undefined =>
  readdirSync('/proc')
    .map(Number)
    .find((pid) => pid > 0 && processState(pid)?.parent === agent);

/** The whole promise, asked of the machine. */
const expectUnharmed = async (
  program: RunningProgram,
  path: string,
  plan: ProbePlan,
  before: ReadonlySet<string>,
): Promise<void> => {
  expect(await kernelIsClean(before)).toEqual([]);
  const offset = Number(plan.sites[0]?.offset);
  expect(changedBytes(program.pid, path, offset - 64, 192)).toEqual([]);
  await until('no thread is stopped', () => !program.states.some((state) => state === 'T' || state === 't'));
  expect(pendingTraps(program.pid)).toEqual([]);
  expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
};

const gone = (pid: number): Promise<void> => until(`process ${pid} is gone`, () => processState(pid) === undefined);

/** A request whose other end is killed: its failure is the expected answer. */
const orAgentGone = async (answer: Promise<unknown>): Promise<void> => {
  try {
    await answer;
  } catch (error) {
    expect(error).toBeInstanceOf(AgentFailure);
  }
};

const pauseFor = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe.skipIf(requirement('kernel', 'go', 'bpftool', 'delve').missing)('killed at any moment', () => {
  let directory: string;
  /** Tier 1 sites need `push %rbp`; tier 2 is tried on optimised code. */
  let plain: string;
  let optimised: string;
  let gate: ProbePlan;
  let silentGate: ProbePlan;
  let inner: ProbePlan;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-kill-'));
    plain = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
    optimised = await privateCopy(await buildFixture('verify'), directory);
    gate = await handPlan(plain, 'main.price', orderIs(SELDOM));
    silentGate = await handPlan(plain, 'main.price', orderIs(NEVER));
    // `test %rcx,%rcx` in the middle of line "if o.Qty == 0": three bytes, changes flags only, a jump follows.
    inner = await handPlan(optimised, 'main.price', {
      ...orderIs(NEVER),
      tier: 2,
      at: (instruction) => instruction.text.startsWith('TESTQ'),
    });
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const steps = ['arming', 'armed', 'draining', 'disarming', 'disarmed'] as const;

  /** Kills the agent at a step, give or take some milliseconds. */
  const killAgent = async (seed: number, params: ArmParams, whom: 'agent' | 'guard'): Promise<number | undefined> => {
    const random = randomFrom(seed);
    const agent = await startTestAgent();
    const closed = new Promise((resolve) => agent.onClosed(resolve));
    const step = steps[Math.floor(random() * steps.length)] ?? 'armed';
    const pending: Promise<unknown>[] = [];
    const ask = (answer: Promise<unknown>): Promise<unknown> => {
      pending.push(orAgentGone(answer));
      return answer;
    };
    const arming = agent.arm(params);
    if (step === 'arming') ask(arming);
    else {
      const { probe } = await arming;
      if (step === 'draining') ask(agent.drain());
      if (step === 'disarming') ask(agent.disarm(probe));
      if (step === 'disarmed') await agent.disarm(probe);
    }
    // Taking a probe out takes the kernel some milliseconds.
    await pauseFor(random() * (step === 'disarming' ? 12 : 4));
    const guard = guardOf(agent.hello.pid);
    if (whom === 'guard') {
      if (guard !== undefined) process.kill(guard, 'SIGKILL');
      await Promise.all(pending);
      await agent.dispose();
    } else {
      process.kill(agent.hello.pid, 'SIGKILL');
      await Promise.all(pending);
    }
    await closed;
    return guard;
  };

  /** The guard ends by itself as soon as there is nothing to guard. */
  const guardEnds = (guard: number | undefined): Promise<void> =>
    guard === undefined ? Promise.resolve() : gone(guard);

  for (const [name, planOf, pathOf] of [
    ['a gate on push', () => gate, () => plain],
    ['a gate with a sentinel', () => inner, () => optimised],
  ] as const) {
    it(`the agent, ${name}, nobody debugs`, { timeout: 60_000 + rounds * 10_000 }, async () => {
      for (let round = 0; round < rounds; round++) {
        const before = new Set(await kernelObjects());
        const program = await startProgram(pathOf());
        try {
          const params = { plan: planOf(), target: { pid: program.pid, tracer: undefined } };
          await guardEnds(await killAgent(1_000 + round, params, 'agent'));
          await expectUnharmed(program, pathOf(), planOf(), before);
        } finally {
          program.kill();
        }
      }
    });
  }

  it('the agent while its probe halts the program', { timeout: 60_000 + rounds * 10_000 }, async () => {
    for (let round = 0; round < rounds; round++) {
      const before = new Set(await kernelObjects());
      const program = await startProgram(plain);
      try {
        const params = { plan: gate, target: { pid: program.pid, tracer: undefined, halt: true } };
        await guardEnds(await killAgent(2_000 + round, params, 'agent'));
        await expectUnharmed(program, plain, gate, before);
      } finally {
        program.kill();
      }
    }
  });

  const underDelve = async (
    path: string,
    plan: ProbePlan,
    act: (program: RunningProgram, delve: DelveSession, params: ArmParams) => Promise<void>,
  ): Promise<void> => {
    const before = new Set(await kernelObjects());
    const program = await startProgram(path);
    const delve = await attachDelve(program.pid);
    try {
      await act(program, delve, { plan, target: { pid: program.pid, tracer: delve.pid } });
      await expectUnharmed(program, path, plan, before);
    } finally {
      delve.kill();
      program.kill();
    }
  };

  for (const whom of ['agent', 'guard'] as const) {
    it(`the ${whom} under Delve, then Delve leaves`, { timeout: 60_000 + rounds * 10_000 }, async () => {
      for (let round = 0; round < rounds; round++) {
        await underDelve(plain, gate, async (program, delve, params) => {
          const going = delve.keepGoing();
          const guard = await killAgent(3_000 + round, params, whom);
          await delve.leave(program.pid, going);
          await guardEnds(guard);
        });
      }
    });
  }

  it('Delve, with a gate and a sentinel armed', { timeout: 60_000 + rounds * 10_000 }, async () => {
    for (let round = 0; round < rounds; round++) {
      const [path, plan] = round % 2 === 0 ? [plain, silentGate] : [optimised, inner];
      await underDelve(path, plan, async (program, delve, params) => {
        const agent = await startTestAgent();
        const left = new Promise((resolve) => agent.onTargetGone(resolve));
        await agent.arm(params);
        delve.kill();
        expect(await left).toMatchObject({ pid: program.pid, why: 'tracer-exited', counters: [{ matches: 0 }] });
        await agent.dispose();
      });
    }
  });

  it('Delve, while it shows a stop', { timeout: 60_000 + rounds * 10_000 }, async () => {
    for (let round = 0; round < rounds; round++) {
      await underDelve(plain, gate, async (_program, delve, params) => {
        const agent = await startTestAgent();
        const left = new Promise((resolve) => agent.onTargetGone(resolve));
        await agent.arm(params);
        await delve.nextStop();
        // No second trap can be on its way once the gate is silent.
        await agent.focus(undefined, { quiet: true });
        delve.kill();
        await left;
        await agent.dispose();
      });
    }
  });

  it('agent and Delve at once', { timeout: 60_000 + rounds * 10_000 }, async () => {
    for (let round = 0; round < rounds; round++) {
      await underDelve(plain, silentGate, async (_program, delve, params) => {
        const agent = await startTestAgent();
        const closed = new Promise((resolve) => agent.onClosed(resolve));
        await agent.arm(params);
        const guard = guardOf(agent.hello.pid);
        if (guard === undefined) throw new Error('there is no guard');
        process.kill(agent.hello.pid, 'SIGKILL');
        delve.kill();
        await closed;
        await gone(guard);
      });
    }
  });

  it('the client', { timeout: 60_000 + rounds * 10_000 }, async () => {
    const program = await testProgram('client-main.ts');
    const command = await agentCommandLine();
    for (let round = 0; round < rounds; round++) {
      const random = randomFrom(5_000 + round);
      const before = new Set(await kernelObjects());
      const target = await startProgram(plain);
      const order = join(directory, `client-${round}.json`);
      const params: ArmParams = { plan: gate, target: { pid: target.pid, tracer: undefined, halt: true } };
      writeFileSync(order, JSON.stringify({ command, params }));
      const client: ChildProcess = spawn(process.execPath, [program, order], { stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        if (client.stdout === null) throw new Error('the client has no output');
        const lines = createInterface({ input: client.stdout });
        const seen: string[] = [];
        lines.on('line', (line) => seen.push(line));
        const awaited = random() < 0.5 ? 'agent' : 'armed';
        await until(`the client says ${awaited}`, () => seen.some((line) => line.startsWith(awaited)));
        await pauseFor(random() * 4);
        client.kill('SIGKILL');
        await once(client, 'exit');
        await gone(Number(seen[0]?.split(' ')[1]));
        await expectUnharmed(target, plain, gate, before);
      } finally {
        client.kill('SIGKILL');
        target.kill();
      }
    }
  });
});
