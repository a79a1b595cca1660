/** Whole traces of real programs: exact counts, right arguments, nothing left behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { type EventNames, formatTraceEvent, type TraceEvent } from '../src/trace/event.js';
import { formatTraceSummary } from '../src/trace/summary.js';
import { startTrace, type TraceOptions, type TraceTarget } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';
import { kernelIsClean, kernelObjects } from './kernel-leftovers.js';
import { startProgram } from './verify-program.js';

describe.skipIf(requirement('kernel', 'go', 'bpftool').missing)('trace', () => {
  let directory: string;
  let orders: string;
  let before: ReadonlySet<string>;
  let events: TraceEvent[];
  let names: EventNames[];
  let notes: string[];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-trace-'));
    orders = await privateCopy(await buildFixture('orders'), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    before = new Set(await kernelObjects());
    events = [];
    names = [];
    notes = [];
  });
  afterEach(async () => {
    expect(await kernelIsClean(before)).toEqual([]);
  });

  const options = async (probes: readonly string[], target: TraceTarget): Promise<TraceOptions> => ({
    agentCommand: await agentCommandLine(),
    probes,
    target,
    onEvent: (event, name) => {
      events.push(event);
      names.push(name);
    },
    onNote: (note) => notes.push(note),
    budget: Number.POSITIVE_INFINITY,
  });

  const program = (...args: string[]): TraceTarget => ({ kind: 'program', path: orders, args, stdio: 'ignore' });

  const anyOf = (numbers: number): string => Array.from({ length: numbers }, (_, index) => `o.ID==${index}`).join('||');

  it('judges long chains, and says of longer ones that they are too long', { timeout: 60_000 }, async () => {
    const trace = await startTrace(await options([`main.price if ${anyOf(250)} do count`], program('1000')));
    expect((await trace.finished).probes).toMatchObject([{ hits: 1000, matches: 250, faults: 0 }]);
    const searches = Array.from({ length: 24 }, (_, index) => `strings.Contains(o.Symbol, "none${index}")`).join('||');
    for (const condition of [anyOf(380), anyOf(600), searches]) {
      const refused: unknown = await startTrace(
        await options([`main.price if ${condition} do count`], program('1')),
      ).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'too-large', message: expect.stringMatching(/several probes\.$/) });
    }
  });

  it('ends with its table when the program ends while probes still go in', { timeout: 60_000 }, async () => {
    const service = await startProgram(orders, ['serve', '0']);
    const told: string[] = [];
    const trace = await startTrace({
      ...(await options(['main.price do count', 'main.worker do count', 'main.price'], {
        kind: 'running',
        pid: service.pid,
      })),
      // Whatever is probed is too hot for this, which is said before it is armed.
      budget: 1e-12,
      onNote: (note) => {
        told.push(note);
        service.kill();
      },
    });
    const { probes, exitCode } = await trace.finished;
    expect(told[0]).toContain('is hot');
    expect(probes.map(({ text }) => text)).toEqual(['main.price do count', 'main.worker do count', 'main.price']);
    expect(probes.slice(1).map(({ hits }) => hits)).toEqual([0, 0]);
    expect(exitCode).toBeUndefined();
    expect(formatTraceSummary({ seconds: 1, probes: [], exitCode: 3 })).toMatch(/1\.000 s, exit code 3$/);
  });

  it('counts 1,000,000 calls exactly, from the first to the last, and every condition as Go does', {
    timeout: 180_000,
  }, async () => {
    const { stdout } = await execa(orders, ['1000000']);
    const { calls, matches }: { calls: number; matches: Record<string, number> } = JSON.parse(
      stdout.split('\n').at(-1) ?? '',
    );
    const conditions = Object.keys(matches);
    const texts = ['main.price do count', 'main.main do count'].concat(
      conditions.map((condition) => `main.price if ${condition} do count`),
    );
    const trace = await startTrace(await options(texts, program('1000000')));
    const summary = await trace.finished;
    expect(summary.exitCode).toBe(0);
    const [price, main, ...judged] = summary.probes;
    expect([price?.hits, price?.matches, main?.hits, calls]).toEqual([1_000_000, 1_000_000, 1, 1_000_000]);
    expect(Object.fromEntries(judged.map((probe, index) => [conditions[index], probe.matches]))).toEqual(matches);
    expect(judged.every((probe) => probe.hits === 1_000_000 && probe.faults === 0)).toBe(true);
    expect(formatTraceSummary(summary)).toContain('1,000,000');
  });

  it('shows every argument right', { timeout: 120_000 }, async () => {
    const trace = await startTrace(
      await options(['main.price do log "{o.ID} {o.Symbol} {o.Qty} {o.Price} {mult}"'], program('20000')),
    );
    const summary = await trace.finished;
    expect(summary.probes[0]).toMatchObject({ hits: 20_000, matches: 20_000 });
    expect(events.length).toBe(20_000 - (summary.probes[0]?.lost ?? 0));
    expect(events.length).toBeGreaterThan(1_000);
    const wrong = events.filter(({ values }) => {
      const id = Number(values['o.ID']);
      // fixtures/programs/orders/book.go: what order `id` is made of; worker id % 4 multiplies by one more than that.
      const order = orderOf(id);
      return (
        values['o.Symbol'] !== JSON.stringify(order.symbol) ||
        Number(values['o.Qty']) !== order.qty ||
        Number(values['o.Price']) !== order.price ||
        Number(values.mult) !== (id % 4) + 1
      );
    });
    expect(wrong.slice(0, 3)).toEqual([]);
    const ids = new Set(events.map(({ values }) => values['o.ID']));
    expect(ids.size).toBe(events.length);
    // Four workers, four goroutines; and each event knows how many of its kind are missing.
    expect(new Set(events.map(({ goid }) => goid)).size).toBe(4);
    expect(events.at(-1)?.lost ?? 0).toBeLessThanOrEqual(summary.probes[0]?.lost ?? 0);
    const [event] = events;
    const [name] = names;
    if (event === undefined || name === undefined) throw new Error('there is no event');
    expect(formatTraceEvent(name, event)).toMatch(
      /^\d+\.\d{6} cpu \d+ tid \d+ goroutine \d+ main\.price \(order\.go:\d+\): /,
    );
  });

  it('sends no more than the limit, a second of it at once, and counts all', { timeout: 60_000 }, async () => {
    const few = await startTrace(await options(['main.price do log limit 10'], program('10')));
    expect((await few.finished).probes[0]).toMatchObject({ hits: 10, matches: 10, lost: 0, limited: 0 });
    expect(events.length).toBe(10);
    events.length = 0;
    const trace = await startTrace(await options(['main.price do log limit 100'], program('200000')));
    const { probes, seconds } = await trace.finished;
    expect(probes[0]).toMatchObject({ hits: 200_000, matches: 200_000 });
    // 100 at once, and 100 a second: four goroutines take them from one bucket. The run is a part of the time that is told.
    expect(events.length).toBeGreaterThanOrEqual(100);
    expect(events.length).toBeLessThanOrEqual(100 * seconds + 100);
    expect(probes[0]).toMatchObject({ lost: 200_000 - events.length, limited: 200_000 - events.length });
  });

  it('attaches to a running program and leaves it running', async () => {
    const running = await startProgram(orders, ['serve', '2000']);
    try {
      const trace = await startTrace(await options(['main.price'], { kind: 'running', pid: running.pid }));
      while (events.length < 100) await new Promise((resolve) => setTimeout(resolve, 5));
      const summary = await trace.stop();
      expect(summary.probes[0]?.hits).toBe(events.length);
      expect(running.alive).toBe(true);
      process.kill(running.pid, 'SIGTERM');
      expect(await running.exited()).toBe(0);
    } finally {
      running.kill();
    }
  });

  it('takes snapshots: arguments, and the callers with their inlined calls', { timeout: 60_000 }, async () => {
    const plain = await privateCopy(await buildFixture('orders', { flags: ['-gcflags=all=-N -l'] }), directory);
    for (const path of [plain, orders]) {
      events.length = 0;
      const target: TraceTarget = { kind: 'program', path, args: ['2000'], stdio: 'ignore' };
      const trace = await startTrace(
        await options(['main.feed do snapshot', 'main.price do snapshot limit 50'], target),
      );
      await trace.finished;
      const stackOf = (probe: number): string[] =>
        (events.find((event) => event.probe === probe)?.stack ?? []).map((frame) => frame.replace(/:\d+\)$/, ')'));
      expect(stackOf(1)).toEqual([
        'main.feed (main.go)',
        'main.run (main.go)',
        'main.main (main.go)',
        'runtime.main (proc.go)',
        'runtime.goexit (asm_amd64.s)',
      ]);
      // Optimised, price has no frame of its own: its caller is on the stack only as a return address.
      expect(stackOf(2).slice(-4)).toEqual([
        'main.price (order.go)',
        'main.worker (main.go)',
        'main.run.gowrap1 (main.go)',
        'runtime.goexit (asm_amd64.s)',
      ]);
      const [snapshot] = events.filter((event) => event.probe === 2);
      expect(Object.keys(snapshot?.values ?? {})).toContain('mult');
    }
  });

  it('follows the program through the kernel, by goroutine', { timeout: 60_000 }, async () => {
    const texts = [
      'tracepoint:sched:sched_switch',
      'tracepoint:syscalls:sys_enter_openat do log "{filename} {flags}"',
      'tracepoint:syscalls:sys_enter_write on main do log "{fd} {count}"',
      'perf:page-faults:1 do count',
      'perf:context-switches:1 do count',
    ];
    const trace = await startTrace(await options(texts, program('20000')));
    const { probes } = await trace.finished;
    const of = (position: number): TraceEvent[] => events.filter((event) => event.probe === position);
    // Each record of sched_switch is of the thread that leaves the processor or of the one that comes.
    const switches = of(1);
    const coming = switches.filter((event) => event.values.coming === 'true');
    const leaving = switches.filter((event) => event.values.coming === 'false');
    expect(leaving.length).toBeGreaterThan(10);
    expect(coming.length).toBeGreaterThan(10);
    expect(coming.length + leaving.length).toBe(switches.length);
    expect(leaving.filter((event) => Number(event.values.prev_pid) !== event.tid)).toEqual([]);
    expect(coming.filter((event) => Number(event.values.next_pid) !== event.tid)).toEqual([]);
    // Until it becomes the program, the process is the shell that holds it.
    expect([...new Set(leaving.map((event) => event.values.prev_comm))].filter((name) => name !== '"sh"')).toEqual([
      '"orders"',
    ]);
    // Goroutine 0 is the scheduler; among the others is the first one.
    const goids = new Set(switches.map((event) => event.goid));
    expect(goids.has('0')).toBe(true);
    expect(of(2).map((event) => event.values.filename)).toContain(
      '"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"',
    );
    // "ready PID" and the report, both from main, of known lengths.
    expect(of(3).map((event) => [event.goid, event.values.fd])).toEqual([
      ['1', '1'],
      ['1', '1'],
    ]);
    expect(probes[3]?.hits).toBeGreaterThan(20);
    expect(probes[4]?.hits).toBeGreaterThan(0);
    // Each switch is one context switch; the two probes went in one after the other.
    expect(Math.abs((probes[4]?.hits ?? 0) - leaving.length - (probes[0]?.lost ?? 0))).toBeLessThanOrEqual(5);
  });

  it('takes out a probe that costs too much, and says so', { timeout: 60_000 }, async () => {
    const running = await startProgram(orders, ['serve', '0']);
    try {
      const trace = await startTrace({
        ...(await options(['main.price do count'], { kind: 'running', pid: running.pid })),
        budget: 0.001,
      });
      while (notes.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(notes[0]).toMatch(/is hot: .* a second x .* us = .* % of a core/);
      expect(notes[1]).toMatch(/was taken out: /);
      const summary = await trace.stop();
      expect(summary.probes[0]?.stoppedEarly).toBe(true);
      expect(summary.probes[0]?.hits).toBeGreaterThan(0);
    } finally {
      running.kill();
    }
  });

  for (const [text, code] of [
    ['main.price if', 'bad-probe-text'],
    ['main.prise', 'unknown-function'],
    ['main.price do stop', 'needs-debugger'],
    ['main.price on current', 'no-current-goroutine'],
    ['tracepoint:sched:sched_swich', 'kernel-refused'],
    ['tracepoint:sched:sched_switch do log "{nothing}"', 'unsupported'],
    ['perf:page-fault', 'unsupported'],
  ] as const) {
    it(`refuses "${text}" and leaves no process`, async () => {
      const failure: unknown = await startTrace(await options([text], program('10'))).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'AgentFailure', code });
    });
  }
});

const SYMBOLS = ['ACME', 'GLOBEX', 'INITECH', 'UMBRELLA', 'HOOLI', 'ZORG'];

/** What order `id` is made of: fixtures/programs/orders/book.go. */
const orderOf = (id: number): { symbol: string; qty: number; price: number } => ({
  symbol: SYMBOLS[id % SYMBOLS.length] ?? '',
  qty: id % 103,
  price: 1.5 + (id % 8) / 4,
});
