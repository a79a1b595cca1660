import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import {
  Assembler,
  attachPerfEvent,
  attachRawTracepoint,
  attachUprobeMulti,
  createMap,
  loadProgram,
  openProcess,
  RingBuffer,
} from '../src/index.js';
import { writeTinyProgram } from './tiny-program.js';

const descriptors = (): readonly string[] => readdirSync('/proc/self/fd');
const nothing = new Assembler().mov('r0', 0).exit().assemble();

describe.skipIf(requirement('kernel').missing)('descriptors', () => {
  it('are all given back by close(), and once only', () => {
    const program = writeTinyProgram();
    const round = (): void => {
      const ringMap = createMap({ type: 'ringbuf', name: 'ring', maxEntries: 65_536 });
      const ring = new RingBuffer(ringMap);
      const handle = openProcess(process.pid);
      handle.onExit(() => undefined);
      ring.onReadable(() => undefined);
      const watch = ring.onReadable(() => undefined);
      const uprobe = loadProgram({
        type: 'kprobe',
        name: 'u',
        instructions: nothing,
        expectedAttachType: 'uprobe-multi',
      });
      const raw = loadProgram({ type: 'raw-tracepoint', name: 'r', instructions: nothing });
      const perf = loadProgram({ type: 'perf-event', name: 'p', instructions: nothing });
      const all = [
        attachUprobeMulti({ program: uprobe, path: program.path, offsets: program.offsets }),
        attachRawTracepoint({ program: raw, name: 'sched_process_exit' }),
        attachPerfEvent({ program: perf, event: { type: 'software', name: 'cpu-migrations' } }),
        uprobe,
        raw,
        perf,
        watch,
        ring,
        ringMap,
        handle,
      ];
      for (const one of all) one.close();
      // A second close must not close what has the same number by now.
      const fresh = createMap({ type: 'array', name: 'fresh', valueSize: 8, maxEntries: 1 });
      for (const one of all) one.close();
      expect([...fresh.keys()]).toHaveLength(1);
      fresh.close();
    };
    round();
    const before = descriptors();
    for (let count = 0; count < 5; count++) round();
    expect(descriptors()).toEqual(before);
    program.remove();
  });
});
