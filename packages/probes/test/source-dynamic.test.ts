/** Tracepoints that were made through uprobe_events, as perf probe does: counted by goroutine, without their values. */
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { loadPlanner } from '../src/plan/planner.js';
import { parseProbeText } from '../src/spec/text.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

/** A name of this process's own: the list is the machine's. */
const event = `visited_${process.pid}`;
const list = '/sys/kernel/tracing/uprobe_events';

describe.skipIf(requirement('kernel', 'go').missing || !existsSync(list))('a tracepoint that somebody made', () => {
  let directory: string;
  let errands: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-dynamic-'));
    errands = await privateCopy(await buildFixture('errands'), directory);
    const planner = await loadPlanner();
    const binary = await openGoBinary(errands);
    const parsed = parseProbeText('main.visited do count');
    const planned = parsed.ok ? planner.plan(parsed.spec, binary) : undefined;
    if (planned?.ok !== true) throw new Error('main.visited cannot be planned');
    appendFileSync(list, `p:probelens_test/${event} ${errands}:${planned.plan.sites[0]?.offset} number=%ax:s64\n`);
    binary.close();
    planner.dispose();
  });
  afterAll(() => {
    appendFileSync(list, `-:probelens_test/${event}\n`);
    rmSync(directory, { recursive: true, force: true });
  });

  const start = async (text: string, events: TraceEvent[]) =>
    startTrace({
      agentCommand: await agentCommandLine(),
      probes: [`tracepoint:probelens_test:${event} ${text}`],
      target: { kind: 'program', path: errands, args: ['switch', directory], stdio: 'ignore' },
      onEvent: (each) => events.push(each),
      onNote: () => undefined,
      budget: Number.POSITIVE_INFINITY,
    });

  it('counts every hit, and knows its goroutine', async () => {
    const events: TraceEvent[] = [];
    const { probes } = await (await start('on main do log', events)).finished;
    expect(probes[0]).toMatchObject({ hits: 3000, matches: 3000, lost: 0 });
    expect(new Set(events.map(({ goid }) => goid))).toEqual(new Set(['1']));
    expect(events.length).toBe(3000);
  });

  for (const text of ['if number == 3 do count', 'do log "{number}"']) {
    it(`says that its values cannot be seen: ${text}`, async () => {
      await expect(start(text, [])).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('the kernel shows its values to no program'),
      });
    });
  }
});
