/**
 * How many events a second Node counts from a ring buffer, and what an event costs the program that is probed.
 *
 * Method, for events of a real program: a tiny static program calls an empty function 1,000,000 times; a uprobe on its
 * `push %rbp` writes a record of 48 bytes (time, process, four more words) into a ring of 16 MiB; a worker thread reads,
 * counts and adds up a field of every record, woken by the event loop, at once or at most once a millisecond. Wall clock
 * of the program's loop, best of 5 rounds; beside it the loop without a probe and with a program that only counts.
 * For the reader's limit: BPF_PROG_TEST_RUN of a program that writes 400 such records, as fast as it goes, while the same
 * worker reads; and the time of one drain() of a full ring. What is asserted is that nothing goes missing uncounted.
 */
import { once } from 'node:events';
import { cpus } from 'node:os';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Assembler,
  attachUprobeMulti,
  type BpfMap,
  LossCounter,
  loadProgram,
  type Program,
  RingBuffer,
  reserveOrCount,
  u64,
} from '../../packages/bpf/src/index.js';
import { bundle } from '../../packages/bpf/test/bundle.js';
import type { Seen } from '../../packages/bpf/test/children/ring-bench-worker.js';
import { ringMap } from '../../packages/bpf/test/events.js';
import { TinyProcess, type TinyProgram, writeTinyProgram } from '../../packages/bpf/test/tiny-program.js';
import { requirement } from '../requirements.js';

const calls = 1_000_000;
const rounds = 5;
const recordBytes = 48;
const workerScript = new URL('../../packages/bpf/test/children/ring-bench-worker.ts', import.meta.url);
const ringBytes = 16 << 20;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const millions = (number: number): string => `${(number / 1e6).toFixed(2)} million`;

/** Reserves a record, fills it, submits it; a reservation that fails is counted. */
function emit(assembler: Assembler, ring: BpfMap, counter: LossCounter): Assembler {
  const full = assembler.freshLabel('full');
  reserveOrCount(assembler, { ring, counter, bytes: recordBytes, full });
  assembler.mov('r7', 'r0').store('r7', 0, 1);
  assembler.call('ktime_get_ns').store('r7', 8, 'r0').call('get_current_pid_tgid').store('r7', 16, 'r0');
  for (const offset of [24, 32, 40]) assembler.store('r7', offset, 7);
  return assembler.mov('r1', 'r7').mov('r2', 0).call('ringbuf_submit').label(full);
}

const count = (assembler: Assembler, counter: LossCounter): Assembler =>
  assembler.loadMapValue('r1', counter.map).mov('r2', 1).atomic('add', 'r1', 0, 'r2');

const load = (type: 'kprobe' | 'raw-tracepoint', body: (assembler: Assembler) => void): Program => {
  const assembler = new Assembler().mov('r6', 'r1');
  body(assembler);
  const expected = type === 'kprobe' ? ({ expectedAttachType: 'uprobe-multi' } as const) : {};
  return loadProgram({ type, name: 'bench', instructions: assembler.mov('r0', 0).exit().assemble(), ...expected });
};

const stormRecords = 400;

/** Writes 400 records each time it runs. */
const stormProgram = (ring: BpfMap, lost: LossCounter): Program =>
  load('raw-tracepoint', (assembler) => {
    assembler.mov('r8', 0).label('again');
    emit(assembler, ring, lost);
    assembler.add('r8', 1).jumpIf('r8', '<', stormRecords, 'again');
  });

/** The sum of the reports; each record carries the number 1. */
const total = (all: readonly Seen[]): Seen => {
  const add = (field: keyof Seen): number => all.reduce((sum, seen) => sum + seen[field], 0);
  const seen = { records: add('records'), sum: add('sum'), drains: add('drains'), readingNs: add('readingNs') };
  expect(seen.sum).toBe(seen.records);
  return seen;
};

