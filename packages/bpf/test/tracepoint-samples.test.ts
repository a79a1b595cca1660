import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, stat } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import { KernelError, readTracepointFormat, TracepointSamples } from '../src/index.js';
import { TinyProcess, type TinyProgram, writeTinyProgram } from './tiny-program.js';

const category = 'probelens_test';
const name = `samples_${process.pid}`;
const rounds = 2000;

describe.skipIf(requirement('kernel').missing)('tracepoint samples', () => {
  let program: TinyProgram;
  let target: TinyProcess;
  // Opened for appending: anything else would remove the events of others.
  const change = (line: string): void => appendFileSync('/sys/kernel/tracing/uprobe_events', `${line}\n`);

  beforeAll(() => {
    program = writeTinyProgram({ functions: 1, rounds });
    target = new TinyProcess(program);
    // rbx counts the rounds down; the first bytes of the file are its ELF magic.
    change(
      `p:${category}/${name} ${program.path}:0x${program.offsets[0]?.toString(16)} left=%bx:u32 magic=@0x400000:u32`,
    );
  });
  const open: TracepointSamples[] = [];
  const sample = (options: Parameters<typeof TracepointSamples.open>[0]): TracepointSamples => {
    const samples = TracepointSamples.open(options);
    open.push(samples);
    return samples;
  };

  afterAll(async () => {
    // An event that is in use cannot be removed.
    for (const one of open) one.close();
    change(`-:${category}/${name}`);
    expect(await target.end()).toBe(0);
    program.remove();
  });

  const fieldReader = () => {
    const fields = new Map(readTracepointFormat(category, name).fields.map((field) => [field.name, field]));
    return (record: DataView, field: string): number => record.getUint32(fields.get(field)?.offset ?? -1, true);
  };

  it('gives every hit of a dynamic tracepoint with its fields, thread and time', async () => {
    const samples = sample({ category, name });
    const read = fieldReader();
    const seen: { left: number; time: bigint }[] = [];
    const complete = new Promise<void>((resolve) => {
      samples.onReadable(() => {
        samples.drain(({ pid, tid, cpu, time, record }) => {
          expect([pid, tid]).toEqual([target.pid, target.pid]);
          expect(cpu).toBeLessThan(1024);
          expect(read(record, 'magic')).toBe(0x464c457f);
          seen.push({ left: read(record, 'left'), time });
        });
        if (seen.length === rounds) resolve();
      });
    });
    await Promise.all([target.run(), complete]);
    // CPUs come one after the other, so time puts them in order.
    const ordered = seen.toSorted((a, b) => (a.time < b.time ? -1 : 1)).map(({ left }) => left);
    expect(ordered).toEqual(Array.from({ length: rounds }, (_, index) => rounds - index));
    expect(samples.lost).toBe(0n);
    samples.close();
  });

  const taskset = findProgram('taskset');
  it.skipIf(taskset === undefined)('counts what finds the ring full', async () => {
    // Each CPU has a ring, and tells its losses with its next sample: the program must not move.
    expect(spawnSync(taskset ?? '', ['-cp', '0', `${target.pid}`]).status).toBe(0);
    const samples = sample({ category, name, bytes: 4096 });
    await target.run();
    const read = samples.drain(() => undefined);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(4096 / 48);
    expect(samples.lost).toBe(0n);
    await target.run();
    samples.drain(() => undefined);
    expect(samples.lost).toBe(BigInt(rounds - read));
    samples.close();
    expect(samples.drain(() => undefined)).toBe(0);
  });

  const turns: Readonly<Record<string, (then: () => void) => void>> = {
    'a timer': (then) => setTimeout(then, 0),
    'an immediate': (then) => setImmediate(then),
    // Its callback runs in the midst of the event loop's poll.
    'an answer of the system': (then) => stat('/', then),
  };
  for (const [turn, enter] of Object.entries(turns)) {
    it(`tells what came before anybody watched, from ${turn}`, async () => {
      const samples = sample({ category, name });
      await target.run();
      await new Promise<void>((resolve) => enter(() => void samples.onReadable(resolve)));
      expect(samples.drain(() => undefined)).toBe(rounds);
      samples.close();
    });
  }

  it('sees ordinary tracepoints too, and gives its descriptors back', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const samples = sample({ category: 'sched', name: 'sched_process_exit' });
    const child = spawn('true');
    const pids = new Set<number>();
    await new Promise<void>((resolve) => {
      samples.onReadable(() => {
        samples.drain(({ pid }) => pids.add(pid));
        if (pids.has(child.pid ?? 0)) resolve();
      });
    });
    samples.close();
    samples.close();
    if (child.exitCode === null) await once(child, 'close');
    expect(() => TracepointSamples.open({ category: 'sched', name: 'nonsense' })).toThrow(KernelError);
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBe(before);
  });
});
