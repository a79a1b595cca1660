/** Reports of crashes, held against what the Go runtime itself prints of each. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { startCrashWatch } from '../src/crash/machine.js';
import { offsetsTwice } from '../src/crash/offsets.js';
import type { CrashReport } from '../src/crash/report.js';
import { formatCrash } from '../src/crash/text.js';
import { agentCommandLine } from './agent-process.js';
import { type CrashRun, crash } from './crashes-program.js';
import { parseTraceback } from './go-traceback.js';

/** The lines that the runtime prints for the panics of a report. */
const panicLines = ({ panics = [] }: CrashReport): readonly string[] =>
  panics
    .filter((_, index) => panics[index - 1]?.repanicked !== true)
    .flatMap(({ text, recovered, repanicked }, index) => {
      const mark = repanicked === true ? ' [recovered, repanicked]' : ' [recovered]';
      return `${index > 0 ? '\t' : ''}panic: ${text}${recovered ? mark : ''}`.split('\n');
    });

const plain = ({ function: name, file, line }: { function: string; file: string; line: number }) => ({
  name,
  file,
  line,
});

/** Messages beyond what is kept are cut, and say so. */
const expectPanics = (report: CrashReport, head: readonly string[]): void => {
  const lines = panicLines(report);
  const cut = lines.map((line) => /^(.*)\.\.\. \((\d+) bytes in all\)$/.exec(line));
  const whole = lines.map((line, index) => (cut[index] === null ? line : head[index]));
  expect(whole).toEqual(head);
  for (const [index, found] of cut.entries()) {
    if (found === null) continue;
    expect(head[index]?.startsWith(found?.[1] ?? '')).toBe(true);
    expect((head[index] ?? '').length).toBe('panic: '.length + Number(found?.[2]));
  }
};

/** The report of a program that ended, which agrees with its traceback; `several` crashed, and one of them printed it. */
const agreed = (run: CrashRun, several = false): CrashReport => {
  const printed = parseTraceback(run.stderr);
  const { reports } = run;
  if (!several) expect(reports, run.stderr).toHaveLength(1);
  const report = several ? reports.find(({ goroutine }) => goroutine === printed.goroutine) : reports[0];
  if (report === undefined) throw new Error(`no report; the program said ${run.stderr}`);
  expect(report.pid).toBe(run.pid);
  expect(report.goroutine).toBe(printed.goroutine);
  expect(report.stack.map(plain)).toEqual(printed.frames.map(plain));
  expect(report.createdBy && { ...plain(report.createdBy), goroutine: report.createdBy.goroutine }).toEqual(
    printed.createdBy && { ...plain(printed.createdBy), goroutine: printed.createdBy.goroutine },
  );
  expect(report.fault?.address).toBe(printed.faultAddress);
  if (report.kind === 'panic') expectPanics(report, printed.head);
  if (report.kind === 'fatal-error') expect(printed.head).toContain(report.message);
  expect(report.exitCode).toBe(run.exitCode);
  expect(formatCrash(report)).toContain(report.message);
  return report;
};