describe.skipIf(requirement('kernel').missing)('ring buffer', () => {
  let program: TinyProgram;
  let target: TinyProcess;
  beforeAll(() => {
    program = writeTinyProgram({ functions: 1, rounds: calls });
    target = new TinyProcess(program);
  });
  afterAll(async () => {
    await target.end();
    program.remove();
  });

  const startWorker = async (ring: BpfMap, watch: { readonly interval: number }) => {
    const source = { fd: ring.fd, maxEntries: ring.maxEntries };
    const worker = new Worker(await bundle(workerScript), { workerData: { source, watch } });
    await once(worker, 'message');
    return {
      report: async (): Promise<Seen> => {
        worker.postMessage('report');
        return (await once(worker, 'message'))[0] as Seen;
      },
      close: async () => {
        worker.postMessage('close');
        await once(worker, 'exit');
      },
    };
  };

  const time = async (after?: () => Promise<void>): Promise<number> => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const start = process.hrtime.bigint();
      await target.run();
      best = Math.min(best, Number(process.hrtime.bigint() - start));
      await after?.();
    }
    return best;
  };

  const attach = (body: (assembler: Assembler) => void) => {
    const bpf = load('kprobe', body);
    const link = attachUprobeMulti({ program: bpf, path: program.path, offsets: program.offsets, pid: target.pid });
    return () => {
      link.close();
      bpf.close();
    };
  };

  it('events of a uprobe storm, counted in a worker', async () => {
    say(`machine: ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`);
    const [ring, lost, counter] = [ringMap(ringBytes), new LossCounter(), new LossCounter()];
    const bare = await time();
    let detach = attach((assembler) => count(assembler, counter));
    const counting = await time();
    detach();
    expect(counter.lost).toBe(BigInt(calls * rounds));
    const perCall = (total: number): string => `${((total - bare) / calls).toFixed(0)} ns`;
    say(`a hit that only counts: ${perCall(counting)} (the call itself ${(bare / calls).toFixed(1)} ns)`);

    for (const interval of [0, 1]) {
      const worker = await startWorker(ring, { interval });
      const before = Number(lost.lost);
      detach = attach((assembler) => emit(assembler, ring, lost));
      const all: Seen[] = [];
      const sending = await time(async () => {
        all.push(await worker.report());
      });
      detach();
      await worker.close();
      const { records, drains, readingNs } = total(all);
      const missing = Number(lost.lost) - before;
      expect(records + missing).toBe(calls * rounds);
      say(
        `interval ${interval} ms: a hit with a record of ${recordBytes} bytes ${perCall(sending)}, ${((sending - bare) / (counting - bare)).toFixed(2)} times counting; ${millions((calls / sending) * 1e9)} events a second, ${records} read, ${missing} lost of ${calls * rounds}; ${(records / drains).toFixed(0)} records a wake-up, ${(readingNs / records).toFixed(0)} ns of the worker each`,
      );
    }
    for (const map of [ring, lost, counter]) map.close();
  });

  it('events as fast as one core writes them, counted in a worker', async () => {
    for (const interval of [0, 1]) {
      const [ring, lost] = [ringMap(ringBytes), new LossCounter()];
      const storm = stormProgram(ring, lost);
      const worker = await startWorker(ring, { interval });
      const written = 10_000_000;
      const start = process.hrtime.bigint();
      for (let run = 0; run < written / stormRecords; run++) storm.testRun(u64(0));
      const elapsed = Number(process.hrtime.bigint() - start);
      const { records } = await worker.report();
      const missing = Number(lost.lost);
      expect(records + missing).toBe(written);
      say(
        `interval ${interval} ms: ${millions((written / elapsed) * 1e9)} a second written, ${millions((records / elapsed) * 1e9)} read, ${((missing / written) * 100).toFixed(2)} % lost and counted`,
      );
      await worker.close();
      for (const one of [storm, ring, lost]) one.close();
    }
  });

  it('the reader alone', () => {
    const [ring, lost] = [ringMap(ringBytes), new LossCounter()];
    const storm = stormProgram(ring, lost);
    const reader = new RingBuffer(ring);
    const fill = Math.floor(ringBytes / (recordBytes + 8) / stormRecords) - 1;
    const times: number[] = [];
    for (let round = 0; round < rounds * 4; round++) {
      for (let run = 0; run < fill; run++) storm.testRun(u64(0));
      let sum = 0;
      const start = process.hrtime.bigint();
      const records = reader.drain((view, offset) => {
        sum += view.getUint32(offset, true);
      });
      times.push(Number(process.hrtime.bigint() - start) / records);
      expect([records, sum]).toEqual([fill * stormRecords, fill * stormRecords]);
    }
    expect(lost.lost).toBe(0n);
    const best = Math.min(...times);
    say(
      `drain(): ${best.toFixed(1)} ns a record at best, ${(times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0).toFixed(1)} in the middle: ${millions(1e9 / best)} a second`,
    );
    for (const one of [reader, storm, ring, lost]) one.close();
  });
});
