/** Conditions and expressions on events of the kernel, against what the program says that it did. */
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

interface Report {
  readonly opens: readonly { readonly path: string; readonly errno: number }[];
  readonly writes: readonly { readonly writer: number; readonly fd: number; readonly count: number }[];
}

describe.skipIf(requirement('kernel', 'go').missing)('conditions on events of the kernel', () => {
  let directory: string;
  let errands: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-events-'));
    errands = await privateCopy(await buildFixture('errands'), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const run = async (
    probes: readonly string[],
  ): Promise<{ events: readonly TraceEvent[]; summary: TraceSummary; report: Report; work: string }> => {
    const work = mkdtempSync(join(directory, 'work-'));
    const events: TraceEvent[] = [];
    const trace = await startTrace({
      agentCommand: await agentCommandLine(),
      probes,
      target: { kind: 'program', path: errands, args: ['files', work], stdio: 'ignore' },
      onEvent: (event) => events.push(event),
      onNote: () => undefined,
      budget: Number.POSITIVE_INFINITY,
    });
    const summary = await trace.finished;
    expect(summary.exitCode).toBe(0);
    const report: Report = JSON.parse(readFileSync(join(work, 'report.json'), 'utf8'));
    return { events, summary, report, work };
  };

  it('selects by integers of the system calls, in the width and sign that they are declared with', async () => {
    const judged: readonly [text: string, matches: (write: Report['writes'][number]) => boolean][] = [
      ['count > 100', ({ count }) => count > 100],
      ['count >= 50 && count < 200 || count == 0', ({ count }) => (count >= 50 && count < 200) || count === 0],
      ['count%10 == 7 && fd != 3', ({ count, fd }) => count % 10 === 7 && fd !== 3],
      ['!(int(count)-200 > int(fd))', ({ count, fd }) => !(count - 200 > fd)],
    ];
    const { events, summary, report } = await run([
      ...judged.map(([condition]) => `tracepoint:syscalls:sys_enter_write if ${condition} do count`),
      'tracepoint:syscalls:sys_enter_write if count > 390 do log "{fd} {count} {count*2} {count > 395}"',
      'tracepoint:syscalls:sys_exit_openat if ret < 0 do log "{ret}"',
      'tracepoint:syscalls:sys_enter_openat if dfd == -100 do count',
      'tracepoint:syscalls:sys_enter_openat if dfd != -100 do count',
      // Faults of user code have an address; the program counter is in user or kernel memory, never 0.
      'perf:page-faults:1 if ip != 0 && addr != 0 do count',
      'perf:page-faults:1 if ip == 0 do count',
    ]);
    // The report's own write comes last; the rest of the program writes nothing.
    const size = JSON.stringify(report).length;
    const writes = [...report.writes, { writer: -1, fd: 3, count: size }];
    for (const [index, [condition, matches]] of judged.entries()) {
      const probe = summary.probes[index];
      expect(writes.filter(matches).length).toBeGreaterThan(0);
      expect([condition, probe?.hits, probe?.matches, probe?.faults]).toEqual([
        condition,
        writes.length,
        writes.filter(matches).length,
        0,
      ]);
    }
    const shown = events.filter((event) => event.probe === 5).map((event) => Object.values(event.values).join(' '));
    const expected = writes.filter(({ count }) => count > 390);
    expect(shown.map((text) => text.split(' ').slice(1).join(' ')).toSorted()).toEqual(
      expected.map(({ count }) => `${count} ${count * 2} ${count > 395}`).toSorted(),
    );
    const failures = events.filter((event) => event.probe === 6).map((event) => -Number(event.values.ret));
    for (const { errno } of report.opens.filter((open) => open.errno !== 0)) expect(failures).toContain(errno);
    expect(failures.filter((errno) => errno === 2).length).toBeGreaterThanOrEqual(
      report.opens.filter((open) => open.errno === 2).length,
    );
    expect(summary.probes[6]?.matches).toBeGreaterThanOrEqual(report.opens.length);
    expect(summary.probes[7]?.matches).toBe(0);
    const [, , , , , , , , faults, nowhere] = summary.probes;
    expect(faults?.matches).toBeGreaterThan(20);
    expect([faults?.matches, nowhere?.matches]).toEqual([faults?.hits, 0]);
  });

  it('selects by texts: equal, different, a prefix, and their lengths', { timeout: 60_000 }, async () => {
    // Texts are looked at up to 63 bytes.
    const prefix = `${directory}/work-`;
    const { events, summary, report } = await run([
      'tracepoint:syscalls:sys_enter_openat if filename == "/nowhere" do count',
      `tracepoint:syscalls:sys_enter_openat if len(filename) > 20 && filename[:${prefix.length}] == "${prefix}" do log "{filename} {flags}"`,
      `tracepoint:syscalls:sys_enter_openat if len(filename) < ${prefix.length} || filename[:${prefix.length}] != "${prefix}" do log "{filename}"`,
      'tracepoint:task:task_newtask if comm == "errands" do count',
      'tracepoint:task:task_newtask if comm != "errands" do log "{comm}"',
      'tracepoint:task:task_newtask if len(comm) == 7 && comm[2:5] == "ran" do count',
      'tracepoint:task:task_newtask if comm[:3] == "err" && clone_flags&0x10000 != 0 do count',
      'tracepoint:task:task_newtask if strings.HasPrefix(comm, "err") && strings.HasSuffix(comm, "ands") do count',
      'tracepoint:task:task_newtask if strings.Contains(comm, "rran") do count',
      'tracepoint:task:task_newtask if strings.Contains(comm, "rrand ") || strings.HasSuffix(comm, "errand") do count',
      `tracepoint:syscalls:sys_enter_openat if strings.Contains(filename, "${prefix.slice(-12)}") do log "{filename}"`,
    ]);
    // The kernel's own texts can always be read. A file name lies in the program's memory: a page of constants that nobody
    // has touched yet is not there, and the event says so.
    expect(summary.probes.slice(3, 10).map((probe) => probe.faults)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    const judged = events.filter((event) => event.faulted !== true);
    expect(summary.probes[0]?.matches).toBe(0);
    const ours = judged.filter((event) => event.probe === 2);
    const opened = ours.map((event) => Number(event.values.flags)).length;
    // 12 files, 4 writers, the report.
    expect([opened, report.opens.length]).toEqual([17, 12]);
    // Longer ones show that they go on, and are cut between bytes of ASCII.
    const longest = 63;
    const shown = ours.map((event) => event.values.filename ?? '');
    for (const { path } of report.opens) {
      const text =
        path.length > longest ? `${JSON.stringify(path.slice(0, longest))}...and more` : JSON.stringify(path);
      expect(shown).toContain(text);
    }
    expect(report.opens.some(({ path }) => path.length > longest)).toBe(true);
    const others = judged.filter((event) => event.probe === 3).map((event) => event.values.filename ?? '');
    expect(others.filter((name) => name.startsWith(`"${prefix}`))).toEqual([]);
    expect(summary.probes[1]?.hits).toBe(17 + others.length + (summary.probes[1]?.faults ?? 0));
    const found = judged.filter((event) => event.probe === 11).map((event) => event.values.filename ?? '');
    expect(found.filter((name) => name.startsWith(`"${prefix}`)).length).toBe(found.length);
    expect(found.length).toBe(17);
    const [, , , same, different, middle, start, ends, contains, never] = summary.probes;
    expect(same?.matches).toBeGreaterThan(0);
    expect(same?.hits).toBe((same?.matches ?? 0) + (different?.matches ?? 0));
    expect([middle, start, ends, contains].map((each) => each?.matches)).toEqual(new Array(4).fill(same?.matches));
    expect(never?.matches).toBe(0);
  });
});
