/** Events about two threads: the one that leaves its processor or wakes, and the one that comes or is woken. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

interface Report {
  readonly pid: number;
  readonly turns: readonly { readonly tid: number; readonly turns: number }[];
}

const byTime = (a: TraceEvent, b: TraceEvent): number => (BigInt(a.t) < BigInt(b.t) ? -1 : 1);

describe.skipIf(requirement('kernel', 'go').missing)('events about two threads', () => {
  let directory: string;
  let events: TraceEvent[];
  let report: Report;
  let comings: number | undefined;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-threads-'));
    const errands = await privateCopy(await buildFixture('errands'), directory);
    events = [];
    const trace = await startTrace({
      agentCommand: await agentCommandLine(),
      probes: [
        'tracepoint:sched:sched_switch do log "{coming} {prev_pid} {next_pid}"',
        'tracepoint:sched:sched_waking do log "{woken} {pid}"',
        'tracepoint:sched:sched_switch if coming && runtime.curg.goid > 1 do count',
        'tracepoint:sched:sched_switch on label "player"="second" do snapshot',
      ],
      target: { kind: 'program', path: errands, args: ['pipe', directory], stdio: 'ignore' },
      onEvent: (event) => events.push(event),
      onNote: () => undefined,
      budget: Number.POSITIVE_INFINITY,
    });
    const summary = await trace.finished;
    expect(summary.exitCode).toBe(0);
    expect(summary.probes.map(({ lost }) => lost)).toEqual([0, 0, 0, 0]);
    comings = summary.probes[2]?.matches;
    report = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const of = (probe: number, tid: number): readonly TraceEvent[] =>
    events.filter((event) => event.probe === probe && event.tid === tid).toSorted(byTime);

  it('shows how each thread leaves and comes in turn, on the same goroutine', () => {
    for (const { tid, turns } of report.turns) {
      const switches = of(1, tid);
      expect(turns).toBe(200);
      // The two wait for each other; now and then the ball is there before the wait.
      expect(switches.length).toBeGreaterThan(20);
      let last: TraceEvent | undefined;
      let irregular = 0;
      for (const event of switches) {
        const coming = event.values.coming === 'true';
        expect(Number(coming ? event.values.next_pid : event.values.prev_pid)).toBe(tid);
        expect(event.pid).toBe(report.pid);
        const follows = last === undefined || event.values.coming !== last.values.coming;
        if (!follows || (coming && last !== undefined && event.goid !== last.goid)) irregular++;
        last = event;
      }
      // The kernel runs no program while another process on that processor is inside a system call on a map
      // (bpf_disable_instrumentation): should it be switched right there, that one event is missing.
      expect(irregular).toBeLessThanOrEqual(2);
    }
    // Each of the two is locked to its thread: one goroutine, and the scheduler's own stack.
    const goids = report.turns.map(({ tid }) => new Set(of(1, tid).map((event) => event.goid)));
    expect(goids.map((each) => each.size >= 1)).toEqual([true, true]);
    const named = events.filter((event) => event.probe === 1 && event.values.coming === 'true');
    expect(comings).toBe(named.filter((event) => BigInt(event.goid) > 1n).length);
    expect(comings).toBeGreaterThan(20);
  });

  it('tells the goroutines with a label from the others, also of the thread that comes', () => {
    const [first, second] = report.turns.map(({ tid }) => of(1, tid));
    // A thread that ends has given its memory back: whether a label was there cannot be known any more.
    const [unsure, labelled] = [true, false].map((doubt) =>
      events.filter((event) => event.probe === 4 && (event.faulted === true) === doubt),
    );
    if (unsure === undefined || labelled === undefined) throw new Error('no events');
    expect(unsure.filter(({ stackMissing }) => stackMissing !== 'the thread had given its memory back')).toEqual([]);
    const own = new Set(labelled.map(({ goid }) => goid));
    expect(own.size).toBe(1);
    expect(second?.some((event) => own.has(event.goid))).toBe(true);
    expect(first?.some((event) => own.has(event.goid))).toBe(false);
    for (const coming of ['true', 'false']) {
      const among = (some: readonly TraceEvent[]): number =>
        some.filter((event) => own.has(event.goid) && event.values.coming === coming).length;
      const all = events.filter((event) => event.probe === 1);
      // As above: where the kernel runs no program, it may run one of the two.
      expect(Math.abs(among(labelled) - among(all))).toBeLessThanOrEqual(4);
      expect(among(labelled)).toBeGreaterThan(10);
    }
    for (const { values, stack = [], stackMissing } of labelled) {
      if (values.coming === 'true') expect([stack, stackMissing?.includes('did not run')]).toEqual([[], true]);
      else expect(stack.some((frame) => frame.startsWith('main.pipe'))).toBe(true);
    }
  });

  it('shows who is woken, on the goroutine on which it left, and who wakes', () => {
    for (const { tid } of report.turns) {
      const woken = of(2, tid).filter((event) => event.values.woken === 'true');
      expect(woken.length).toBeGreaterThan(20);
      expect(woken.filter((event) => Number(event.values.pid) !== tid)).toEqual([]);
      const switches = of(1, tid);
      let wrong = 0;
      for (const event of woken) {
        const before = switches.filter((each) => BigInt(each.t) < BigInt(event.t)).at(-1);
        // Woken while it still ran, or before it ever left: not known, and no guess.
        const agrees = before?.values.coming === 'false' && before.goid === event.goid;
        if (event.goid !== '0' && !agrees) wrong++;
      }
      expect(wrong).toBeLessThanOrEqual(2);
      expect(woken.filter((event) => event.goid !== '0').length).toBeGreaterThan(10);
    }
    const [first, second] = report.turns;
    const wakers = events.filter(
      (event) => event.probe === 2 && event.values.woken === 'false' && Number(event.values.pid) === second?.tid,
    );
    expect(wakers.filter((event) => event.tid === first?.tid).length).toBeGreaterThan(20);
  });
});
