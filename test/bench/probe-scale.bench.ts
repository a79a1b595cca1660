/**
 * Many functions at once, many events at once, and the memory of the agent.
 *
 * Method. Arming: the functions of Delve's own packages (`runtime` and the like left out), one package pattern armed by one link on a copy of Delve that runs `dlv version`; the time of the agent's `arm` call as
 * its client sees it, median of five, beside bpftrace's whole time for a wildcard of some functions, less its time for
 * one, medians of three pairs. Events (events-read.bench.ts has the path alone): the
 * order service, every call logged with three values, as fast as they come; what was read, what was lost and counted, and
 * the same by `trace --json` for a million calls. Memory: resident bytes of the agent's process after that. What is asserted: nothing is missing without being counted.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { loadPlanner, type ProbeEvent, parseProbeText } from '@probelens/probes';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestAgent } from '../../packages/probes/test/agent-process.js';
import { startProgram } from '../../packages/probes/test/verify-program.js';
import { findDelve } from '../delve.js';
import { traceProgram } from '../e2e/trace-command.js';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement } from '../requirements.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
};

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;

const residentMegabytes = (pid: number): number => {
  const pages = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(pages) / 1024;
};

/** Throws what the planner refuses. */
const planned = async (path: string, text: string) => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw new Error(parsed.message);
  const [planner, binary] = [await loadPlanner(), await openGoBinary(path)];
  const result = planner.plan(parsed.spec, binary, { use: 'log' });
  planner.dispose();
  binary.close();
  if (!result.ok) throw new Error(result.refusal.message);
  return result.plan;
};

describe.skipIf(requirement('kernel', 'go', 'delve', 'bpftrace').missing)('at scale', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-scale-'));
    say(`machine: ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('arms thousands of functions', { timeout: 600_000 }, async () => {
    const path = await privateCopy(findDelve() ?? '', directory);
    const plan = await planned(path, 'github.com/go-delve/delve/... do count');
    const program = await startProgram(path, ['dap', '--listen=127.0.0.1:0']);
    const agent = await startTestAgent();
    try {
      const [arm, disarm]: [number[], number[]] = [[], []];
      for (let round = 0; round < 5; round++) {
        let probe = 0;
        const target = { pid: program.pid, tracer: undefined };
        arm.push(
          await milliseconds(async () => {
            probe = (await agent.arm({ plan, target })).probe;
          }),
        );
        disarm.push(await milliseconds(() => agent.disarm(probe)));
      }
      say(
        `${plan.sites.length} functions: armed in ${median(arm).toFixed(0)} ms with all checks of their bytes (${Math.min(...arm).toFixed(0)} to ${Math.max(...arm).toFixed(0)}), disarmed in ${median(disarm).toFixed(0)} ms`,
      );
      say(`the agent: ${residentMegabytes(agent.pid ?? 0).toFixed(0)} MB`);
    } finally {
      await agent.dispose();
      program.kill();
    }
    const attach = (script: string): Promise<number> =>
      milliseconds(() => execa('bpftrace', ['-e', script], { env: { BPFTRACE_MAX_PROBES: '10000' }, reject: false }));
    // A tenth of a second each: some are enough to tell.
    const some = 'github.com/go-delve/delve/pkg/dwarf/op.*';
    const { stdout } = await execa('bpftrace', ['-l', `uprobe:${path}:${some}`]);
    const count = stdout.split('\n').length;
    const [ones, manys]: [number[], number[]] = [[], []];
    for (let round = 0; round < 3; round++) {
      ones.push(await attach(`uprobe:${path}:"main.main" { @ = count(); } BEGIN { exit(); }`));
      manys.push(await attach(`uprobe:${path}:${some} { @ = count(); } BEGIN { exit(); }`));
    }
    const [one, many] = [median(ones), median(manys)];
    say(
      `bpftrace: ${count} functions in ${many.toFixed(0)} ms, armed and disarmed; one in ${one.toFixed(0)} ms: ${((many - one) / count).toFixed(1)} ms for each`,
    );
  });

  /** What a client does with each event: count it, or look at all of its values. */
  for (const [what, look] of [
    ['counted', () => 1],
    ['read with all values', (event: ProbeEvent) => (event.values.every(({ faulted }) => !faulted) ? 1 : 0)],
  ] as const) {
    it(`reads events as they come, ${what}`, { timeout: 120_000 }, async () => {
      const path = await privateCopy(await buildFixture('orders'), directory);
      const plan = await planned(path, 'main.price do log "{o.ID} {o.Symbol} {mult}"');
      const program = await startProgram(path, ['serve', '0']);
      const agent = await startTestAgent();
      let read = 0;
      agent.onEvents((events) => {
        for (const event of events) read += look(event);
      });
      try {
        const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: undefined } });
        const start = process.hrtime.bigint();
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        const counters = await agent.disarm(probe);
        const seconds = Number(process.hrtime.bigint() - start) / 1e9;
        await agent.drain();
        expect(read + counters.dropped).toBe(counters.matches);
        expect(counters.hits).toBe(counters.matches);
        const rate = (events: number): string => `${(events / seconds / 1e6).toFixed(2)} million a second`;
        say(
          `events: ${rate(counters.hits)} made by a program that shares ${cpus().length} processors with agent and client; ${rate(read)} ${what} in another process, ${((100 * read) / counters.matches).toFixed(1)} %; the others lost for want of room and counted`,
        );
        say(`the agent after ${read} events: ${residentMegabytes(agent.hello.pid).toFixed(0)} MB`);
      } finally {
        await agent.dispose();
        program.kill();
      }
    });
  }

  it('writes them as lines', { timeout: 120_000 }, async () => {
    const path = await privateCopy(await buildFixture('orders'), directory);
    const calls = 1_000_000;
    const traced = await traceProgram(['main.price do log "{o.ID} {o.Symbol} {mult}"'], [path, String(calls)]);
    const [probe] = traced.probes;
    expect(probe?.hits).toBe(calls);
    expect(traced.events.length + (probe?.lost ?? 0)).toBe(calls);
    say(
      `trace --json of ${calls} calls in ${traced.seconds.toFixed(2)} s: ${((100 * traced.events.length) / calls).toFixed(1)} % as lines with three values, the others counted as lost`,
    );
  });
});
