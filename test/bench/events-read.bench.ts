/**
 * How many events a second agent and client take, from the ring buffer to a listener in another process, without loss.
 *
 * Method. The program "bursts" runs on one processor and makes calls of main.price, each logged with three values. Held:
 * the agent stands still (SIGSTOP) while the program fills the ring to two thirds; then it goes on, and what is measured
 * is the time until the listener has counted the last event of the burst, the program being quiet: what the path alone
 * takes. Live: 1,000,000 calls in one go beside agent and client, from the first to the last event counted. Both with
 * the processor time of program, agent and client for each event, which load does not change much. Medians of rounds,
 * held and live by turns. Beside it bpftrace, printing the same two numbers of every call into a pipe that is counted.
 * What is asserted: every call is either counted by the listener or counted as lost; nothing is lost of what was held.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { type AgentClient, agentCommand, loadPlanner, type ProbeEvent, parseProbeText } from '@probelens/probes';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentCommandLine, startTestAgent } from '../../packages/probes/test/agent-process.js';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement } from '../requirements.js';
import { Bursts } from './bursts.js';
import { processorTime, standsStill } from './process-figures.js';

const text = 'main.price do log "{o.ID} {o.Symbol} {mult}"';
/** Some 150 bytes each, in a ring of 8 MiB. */
const heldBurst = 35_000;
const heldBursts = 6;
const liveCalls = 1_000_000;
const rounds = 3;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
const millions = (perNanosecond: number): string => `${(perNanosecond * 1e3).toFixed(2)} million a second`;

/** Nanoseconds: the clock, the program's own time, and of a processor. */
interface Spent {
  readonly elapsed: number;
  readonly making: number;
  readonly agent: number;
  readonly client: number;
}

/** One way of one round. */
interface Measured extends Spent {
  readonly events: number;
  readonly lost: number;
}

class Reading {
  count = 0;
  readonly #agent: AgentClient;
  readonly #program: Bursts;
  readonly #probe: number;
  #wanted = Number.POSITIVE_INFINITY;
  #reached = (): void => undefined;

  constructor(agent: AgentClient, program: Bursts, probe: number, look: (event: ProbeEvent) => number) {
    this.#agent = agent;
    this.#program = program;
    this.#probe = probe;
    agent.onEvents((events) => {
      for (const event of events) this.count += look(event);
      if (this.count >= this.#wanted) this.#reached();
    });
  }

  #reach(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = count;
      this.#reached = resolve;
      if (this.count >= count) resolve();
    });
  }

  async #lost(): Promise<number> {
    return (await this.#agent.counters()).find(({ probe }) => probe === this.#probe)?.dropped ?? 0;
  }

  /** `work` says what it took by itself: in between, the client waits and the program works. */
  async #measure(calls: number, work: () => Promise<Spent>): Promise<Measured> {
    const [count, lost] = [this.count, await this.#lost()];
    const spent = await work();
    await this.#agent.drain();
    const result = { events: this.count - count, lost: (await this.#lost()) - lost, ...spent };
    expect(result.events + result.lost).toBe(calls);
    return result;
  }

  /** From now on; the returned function tells what it took until it is called. */
  #watch(): () => Omit<Spent, 'making'> {
    const { pid } = this.#agent.hello;
    const [start, agent, client] = [process.hrtime.bigint(), processorTime(pid), processorTime(process.pid)];
    return () => ({
      elapsed: Number(process.hrtime.bigint() - start),
      agent: processorTime(pid) - agent,
      client: processorTime(process.pid) - client,
    });
  }

  held(): Promise<Measured> {
    const { pid } = this.#agent.hello;
    return this.#measure(heldBurst * heldBursts, async () => {
      const sum = { elapsed: 0, making: 0, agent: 0, client: 0 };
      for (let burst = 0; burst < heldBursts; burst++) {
        const reached = this.#reach(this.count + heldBurst);
        process.kill(pid, 'SIGSTOP');
        let spent = this.#watch();
        try {
          await standsStill(pid);
          sum.making += await this.#program.make(heldBurst);
          spent = this.#watch();
        } finally {
          process.kill(pid, 'SIGCONT');
        }
        await reached;
        const { elapsed, agent, client } = spent();
        sum.elapsed += elapsed;
        sum.agent += agent;
        sum.client += client;
      }
      return sum;
    });
  }

  live(): Promise<Measured> {
    return this.#measure(liveCalls, async () => {
      const spent = this.#watch();
      const making = await this.#program.make(liveCalls);
      await this.#agent.drain();
      return { making, ...spent() };
    });
  }
}