/** The memory controller of cgroup version 1 or 2. */
const memoryGroups = [
  { directory: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { directory: '/sys/fs/cgroup', limit: 'memory.max' },
].find(
  ({ directory, limit }) => existsSync(join(directory, limit)) || existsSync(join(directory, 'init.scope', limit)),
);

const withoutC = { env: { CGO_ENABLED: '0' } };

/** Unrecovered panics: the runtime prints value, goroutine, stack and creator of each. */
const panicking = ['nil-leaf', 'repanic', 'panic-again', 'goroutine'];
const morePanicking = [
  'own-error',
  'string',
  'lines',
  'long',
  'error',
  'wrapped',
  'struct',
  'code',
  'int',
  'float',
  'nil-dereference',
  'index',
  'slice',
  'nil-map',
  'closed-channel',
  'divide',
  'assertion',
  'missing-method',
  'deferred',
  'inlined',
  'finalizer',
];

/** Fatal errors on a goroutine. */
const fatal = ['map-writes', 'fault'];
const moreFatal = ['memory', 'limit', 'bad-error', 'unlock'];

describe.skipIf(requirement('kernel', 'go').missing)('crashes', { timeout: 120_000 }, () => {
  let directory: string;
  let crashes: string;
  const copyOf = async (options: Parameters<typeof buildFixture>[1]): Promise<string> =>
    await privateCopy(await buildFixture('crashes', options), directory);
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-crashes-'));
    crashes = await copyOf(withoutC);
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(soaking ? [...panicking, ...morePanicking] : panicking)('a panic: %s', async (kind) => {
    expect(agreed(await crash(crashes, kind)).kind).toBe('panic');
  });

  it.each(soaking ? [...fatal, ...moreFatal] : fatal)('a fatal error: %s', async (kind) => {
    expect(agreed(await crash(crashes, kind), kind === 'map-writes').kind).toBe('fatal-error');
  });

  it('a stripped program that is loaded anywhere: the same', async () => {
    const stripped = await copyOf({ ...withoutC, flags: ['-ldflags=-s -w', '-buildmode=pie'] });
    const kinds = soaking ? [...panicking, ...morePanicking, ...fatal, ...moreFatal] : ['struct'];
    for (const kind of kinds) agreed(await crash(stripped, kind), kind === 'map-writes');
  });

  it('os.Exit, with what a probe saw before', async () => {
    const run = await crash(crashes, 'exit', { probes: ['main.leave do log'] });
    const [report] = run.reports;
    expect(run.reports).toHaveLength(1);
    expect(report).toMatchObject({
      kind: 'exit',
      goroutine: '1',
      exitCode: 3,
      message: 'os.Exit(3) ended the program',
    });
    expect(run.exitCode).toBe(3);
    expect(report?.stack.slice(0, 2).map((each) => each.function)).toEqual(['os.Exit', 'main.leave']);
    expect(report?.timeline.filter(({ text }) => text.startsWith('main.'))).toMatchObject([
      { goid: '1', text: expect.stringMatching(/^main\.leave .*code=3/) },
    ]);
  });

  it('os.Exit(0): an end, and no crash', async () => {
    const run = await crash(crashes, 'exit-well');
    expect(run.reports).toMatchObject([
      { kind: 'exit', goroutine: '1', exitCode: 0, message: 'os.Exit(0) ended the program' },
    ]);
    expect(run.exitCode).toBe(0);
    // Nobody asked for it: the line that the program printed last.
    const [report] = run.reports;
    const written = expect.stringMatching(/^write fd=1 .*count=5$/);
    expect(report?.timeline).toContainEqual(expect.objectContaining({ goid: '1', text: written }));
    expect(report && formatCrash(report)).toMatch(/EXIT .*os\.Exit\(0\).*\n {2}before:\n.* write fd=1 /s);
  });

  it('a thread that ends with its goroutine, when asked', async () => {
    const run = await crash(crashes, 'locked', { probes: ['crash:thread-exit'] });
    expect(run).toMatchObject({ exitCode: 0, reports: [] });
    const thread = /^thread (\d+)$/m.exec(run.stdout)?.[1];
    const ended = run.events.filter(({ values }) => values.ends === 'true');
    expect(ended).toMatchObject([
      { tid: Number(thread), values: { thread, createdBy: expect.stringContaining('main.withThreads') } },
    ]);
    expect(BigInt(ended[0]?.goid ?? 0)).toBeGreaterThan(1n);
    // Goroutines without a thread of their own end, too.
    expect(run.probes[0]?.hits).toBeGreaterThan(run.probes[0]?.matches ?? Number.NaN);
  });

  it('a panic that is recovered: where it began, and the program goes on', async () => {
    const run = await crash(crashes, 'recovered');
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('recovered recovered text') });
    expect(run.reports).toMatchObject([
      {
        kind: 'recovered-panic',
        goroutine: '1',
        panics: [{ text: 'recovered text', type: 'string', recovered: true }],
      },
    ]);
    const [report] = run.reports;
    expect(report?.stack.slice(0, 2).map((each) => each.function)).toEqual(['main.raise', 'main.guarded']);
  });

  it.each(soaking ? (['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGQUIT'] as const) : (['SIGKILL'] as const))(
    'killed from outside: %s, and by whom',
    async (name) => {
      const run = await crash(crashes, 'sleep', { meanwhile: (pid) => process.kill(pid, name) });
      expect(run.reports).toHaveLength(1);
      const caught = name === 'SIGSEGV' || name === 'SIGQUIT';
      expect(run.reports[0]).toMatchObject({
        kind: caught ? 'signal' : 'killed',
        pid: run.pid,
        signal: { name, sender: { pid: process.pid } },
        ...(caught ? { exitCode: 2 } : {}),
      });
      expect([run.signal, run.exitCode]).toEqual(caught ? [undefined, 2] : [name, undefined]);
    },
  );

  it('a storm of recovered panics is counted, and some of it told', async () => {
    const run = await crash(crashes, 'storm');
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('calm') });
    const storm = run.probes.find(({ text }) => text === 'recovered panics');
    expect(storm).toMatchObject({ hits: 1000, matches: 1000 });
    // Whatever was told or left out before the last one that was told.
    const told = run.reports.length;
    const omitted = run.reports.reduce((sum, report) => sum + (report.omitted ?? 0), 0);
    expect(told).toBeGreaterThan(0);
    expect(told + omitted).toBeLessThanOrEqual(1000);
    expect(told + (storm?.lost ?? 0)).toBe(1000);
  });

  it('every Go program of a machine, also those that start later', async () => {
    const own = await copyOf(withoutC);
    const reports: CrashReport[] = [];
    const watched = new Set<number>();
    let noted = (): void => undefined;
    const watch = await startCrashWatch({
      agentCommand: await agentCommandLine(),
      onCrash: (report) => reports.push(report),
      onNote: (sentence) => {
        watched.add(Number(/^Process (\d+) is watched/.exec(sentence)?.[1]));
        noted();
      },
      // Programs of other tests are not for this one.
      wanted: (path) => path === own,
    });
    const children = ['string', 'exit'].map((kind) => execa(own, ['-wait', kind], { reject: false }));
    for (const child of children) {
      while (!watched.has(child.pid ?? 0))
        await new Promise<void>((resolve) => {
          noted = resolve;
        });
      child.stdin?.end('\n');
    }
    const ends = await Promise.all(children);
    const { probes } = await watch.stop();
    expect(reports.map(({ pid, kind, exitCode }) => ({ pid, kind, exitCode })).sort((a, b) => a.pid - b.pid)).toEqual(
      ['panic', 'exit']
        .map((kind, index) => ({ pid: children[index]?.pid, kind, exitCode: ends[index]?.exitCode }))
        .sort((a, b) => (a.pid ?? 0) - (b.pid ?? 0)),
    );
    expect(probes.find(({ text }) => text === 'panics')).toMatchObject({ hits: 1 });
  });

  it.runIf(soaking)('all goroutines asleep, main gone: no goroutine to blame (soak)', async () => {
    for (const kind of ['deadlock', 'goexit']) {
      const run = await crash(crashes, kind);
      expect(run.reports).toMatchObject([{ kind: 'fatal-error', goroutine: '0', exitCode: 2, stack: [] }]);
      expect(run.stderr).toContain(run.reports[0]?.message);
    }
  });

  it.runIf(soaking)('a stack that overflows: its top (soak)', async () => {
    const run = await crash(crashes, 'overflow');
    const [report] = run.reports;
    const printed = parseTraceback(run.stderr);
    expect(report).toMatchObject({ message: 'fatal error: stack overflow', goroutine: printed.goroutine, exitCode: 2 });
    expect(report?.stack.slice(0, 40).map(plain)).toEqual(printed.frames.slice(0, 40).map(plain));
    expect(report?.notes).toEqual(['The stack goes on: its outermost callers were not read.']);
  });

  it.runIf(soaking)('a panic that ends in a core dump: panic and signal in one report (soak)', async () => {
    const run = await crash(crashes, 'abort');
    expect(run.signal).toBe('SIGABRT');
    expect(agreed(run)).toMatchObject({ kind: 'panic', signal: { name: 'SIGABRT' } });
  });

  it.runIf(soaking && memoryGroups !== undefined)('ended by the kernel for want of memory (soak)', async () => {
    const { directory: groups, limit } = memoryGroups ?? { directory: '', limit: '' };
    const group = join(groups, `probelens-crashes-${process.pid}`);
    mkdirSync(group);
    try {
      writeFileSync(join(group, limit), String(96 * 1024 * 1024));
      const swap = join(group, 'memory.swap.max');
      if (existsSync(swap)) writeFileSync(swap, '0');
      const enter = (pid: number): void => writeFileSync(join(group, 'cgroup.procs'), String(pid));
      const run = await crash(crashes, 'hoard', { meanwhile: enter });
      expect(run.signal).toBe('SIGKILL');
      expect(run.reports).toMatchObject([{ kind: 'out-of-memory', pid: run.pid, signal: { name: 'SIGKILL' } }]);
    } finally {
      while (readFileSync(join(group, 'cgroup.procs'), 'utf8') !== '') await new Promise((go) => setTimeout(go, 10));
      rmdirSync(group);
    }
  });

  it.runIf(soaking).each(['c-abort', 'c-nil'])('in C: %s, with the Go code that called it (soak)', async (kind) => {
    const run = await crash(await copyOf({ env: { CGO_ENABLED: '1' } }), kind);
    expect(agreed(run)).toMatchObject({ kind: 'signal', message: expect.stringContaining('while C code ran') });
  });

  it.runIf(soaking)("in a thread that C made: the signal, and that it is nobody else's (soak)", async () => {
    const run = await crash(await copyOf({ env: { CGO_ENABLED: '1' } }), 'c-thread');
    expect(run.signal).toBe('SIGSEGV');
    expect(run.reports).toMatchObject([
      { kind: 'signal', goroutine: '0', message: expect.stringMatching(/^SIGSEGV in thread \d+, which C code made/) },
    ]);
  });

  it.runIf(soaking).each(['go1.21.13', 'go1.22.12', 'go1.23.12', 'go1.24.13', 'go1.25.5', 'go1.26.8', 'go1.27.0'])(
    'built with %s: what the table says of the runtime is what its debug information says (soak)',
    async (toolchain) => {
      const env = { ...withoutC.env, GOTOOLCHAIN: toolchain };
      const binary = await openGoBinary(await copyOf({ env }));
      const { read, table } = offsetsTwice(binary, Number(toolchain.split('.')[1]));
      binary.close();
      expect(table).toEqual(read);
      agreed(await crash(await copyOf({ env, flags: ['-ldflags=-s -w'] }), 'goroutine'));
    },
  );
});
