import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import {
  Assembler,
  attachPerfEvent,
  attachPerfUprobe,
  attachRawTracepoint,
  attachTracepoint,
  attachUprobeMulti,
  type BpfMap,
  createMap,
  KernelError,
  type Link,
  loadProgram,
  type Program,
  type ProgramOptions,
  readTracepointFormat,
  type UprobeLink,
  u32,
  u64,
  uprobeLinks,
} from '../src/index.js';
import { attachToEvents, openPerfEvent } from '../src/link/perf-event-open.js';
import { TinyProcess, type TinyProgram, writeTinyProgram } from './tiny-program.js';

/** Adds one to the 64-bit number that the map has for the attach cookie; programs of another process may run it too. */
const countByCookie = (counts: BpfMap): Assembler =>
  new Assembler()
    .call('get_attach_cookie')
    .store('r10', -8, 'r0')
    .loadMap('r1', counts)
    .mov('r2', 'r10')
    .add('r2', -8)
    .call('map_lookup_elem')
    .jumpIf('r0', '==', 0, 'out')
    .mov('r1', 1)
    .atomic('add', 'r0', 0, 'r1')
    .label('out')
    .mov('r0', 0)
    .exit();

/** Adds one to the array's first value when the thread group is `pid`. */
const countProcess = (count: BpfMap, pid: number): Assembler =>
  new Assembler()
    .call('get_current_pid_tgid')
    .rsh('r0', 32)
    .jumpIf('r0', '!=', pid, 'out')
    .loadMapValue('r1', count)
    .mov('r2', 1)
    .atomic('add', 'r1', 0, 'r2')
    .label('out')
    .mov('r0', 0)
    .exit();

