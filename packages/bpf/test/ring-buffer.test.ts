import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { Assembler, LossCounter, loadProgram, RingBuffer } from '../src/index.js';
import { bundle } from './bundle.js';
import { context, ringMap, wakeup, writerProgram } from './events.js';

const closeAll = (...all: readonly { close(): void }[]): void => {
  for (const one of all) one.close();
};

describe.skipIf(requirement('kernel').missing)('ring buffer', () => {
  it('gives every record once, in order, over many turns of the ring', () => {
    const [map, lost] = [ringMap(4096), new LossCounter()];
    const ring = new RingBuffer(map);
    const writer = writerProgram(map, lost, 40);
    const seen: number[] = [];
    for (let number = 0; number < 2000; number++) {
      writer.testRun(context(number));
      if (number % 50 !== 49) continue;
      const records = ring.drain((view, offset, length) => {
        expect(length).toBe(40);
        seen.push(view.getUint32(offset, true));
      });
      expect(records).toBe(50);
    }
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, number) => number));
    expect(ring.pending).toBe(0);
    closeAll(ring, writer, map, lost);
  });

  it('gives records that lie across the end of the ring whole, with little of it mapped twice', () => {
    const [map, lost] = [ringMap(65_536), new LossCounter()];
    const ring = new RingBuffer(map, { longestRecord: 3_000 });
    const writer = writerProgram(map, lost, 3_000);
    const seen: number[] = [];
    for (let number = 0; number < 500; number++) {
      writer.testRun(context(number));
      if (number % 7 !== 6) continue;
      while (ring.pending > 0) {
        const bytes = ring.peek(2 * 3_008);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (let at = 0; at < bytes.length; at += 3_008) seen.push(view.getUint32(at + 8, true));
        ring.release(bytes.length);
      }
    }
    expect(seen).toEqual(Array.from({ length: 497 }, (_, number) => number));
    closeAll(ring, writer, map, lost);
  });

  it('loses nothing silently when it is full: what is read and what is counted as lost add up', () => {
    const [map, lost] = [ringMap(4096), new LossCounter()];
    const ring = new RingBuffer(map);
    const writer = writerProgram(map, lost, 56, wakeup.never);
    const refused = Array.from({ length: 500 }, (_, number) => writer.testRun(context(number))).filter((r) => r === 1);
    const records = ring.drain(() => undefined);
    // 64 bytes a record with its header; one byte of the ring always stays free.
    expect(records).toBe(63);
    expect(records + refused.length).toBe(500);
    expect(lost.lost).toBe(BigInt(refused.length));
    expect(writer.testRun(context(7))).toBe(0);
    expect(ring.drain(() => undefined)).toBe(1);
    closeAll(ring, writer, map, lost);
  });

  it('goes on past position 2^32', () => {
    const [map, lost] = [ringMap(16 << 20), new LossCounter()];
    const ring = new RingBuffer(map);
    const big = writerProgram(map, lost, 15 << 20, wakeup.never);
    const small = writerProgram(map, lost, 8, wakeup.never);
    const rounds = Math.ceil(2 ** 32 / (15 << 20)) + 3;
    for (let round = 0; round < rounds; round++) {
      expect(big.testRun(context(round))).toBe(0);
      expect(small.testRun(context(round))).toBe(0);
      const seen: number[] = [];
      ring.drain((view, offset) => void seen.push(view.getUint32(offset, true)));
      expect(seen).toEqual([round, round]);
    }
    closeAll(ring, big, small, map, lost);
  });

  it('skips discarded records', () => {
    const [map, lost] = [ringMap(4096), new LossCounter()];
    const ring = new RingBuffer(map);
    const writer = writerProgram(map, lost, 8);
    const assembler = new Assembler()
      .loadMap('r1', map)
      .mov('r2', 24)
      .mov('r3', 0)
      .call('ringbuf_reserve')
      .jumpIf('r0', '==', 0, 'out')
      .mov('r1', 'r0')
      .mov('r2', 0)
      .call('ringbuf_discard')
      .label('out')
      .mov('r0', 0)
      .exit();
    const discarder = loadProgram({ type: 'raw-tracepoint', name: 'discarder', instructions: assembler.assemble() });
    discarder.testRun(context(0));
    writer.testRun(context(5));
    discarder.testRun(context(0));
    const seen: number[] = [];
    expect(ring.drain((view, offset) => void seen.push(view.getUint32(offset, true)))).toBe(1);
    expect(seen).toEqual([5]);
    expect(ring.pending).toBe(0);
    closeAll(ring, writer, discarder, map, lost);
  });

  it('wakes the event loop by itself, again for what was left, and not after close', async () => {
    const [map, lost] = [ringMap(4096), new LossCounter()];
    const ring = new RingBuffer(map);
    const writer = writerProgram(map, lost, 8);
    const seen: number[] = [];
    let wakes = 0;
    await new Promise<void>((resolve) => {
      const watch = ring.onReadable(() => {
        wakes++;
        // One at a time: the callback comes again while something is left.
        ring.drain((view, offset) => void seen.push(view.getUint32(offset, true)), 1);
        if (seen.length < 3) return;
        watch.close();
        resolve();
      });
      for (const number of [1, 2, 3]) writer.testRun(context(number));
    });
    expect(seen).toEqual([1, 2, 3]);
    expect(wakes).toBe(3);
    writer.testRun(context(4));
    await new Promise((resolve) => setImmediate(resolve));
    expect(wakes).toBe(3);
    ring.close();
    expect(ring.drain(() => undefined)).toBe(0);
    expect(() => ring.onReadable(() => undefined)).toThrow(/closed/);
    closeAll(ring, writer, map, lost);
  });

  it('calls at most once in an interval, the first time at once, and misses nothing', async () => {
    const [map, lost] = [ringMap(65_536), new LossCounter()];
    const ring = new RingBuffer(map);
    const writer = writerProgram(map, lost, 8);
    const calls: number[] = [];
    let records = 0;
    await new Promise<void>((resolve) => {
      ring.onReadable(
        () => {
          calls.push(performance.now());
          records += ring.drain(() => undefined);
          if (calls.length < 5) writer.testRun(context(records));
          else resolve();
        },
        { interval: 10 },
      );
      writer.testRun(context(0));
    });
    expect(records).toBe(5);
    const gaps = calls.slice(1).map((time, index) => time - (calls[index] ?? 0));
    // Timers of Node may fire up to a millisecond early.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9);
    closeAll(ring, writer, map, lost);
  });

  it('keeps the interval for who listens anew after each call', async () => {
    const [map, lost] = [ringMap(65_536), new LossCounter()];
    const ring = new RingBuffer(map);
    const writer = writerProgram(map, lost, 8);
    const calls: number[] = [];
    await new Promise<void>((resolve) => {
      const listen = (): void => {
        const watch = ring.onReadable(
          () => {
            calls.push(performance.now());
            watch.close();
            ring.drain(() => undefined);
            if (calls.length === 4) return resolve();
            writer.testRun(context(0));
            listen();
          },
          { interval: 10 },
        );
      };
      listen();
      writer.testRun(context(0));
    });
    const gaps = calls.slice(1).map((time, index) => time - (calls[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9);
    closeAll(ring, writer, map, lost);
  });

  it('leaves a view from before close() readable: zeros, no crash', () => {
    const [map, lost] = [ringMap(4096), new LossCounter()];
    const ring = new RingBuffer(map);
    const writer = writerProgram(map, lost, 8);
    writer.testRun(context(9));
    let kept: DataView | undefined;
    ring.drain((view, offset) => {
      kept = view;
      expect(view.getUint32(offset, true)).toBe(9);
    });
    ring.close();
    expect(kept?.getUint32(8, true)).toBe(0);
    closeAll(writer, map, lost);
  });

  describe('in a process of its own', () => {
    const end = async (how: string): Promise<{ code: number | null; output: string; errors: string }> => {
      const script = await bundle(new URL('children/ring-endings.ts', import.meta.url));
      const child = spawn(process.execPath, [script, how]);
      let [output, errors] = ['', ''];
      child.stdout.on('data', (chunk) => (output += chunk));
      child.stderr.on('data', (chunk) => (errors += chunk));
      const [code] = await once(child, 'close');
      return { code, output, errors };
    };

    it('does not keep the process alive after close', async () => {
      expect(await end('close')).toEqual({ code: 0, output: '1 record\n', errors: '' });
    });

    it('does not keep it alive when the watch is unref’d, in an interval neither', async () => {
      expect(await end('interval')).toEqual({ code: 0, output: '1 record\n', errors: '' });
    });

    it('does not keep it alive when the watch is unref’d', async () => {
      expect(await end('unref')).toEqual({ code: 0, output: '', errors: '' });
    });

    it('lets process.exit end it with an open watch', async () => {
      expect(await end('exit')).toEqual({ code: 3, output: '', errors: '' });
    });

    it('reports what a callback throws as an uncaught exception', async () => {
      const { code, errors } = await end('throw');
      expect(code).toBe(1);
      expect(errors).toMatch(/thrown while draining/);
    });

    it('settles promises after a callback', async () => {
      expect(await end('promise')).toEqual({ code: 0, output: 'settled\n', errors: '' });
    });
  });

  it('is read in a worker thread, which may be terminated with the ring open', async () => {
    const [map, lost] = [ringMap(65_536), new LossCounter()];
    const writer = writerProgram(map, lost, 8);
    const script = await bundle(new URL('children/ring-worker.ts', import.meta.url));
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(script, { workerData: { fd: map.fd, maxEntries: map.maxEntries } });
      expect((await once(worker, 'message'))[0]).toBe('ready');
      const complete = new Promise<{ records: number; sum: number }>((resolve) => {
        worker.on('message', (message: { records: number; sum: number }) => {
          if (message.records === 100) resolve(message);
        });
      });
      for (let number = 0; number < 100; number++) writer.testRun(context(number));
      expect(await complete).toEqual({ records: 100, sum: 4950 });
      await worker.terminate();
    }
    closeAll(writer, map, lost);
  });
});
