/** Probes that switch each other in the kernel, against what the program says that it did between the two. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { TraceEvent } from '../src/trace/event.js';
import type { TraceSummary } from '../src/trace/summary.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

interface Visit {
  readonly number: number;
  readonly open: boolean;
  readonly entered: boolean;
}

describe.skipIf(requirement('kernel', 'go').missing)('probes that switch each other', () => {
  let directory: string;
  let errands: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-switches-'));
    errands = await privateCopy(await buildFixture('errands'), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const run = async (
    probes: readonly string[],
  ): Promise<{ events: readonly TraceEvent[]; summary: TraceSummary; visits: readonly Visit[] }> => {
    const events: TraceEvent[] = [];
    const trace = await startTrace({
      agentCommand: await agentCommandLine(),
      probes,
      target: { kind: 'program', path: errands, args: ['switch', directory], stdio: 'ignore' },
      onEvent: (event) => events.push(event),
      onNote: () => undefined,
      budget: Number.POSITIVE_INFINITY,
    });
    const summary = await trace.finished;
    expect(summary.exitCode).toBe(0);
    const visits: readonly Visit[] = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8'));
    return { events, summary, visits };
  };

  const numbersOf = (events: readonly TraceEvent[], probe: number): readonly number[] =>
    events.filter((event) => event.probe === probe).map((event) => Number(event.values.number));

  it('records exactly the calls between two others, and what each probe says of itself', {
    timeout: 60_000,
  }, async () => {
    const { events, summary, visits } = await run([
      'main.enter do count then arm 3 then arm 4',
      'main.leave do count then disarm 3 then disarm 4',
      'main.visited do log "{number}"',
      // Only the first visit after each enter.
      'main.visited do log "{number}" then disarm 4',
      // Once and never again; a snapshot with it.
      'main.visited if number > 100 do log "{number}" then disarm 5 then snapshot',
      'main.visited do count',
      // Nobody arms it.
      'main.visited do count initially off',
      // On until it is told otherwise.
      'main.visited do count initially on then disarm 8',
    ]);
    const open = visits.filter((visit) => visit.open).map(({ number }) => number);
    expect(open.length).toBeGreaterThan(500);
    expect(numbersOf(events, 3)).toEqual(open);
    const first = visits.filter((visit) => visit.entered);
    expect(numbersOf(events, 4)).toEqual(first.map(({ number }) => number));
    expect(numbersOf(events, 5)).toEqual([101]);
    expect(events.find((event) => event.probe === 5)?.stack?.[1]).toMatch(/^main\.switches /);
    expect(events.find((event) => event.probe === 3)?.stack).toBeUndefined();
    const counts = summary.probes.map(({ hits, matches }) => [hits, matches]);
    expect(counts.slice(2)).toEqual([
      [open.length, open.length],
      [first.length, first.length],
      [102, 1],
      [visits.length, visits.length],
      [0, 0],
      [1, 1],
    ]);
  });

  it('lets an event of the kernel switch a probe, and the other way round', { timeout: 60_000 }, async () => {
    const { events, summary, visits } = await run([
      'main.leave if round > 1000 do count then arm 2',
      'tracepoint:syscalls:sys_enter_openat do log "{filename}" then arm 3',
      'tracepoint:syscalls:sys_enter_write do log "{count}" then disarm 3',
      'main.visited do count',
    ]);
    // After the last visit the program opens its report and writes it, at once.
    const opened = events.filter((event) => event.probe === 2).map((event) => event.values.filename);
    expect(opened).toEqual([`"${directory}/report.json"`]);
    const written = events.filter((event) => event.probe === 3).map((event) => Number(event.values.count));
    expect(written).toEqual([JSON.stringify(visits).length]);
    expect(summary.probes[3]?.hits).toBe(visits.length);
  });

  for (const [probes, words] of [
    [['main.visited do count then arm 2'], 'names probe 2, and there is only this one'],
    [['main.visited do count', 'main.enter then disarm 7'], 'names probe 7, and there are 2, counted from 1'],
  ] as const) {
    it(`refuses "${probes.at(-1)}" in a list of ${probes.length}`, async () => {
      await expect(run(probes)).rejects.toMatchObject({
        code: 'no-such-probe',
        message: expect.stringContaining(words),
      });
    });
  }
});