describe.skipIf(requirement('kernel').missing)('links', () => {
  let program: TinyProgram;
  let target: TinyProcess;
  const open: { close(): void }[] = [];
  const keep = <T extends { close(): void }>(one: T): T => {
    open.push(one);
    return one;
  };
  const closeAll = (): void => {
    for (const one of open.splice(0).toReversed()) one.close();
  };

  beforeAll(() => {
    program = writeTinyProgram({ functions: 3, rounds: 1000 });
    target = new TinyProcess(program);
  });

  afterAll(async () => {
    closeAll();
    expect(await target.end()).toBe(0);
    program.remove();
  });

  const load = (type: ProgramOptions['type'], assembler: Assembler, options: Partial<ProgramOptions> = {}): Program =>
    keep(loadProgram({ type, name: 'link_test', instructions: assembler.assemble(), ...options }));

  const counter = (): BpfMap => keep(createMap({ type: 'array', name: 'count', valueSize: 8, maxEntries: 1 }));
  const read = (map: BpfMap, key: Uint8Array = u32(0)): bigint => map.sum(key);

  it('counts every function of one uprobe_multi link by its cookie, and nothing after close', async () => {
    const counts = keep(createMap({ type: 'hash', name: 'counts', keySize: 8, valueSize: 8, maxEntries: 8 }));
    const cookies = [11n, 2n ** 63n + 5n, 0n];
    for (const cookie of cookies) counts.update(u64(cookie), u64(0));
    const bpf = load('kprobe', countByCookie(counts), { expectedAttachType: 'uprobe-multi' });
    const link = keep(attachUprobeMulti({ program: bpf, path: program.path, offsets: program.offsets, cookies }));
    expect(link.id).toBeGreaterThan(0);
    await target.run();
    expect(cookies.map((cookie) => read(counts, u64(cookie)))).toEqual([1000n, 1000n, 1000n]);
    link.close();
    expect(link.closed).toBe(true);
    await target.run();
    expect(read(counts, u64(11n))).toBe(1000n);
    closeAll();
  });

  it("are told with their file, places and process, also another process's", async () => {
    const bpf = load('kprobe', new Assembler().mov('r0', 0).exit(), { expectedAttachType: 'uprobe-multi' });
    const here = (): readonly UprobeLink[] => uprobeLinks().filter(({ path }) => path === program.path);
    expect(here()).toEqual([]);
    const all = keep(attachUprobeMulti({ program: bpf, path: program.path, offsets: program.offsets }));
    keep(attachUprobeMulti({ program: bpf, path: program.path, offsets: program.offsets.slice(1), pid: target.pid }));
    const offsets = new Set(program.offsets);
    const some = new Set(program.offsets.slice(1));
    expect(here()).toEqual([
      { path: program.path, offsets, pid: 0 },
      { path: program.path, offsets: some, pid: target.pid },
    ]);
    all.close();
    expect(here()).toEqual([{ path: program.path, offsets: some, pid: target.pid }]);
    closeAll();
  });

  it('limits a uprobe_multi link to a process', async () => {
    const other = new TinyProcess(program);
    const count = counter();
    const always = new Assembler()
      .loadMapValue('r1', count)
      .mov('r2', 1)
      .atomic('add', 'r1', 0, 'r2')
      .mov('r0', 0)
      .exit();
    const bpf = load('kprobe', always, { expectedAttachType: 'uprobe-multi' });
    keep(attachUprobeMulti({ program: bpf, path: program.path, offsets: program.offsets, pid: other.pid }));
    await target.run();
    expect(read(count)).toBe(0n);
    await other.run();
    expect(read(count)).toBe(3000n);
    expect(await other.end()).toBe(0);
    closeAll();
  });

  it('means the process by the pid, not its first thread', async () => {
    const threaded = writeTinyProgram({ functions: 1, rounds: 500, inThread: true });
    const other = new TinyProcess(threaded);
    await other.run();
    expect(readdirSync(`/proc/${other.pid}/task`)).toHaveLength(2);
    const [multi, perf] = [counter(), counter()];
    const bpf = load('kprobe', countProcess(multi, other.pid), { expectedAttachType: 'uprobe-multi' });
    keep(attachUprobeMulti({ program: bpf, path: threaded.path, offsets: threaded.offsets, pid: other.pid }));
    const [offset = 0] = threaded.offsets;
    const fallback = load('kprobe', countProcess(perf, other.pid));
    keep(attachPerfUprobe({ program: fallback, path: threaded.path, offset, pid: other.pid }));
    await other.run();
    expect([read(multi), read(perf)]).toEqual([500n, 500n]);
    expect(await other.end()).toBe(0);
    threaded.remove();
    closeAll();
  });

  it('runs a sleepable uprobe program that reads memory with copy_from_user', async () => {
    const count = counter();
    // x86-64 pt_regs: rip at byte 128. The instruction bytes at the probe: the kernel's int3, then mov %rsp,%rbp.
    const reads = new Assembler()
      .load('r3', 'r1', 128)
      .mov('r1', 'r10')
      .add('r1', -8)
      .mov('r2', 4)
      .call('copy_from_user')
      .jumpIf('r0', '!=', 0, 'out')
      .load('r3', 'r10', -8, 4)
      .rsh('r3', 8)
      .jumpIf('r3', '!=', 0xe58948, 'out')
      .loadMapValue('r1', count)
      .mov('r2', 1)
      .atomic('add', 'r1', 0, 'r2')
      .label('out')
      .mov('r0', 0)
      .exit();
    const bpf = load('kprobe', reads, { expectedAttachType: 'uprobe-multi', sleepable: true });
    keep(attachUprobeMulti({ program: bpf, path: program.path, offsets: program.offsets, pid: target.pid }));
    await target.run();
    expect(read(count)).toBe(3000n);
    closeAll();
  });

  it('attaches a uprobe by the perf PMU, with a cookie, to one process and to all', async () => {
    const counts = keep(createMap({ type: 'hash', name: 'counts', keySize: 8, valueSize: 8, maxEntries: 8 }));
    counts.update(u64(77), u64(0));
    counts.update(u64(78), u64(0));
    const other = new TinyProcess(program);
    const bpf = load('kprobe', countByCookie(counts));
    const [offset = 0] = program.offsets;
    const one = keep(attachPerfUprobe({ program: bpf, path: program.path, offset, pid: target.pid, cookie: 77n }));
    const all = keep(attachPerfUprobe({ program: bpf, path: program.path, offset, cookie: 78n }));
    await target.run();
    await other.run();
    expect([read(counts, u64(77)), read(counts, u64(78))]).toEqual([1000n, 2000n]);
    one.close();
    all.close();
    await target.run();
    expect([read(counts, u64(77)), read(counts, u64(78))]).toEqual([1000n, 2000n]);
    expect(await other.end()).toBe(0);
    closeAll();
  });

  it('attaches a uprobe as kernels before 5.15 do, by ioctl', async () => {
    const count = counter();
    const bpf = load('kprobe', countProcess(count, target.pid));
    const type = Number(readFileSync('/sys/bus/event_source/devices/uprobe/type', 'utf8'));
    const attr = { type, config: 0, config1: program.path, config2: program.offsets[0] ?? 0 };
    const event = openPerfEvent(attr, target.pid, -1, 'uprobe');
    const link = keep(attachToEvents(bpf, [event], 'uprobe', undefined, 'ioctl'));
    expect(link.id).toBeUndefined();
    await target.run();
    expect(read(count)).toBe(1000n);
    link.close();
    await target.run();
    expect(read(count)).toBe(1000n);
    closeAll();
  });

  it('closes the events when the program does not suit them', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const bpf = load('tracepoint', new Assembler().mov('r0', 0).exit());
    const event = { type: 'software', name: 'page-faults' } as const;
    expect(() => attachPerfEvent({ program: bpf, event })).toThrow(/PERF_EVENT_IOC_SET_BPF failed.*EINVAL/);
    closeAll();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('attaches to a tracepoint and to a raw tracepoint', async () => {
    const [counted, raw] = [counter(), counter()];
    // The program makes a read and a write in each round.
    keep(
      attachTracepoint({
        program: load('tracepoint', countProcess(counted, target.pid)),
        category: 'syscalls',
        name: 'sys_enter_write',
      }),
    );
    keep(attachRawTracepoint({ program: load('raw-tracepoint', countProcess(raw, target.pid)), name: 'sys_exit' }));
    await target.run();
    await target.run();
    expect(read(counted)).toBe(2n);
    // read and write of each round; the last read has not returned, the first may have been entered before.
    expect(read(raw)).toBeGreaterThanOrEqual(3n);
    closeAll();
  });

  it('attaches to a tracepoint that somebody else made of a uprobe', async () => {
    // Opened for appending: anything else would remove the events of others.
    const change = (line: string): void => appendFileSync('/sys/kernel/tracing/uprobe_events', `${line}\n`);
    const name = `tiny_${process.pid}`;
    change(`p:probelens_test/${name} ${program.path}:0x${program.offsets[0]?.toString(16)} number=%sp:u64`);
    try {
      const format = readTracepointFormat('probelens_test', name);
      expect(format.dynamic).toBe(true);
      expect(format.fields.at(-1)).toMatchObject({ name: 'number', size: 8, signed: false });
      expect(readTracepointFormat('sched', 'sched_switch').dynamic).toBe(false);
      const count = counter();
      const bpf = load('kprobe', countProcess(count, target.pid));
      keep(attachTracepoint({ program: bpf, category: 'probelens_test', name }));
      await target.run();
      expect(read(count)).toBe(1000n);
      const wrong = load('tracepoint', countProcess(count, target.pid));
      expect(() => attachTracepoint({ program: wrong, category: 'probelens_test', name })).toThrow(KernelError);
    } finally {
      closeAll();
      change(`-:probelens_test/${name}`);
    }
  });

  it('samples a software event of every thread on every CPU', async () => {
    const count = counter();
    const always = countProcess(count, process.pid);
    keep(attachPerfEvent({ program: load('perf-event', always), event: { type: 'software', name: 'page-faults' } }));
    const pages = 64;
    const memory = new Uint8Array(pages * 4096);
    for (let page = 0; page < pages; page++) memory[page * 4096] = 1;
    expect(Number(read(count))).toBeGreaterThan(0);
    closeAll();
  });

  it('runs at a hardware breakpoint on an instruction', async () => {
    const count = counter();
    const bpf = load('perf-event', countProcess(count, target.pid));
    const [address = 0n] = program.addresses;
    keep(attachPerfEvent({ program: bpf, event: { type: 'breakpoint', access: 'execute', address }, tid: target.pid }));
    await target.run();
    expect(read(count)).toBe(1000n);
    closeAll();
  });

  it('says what is wrong with a file, a process, a tracepoint that is not there', () => {
    const bpf = load('kprobe', new Assembler().mov('r0', 0).exit(), { expectedAttachType: 'uprobe-multi' });
    const failure = (action: () => Link): KernelError => {
      try {
        keep(action());
      } catch (error) {
        if (error instanceof KernelError) return error;
        throw error;
      }
      throw new Error('it was accepted');
    };
    const noFile = failure(() => attachUprobeMulti({ program: bpf, path: '/nowhere/at/all', offsets: [0] }));
    expect([noFile.call, noFile.code]).toEqual(['BPF_LINK_CREATE', 'ENOENT']);
    const noProcess = failure(() =>
      attachUprobeMulti({ program: bpf, path: program.path, offsets: [0], pid: 0x7fff_fff0 }),
    );
    expect(noProcess.code).toBe('ESRCH');
    expect(noProcess.message).toMatch(/has ended/);
    const tracepoint = load('tracepoint', new Assembler().mov('r0', 0).exit());
    const noPoint = failure(() => attachTracepoint({ program: tracepoint, category: 'sched', name: 'nonsense' }));
    expect(noPoint.message).toMatch(/no tracepoint sched:nonsense/);
    expect(() => attachUprobeMulti({ program: bpf, path: program.path, offsets: [-1] })).toThrow(RangeError);
    expect(() => attachUprobeMulti({ program: bpf, path: program.path, offsets: [] })).toThrow(RangeError);
    closeAll();
  });
});
