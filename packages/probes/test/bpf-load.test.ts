/** Programs that load eBPF programs, against what they say themselves, their real logs, and bpftool. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { findProgram, requirement } from '../../../test/requirements.js';
import { ArmedBpf } from '../src/agent/bpf-load/armed-bpf.js';
import { Control } from '../src/agent/control.js';
import type { BpfCall, BpfLoad } from '../src/bpf-load/call.js';
import { bpfDetails } from '../src/bpf-load/text.js';
import type { ProbeEvent } from '../src/events.js';
import { parseProbeText } from '../src/spec/text.js';
import { formatTraceEvent, type TraceEvent } from '../src/trace/event.js';
import { checks } from './bpfload-checks.js';
import { loadOf, watchMachine } from './bpfload-program.js';

const bpftool = (...args: readonly string[]): string => {
  const run = spawnSync(findProgram('bpftool') ?? '', ['-j', ...args], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stdout);
  return run.stdout;
};

describe.skipIf(requirement('kernel', 'go', 'bpftool').missing)('eBPF programs that a program loads', () => {
  let directory: string;
  let bpfload: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-bpf-load-'));
    bpfload = await privateCopy(await buildFixture('bpfload'), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const watch = (probes: readonly string[], flags: readonly string[], cases: readonly string[], reloadForLog = false) =>
    watchMachine(bpfload, probes, flags, cases, reloadForLog);

  const line = (event: TraceEvent | undefined, wholeLog = false): string => {
    if (event === undefined) throw new Error('no event');
    return formatTraceEvent({ text: 'bpf:load', template: undefined }, event, { wholeLog });
  };

  it('tells of seventy-seven that are refused: the whole log, and which check, instruction and source line it names', async () => {
    const { events, reports, program } = await watch(
      ['bpf:load'],
      ['-via', 'syscall', '-log', '1'],
      Object.keys(checks),
    );
    await program.end();
    expect(events).toHaveLength(reports.length);
    for (const [index, report] of reports.entries()) {
      const load = loadOf(events[index]);
      expect([report.case, load.errno, load.instructions, load.name, load.license, load.logSize]).toEqual([
        report.case,
        report.errno,
        report.instructions,
        report.name.replaceAll('-', '_'),
        report.license,
        64 * 1024,
      ]);
      expect(load.log).toMatchObject({ text: report.log, from: 'caller' });
      expect(load.log?.cut).toBeUndefined();
      // The last instruction that the verifier printed and the line that it printed for it, by another way than the summary's.
      const log = report.log ?? '';
      const last = [...log.matchAll(/^(\d+): \(..\) (.*?)(?: +;.*)?$/gm)].at(-1);
      const found = load.log?.report;
      const slot = last?.[1] ?? /\binsn (\d+)/.exec(log)?.[1];
      expect([report.case, found?.kind, found?.slot]).toEqual([
        report.case,
        checks[report.case],
        slot === undefined ? undefined : Number(slot),
      ]);
      if (last !== undefined) expect(found?.instruction).toBe(last[2]);
      expect(found?.advice).toBeDefined();
      expect(log).toContain(found?.reason.split('; ')[0] ?? '');
      const source = [...log.matchAll(/^; (.*) @ (.*):(\d+)$/gm)].at(-1);
      if (source === undefined) expect(found?.source).toBeUndefined();
      else expect(found?.source).toEqual({ text: source[1], file: source[2], line: Number(source[3]) });
      // Whatever it says of a register is in the log, in these words.
      for (const [name, value] of Object.entries(found?.registers ?? {})) expect(log).toContain(`${name}=${value}`);
    }
    // Nobody had told of this program: it is known by its file which goroutine it was. Its main goroutine has the id 1.
    expect(new Set(events.map(({ goid }) => goid))).toEqual(new Set(['1']));
    const [first] = events;
    expect(line(first)).toContain(` bpfload[${program.pid}] bpf:load: socket_filter`);
    expect(line(first)).toContain('source: lines.c:10 /* MovReg */');
    expect(line(first)).not.toContain('processed 1 insns');
    expect(line(first, true)).toContain('processed 1 insns');
  });

  it('tells what the kernel made of those that are accepted', async () => {
    const cases = [
      'socket-filter',
      'with-lines',
      'xdp',
      'cgroup-skb',
      'tracepoint',
      'two-maps',
      'ring-buffer',
      'sk-skb',
    ];
    const { events, reports, program, summary } = await watch(['bpf:load'], ['-via', 'rawsyscall'], cases);
    try {
      expect(summary.probes[0]).toMatchObject({ faults: 0, lost: 0 });
      // The library tries out what the kernel can do with programs of its own, which are gone at once.
      const byId = new Map(events.map((event) => [loadOf(event).loaded?.id, event]));
      for (const report of reports) {
        const load = loadOf(byId.get(report.id));
        const truth = JSON.parse(bpftool('prog', 'show', 'id', `${report.id}`));
        expect([report.case, load.type, load.fd, load.errno]).toEqual([report.case, truth.type, report.fd, 0]);
        expect(load.loaded).toMatchObject({
          id: report.id,
          tag: report.tag,
          translatedBytes: truth.bytes_xlated,
          jitedBytes: truth.bytes_jited,
          mapIds: truth.map_ids ?? [],
        });
        expect(load.btf).toBe(truth.btf_id !== undefined);
        // Each listing takes bpftool a second of a busy machine: it reads all symbols of the kernel.
        if (!['with-lines', 'two-maps', 'ring-buffer'].includes(report.case)) continue;
        // What bpftool disassembles: names of helpers are the kernel's own there too.
        const shown: readonly { readonly disasm: string }[] = JSON.parse(
          bpftool('prog', 'dump', 'xlated', 'id', `${report.id}`),
        );
        const plain = (text: string): string => text.replace(/^\(..\) /, '').replace(/#-?\d+$/, '');
        const found = load.code.instructions.map(({ text }) => plain(text));
        expect([report.case, load.code.of, found]).toEqual([
          report.case,
          'kernel',
          shown.filter(({ disasm }) => disasm !== undefined).map(({ disasm }) => plain(disasm)),
        ]);
      }
      const [plain, lines, , skb] = reports.map(({ id }) => byId.get(id));
      expect(loadOf(lines)).toMatchObject({ btf: true, lines: 4 });
      expect(loadOf(skb).attachType).toBe('cgroup_inet_ingress');
      expect(line(plain)).toContain(
        `socket_filter "socket_filter", 2 instructions, license GPL, no BTF, no log: id ${reports[0]?.id}`,
      );
    } finally {
      await program.end();
    }
  });

  it('tells of maps, links and attachments', async () => {
    const cases = ['tracepoint', 'raw-tracepoint', 'two-maps', 'sk-skb'];
    const probes = ['bpf:map if name == "values" || name == "seen"', 'bpf:link', 'bpf:attach'];
    const { events, reports, program } = await watch(probes, [], cases);
    try {
      const calls = (kind: BpfCall['kind']) => events.flatMap(({ bpf }) => (bpf?.kind === kind ? [bpf] : []));
      const [tracepoint, raw, maps, verdict] = reports;
      const truth = maps?.mapIds?.map((id) => JSON.parse(bpftool('map', 'show', 'id', `${id}`))) ?? [];
      // The library tries features out with programs and maps of its own; those that last are the fixture's.
      expect(calls('map').filter((call) => 'id' in call && maps?.mapIds?.includes(call.id ?? 0))).toMatchObject(
        truth.map(({ id, type, name, bytes_key, bytes_value, max_entries }) => ({
          id,
          type,
          name,
          keySize: bytes_key,
          valueSize: bytes_value,
          maxEntries: max_entries,
        })),
      );
      const links = calls('link').filter(({ errno }) => errno === 0);
      expect(links).toContainEqual(
        expect.objectContaining({
          call: 'create',
          id: tracepoint?.linkId,
          program: tracepoint?.id,
          type: 'perf_event',
        }),
      );
      expect(links).toContainEqual(
        expect.objectContaining({
          call: 'raw-tracepoint',
          id: raw?.linkId,
          program: raw?.id,
          target: 'sched_process_exit',
          type: 'raw_tracepoint',
        }),
      );
      expect(calls('attach')).toMatchObject([
        { call: 'attach', program: verdict?.id, attachType: 'sk_skb_stream_verdict', errno: 0 },
        { call: 'detach', program: verdict?.id, attachType: 'sk_skb_stream_verdict', errno: 0 },
      ]);
    } finally {
      await program.end();
    }
  });

  it('loads once more for a log, when asked to, with maps and source lines, and says so', async () => {
    const cases = ['null-check', 'uninitialized', 'return-value'];
    const plain = await watch(['bpf:load if errno != 0'], ['-via', 'syscall'], cases);
    await plain.program.end();
    expect(plain.events.map((event) => loadOf(event).log)).toEqual([undefined, undefined, undefined]);
    expect(line(plain.events[0])).toContain('The program asked for no log');

    const again = await watch(['bpf:load if errno != 0'], ['-via', 'syscall'], cases, true);
    await again.program.end();
    for (const [index, name] of cases.entries()) {
      const load = loadOf(again.events[index]);
      expect([name, load.log?.from, load.log?.report?.kind]).toEqual([name, 'reload', checks[name]]);
      expect(line(again.events[index])).toContain('The log is from loading the program once more, by the probe agent.');
    }
    expect(loadOf(again.events[0]).log?.report?.source).toMatchObject({ file: 'lines.c', line: 15 });
  });

  it('says what is missing of a log that was too long for its buffer', async () => {
    const { events, program, reports } = await watch(
      ['bpf:load'],
      ['-via', 'syscall', '-log', '2', '-size', '300'],
      ['value-bounds'],
    );
    await program.end();
    const load = loadOf(events[0]);
    expect([load.error, load.log?.text]).toEqual(['ENOSPC', reports[0]?.log]);
    expect(load.log?.cut).toMatch(/room for 300 bytes and the log has \d+, so its beginning is lost/);
    // The end has the reason.
    expect(load.log?.report?.kind).toBe('value-bounds');
    expect(load.log?.report?.way).toMatch(/^\(its beginning is lost\) (?:\d-)?7$/);
    expect(line(events[0])).toContain('ENOSPC says that the log did not fit');
  });

  /** In this very process, which reads when it comes to it. `user`: whose processes. */
  const armHere = (user: number | undefined) => {
    const parsed = parseProbeText('bpf:load if name == "xdp"');
    if (!parsed.ok) throw new Error(parsed.message);
    const control = new Control();
    const events: ProbeEvent[] = [];
    const name = { kind: 'register', register: 'name' } as const;
    const length = { kind: 'register', register: 'len name' } as const;
    const armed = new ArmedBpf({
      id: 7,
      spec: parsed.spec,
      what: 'load',
      target: undefined,
      user,
      runtime: undefined,
      code: undefined,
      condition: { kind: 'string-test', pointer: name, length, bytes: Buffer.from('xdp').toString('hex'), whole: true },
      reloadForLog: false,
      stop: 'none',
      machine: 'amd64',
      control,
      send: async (batch) => {
        events.push(...batch);
      },
    });
    return { armed, control, events };
  };

  it("shows a user's own processes only, on the whole machine", async () => {
    const nobody = 65_534;
    const { armed, control, events } = armHere(nobody);
    try {
      chmodSync(directory, 0o755);
      const own = await privateCopy(bpfload, directory);
      chmodSync(dirname(own), 0o755);
      const run = (uid: number) =>
        JSON.parse(spawnSync(own, ['-via', 'syscall', 'xdp'], { uid, encoding: 'utf8', cwd: '/' }).stdout);
      const [roots, nobodys] = [run(0), run(nobody)];
      armed.disarm();
      await armed.flush();
      expect(events.some(({ pid }) => pid === roots.pid)).toBe(false);
      // Who may not load programs is refused before the verifier.
      const [event] = events.filter(({ pid }) => pid === nobodys.pid);
      expect(event?.bpf).toMatchObject({ kind: 'load', error: 'EPERM', errno: nobodys.errno });
    } finally {
      armed.disarm();
      control.close();
    }
  });

  it('knows the id and tag of a program that was gone before anybody looked', async () => {
    const { armed, control, events } = armHere(undefined);
    try {
      // Nobody reads while this thread waits for the program's end.
      const { stdout } = spawnSync(bpfload, ['-via', 'syscall', 'xdp'], { encoding: 'utf8' });
      const report = JSON.parse(stdout);
      expect(armed.disarm().dropped).toBe(0);
      await armed.flush();
      const [event] = events.filter(({ pid, bpf }) => pid === report.pid && bpf?.errno === 0);
      const load = event?.bpf?.kind === 'load' ? event.bpf : undefined;
      expect(load?.loaded).toEqual({ id: report.id, tag: report.tag });
      expect(load?.notes).toEqual(['The program was gone again before the kernel could be asked about it.']);
      expect(load?.code).toMatchObject({ of: 'caller', missing: 0 });
      expect(load?.code.instructions.map(({ text }) => text)).toEqual(['r0 = 2', 'exit']);
      // The process is gone as well, and with it where its goroutine's id was.
      expect(event?.goid).toBe('0');
    } finally {
      armed.disarm();
      control.close();
    }
  });

  it('has room for a burst of a thousand that nobody reads meanwhile', async () => {
    const { armed, control, events } = armHere(undefined);
    try {
      const cases = Array.from({ length: 1000 }, () => 'xdp');
      const { stdout } = spawnSync(bpfload, ['-via', 'syscall', '-log', '1', ...cases], {
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      });
      const [report, ...others] = stdout
        .trim()
        .split('\n')
        .map((each) => JSON.parse(each));
      expect(others).toHaveLength(999);
      expect(armed.disarm()).toMatchObject({ dropped: 0, full: 0 });
      await armed.flush();
      const loads = events.filter(({ pid, bpf }) => pid === report.pid && bpf?.errno === 0).map(({ bpf }) => bpf);
      expect(loads).toHaveLength(1000);
      expect(loads.every((load) => load?.kind === 'load' && load.log !== undefined)).toBe(true);
    } finally {
      armed.disarm();
      control.close();
    }
  });

  it('takes along the instructions of a program that is too long for one piece, and of one that is too long for all', async () => {
    const { events, program, reports } = await watch(
      ['bpf:load'],
      ['-via', 'syscall', '-log', '4'],
      ['too-many-jumps'],
    );
    await program.end();
    const load = loadOf(events[0]);
    expect([load.instructions, load.code.instructions.length, load.code.missing]).toEqual([
      reports[0]?.instructions,
      4096,
      (reports[0]?.instructions ?? 0) - 4096,
    ]);
    expect(load.code.instructions[4095]?.text).toBe(`if r6 == 0x${(4095 - 2).toString(16)} goto pc+${8302 - 4096}`);
    expect(load.log?.report?.kind).toBe('too-many-branches');
  });
});

describe('a refusal that is not known', () => {
  it("shows the end of the verifier's log, and no cure", () => {
    const report = { message: '', kind: 'other', reason: 'something entirely new', registers: {} };
    const text = `${Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n')}\nsomething entirely new\n`;
    const load: BpfLoad = {
      ...{ kind: 'load', type: 'xdp', name: 'x', instructions: 2, license: 'GPL', flags: [], btf: false },
      ...{ functions: 0, lines: 0, logLevel: 1, logSize: 4096, errno: 22, error: 'EINVAL', notes: [] },
      code: { of: 'caller', instructions: [], missing: 0 },
      log: { text, from: 'caller', report },
    };
    const details = bpfDetails(load, { whole: false });
    expect(details.slice(0, 2)).toEqual(['check: other, something entirely new', "the end of the verifier's log:"]);
    expect(details.slice(-2)).toEqual(['line 19', 'something entirely new']);
    expect(details.some((line) => line.startsWith('cure'))).toBe(false);
  });
});