const perEvent = (all: readonly Measured[], field: 'agent' | 'client'): string =>
  `${median(all.map((one) => one[field] / one.events)).toFixed(0)} ns`;

const report = (what: string, all: readonly Measured[]): void => {
  const lost = all.reduce((sum, one) => sum + one.lost, 0);
  const calls = all.reduce((sum, one) => sum + one.events + one.lost, 0);
  const rate = median(all.map((one) => one.events / one.elapsed));
  const made = median(all.map((one) => (one.events + one.lost) / one.making));
  say(
    `${what}: ${millions(rate)} counted, made at ${millions(made)}; ${lost} of ${calls} lost and counted (${((100 * lost) / calls).toFixed(2)} %); processor time of an event: agent ${perEvent(all, 'agent')}, client ${perEvent(all, 'client')}`,
  );
};

describe.skipIf(requirement('kernel', 'go', 'bpftrace').missing)('events read in another process', () => {
  let directory: string;
  let path: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-events-'));
    path = await privateCopy(await buildFixture('bursts'), directory);
    say(`machine: ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}; ${rounds} rounds, medians`);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const arm = async (agent: AgentClient, program: Bursts): Promise<number> => {
    const parsed = parseProbeText(text);
    if (!parsed.ok) throw new Error(parsed.message);
    const [planner, binary] = [await loadPlanner(), await openGoBinary(path)];
    const result = planner.plan(parsed.spec, binary, { use: 'log' });
    planner.dispose();
    binary.close();
    if (!result.ok) throw new Error(result.refusal.message);
    return (await agent.arm({ plan: result.plan, target: { pid: program.pid, tracer: undefined } })).probe;
  };

  for (const [what, look] of [
    ['counted', () => 1],
    ['read with all values', (event: ProbeEvent) => (event.values.every(({ faulted }) => !faulted) ? 1 : 0)],
  ] as const) {
    it(what, { timeout: 300_000 }, async () => {
      const program = await Bursts.start(path);
      // As people start it: with the flags that keep it small.
      const agent = await startTestAgent({ command: agentCommand(await agentCommandLine(), true) });
      try {
        const reading = new Reading(agent, program, await arm(agent, program), look);
        await program.make(1_000);
        await agent.drain();
        const [held, live]: [Measured[], Measured[]] = [[], []];
        for (let round = 0; round < rounds; round++) {
          held.push(await reading.held());
          live.push(await reading.live());
        }
        expect(held.every(({ lost }) => lost === 0)).toBe(true);
        report(`${what}, of a ring that was full (agent and client alone)`, held);
        report(`${what}, while a program makes them on one of ${cpus().length} processors`, live);
      } finally {
        await agent.dispose();
        program.kill();
      }
    });
  }

  it('printed by bpftrace', { timeout: 300_000 }, async () => {
    const program = await Bursts.start(path);
    const script = `uprobe:${path}:"main.price" { printf("%d %d\\n", reg("ax"), reg("bx")); }`;
    const tracer = execa('bpftrace', ['-B', 'full', '-e', script], { buffer: false, reject: false });
    let [lines, rest, stderr] = [0, '', ''];
    tracer.stderr.on('data', (said: Buffer) => {
      stderr += said.toString('latin1');
    });
    tracer.stdout.on('data', (said: Buffer) => {
      const all = (rest + said.toString('latin1')).split('\n');
      rest = all.pop() ?? '';
      // Its own words come the same way.
      lines += all.filter((line) => /^\d/.test(line)).length;
    });
    try {
      // What it says of itself waits in the same buffer: it is attached when calls are printed.
      while (lines === 0) await program.make(2_000);
      const before = lines;
      const start = process.hrtime.bigint();
      const making = await program.make(200_000);
      tracer.kill('SIGINT');
      await tracer;
      const elapsed = Number(process.hrtime.bigint() - start);
      const lost = [...stderr.matchAll(/Lost (\d+) events/g)].reduce((sum, found) => sum + Number(found[1]), 0);
      say(
        `bpftrace: made at ${millions(200_000 / making)}, ${millions((lines - before) / elapsed)} printed with two numbers; ${lost} said to be lost`,
      );
    } finally {
      tracer.kill('SIGKILL');
      program.kill();
    }
  });
});
