/**
 * A SIGTRAP kills a process that nobody traces. The agent does not arm such a gate without a tracer, and the gate itself
 * does not fire without one: here the second is tried alone, with the gate built as for a traced process.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMap, kernelBtf, RingBuffer } from '@probelens/bpf';
import { expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { admit } from '../src/agent/admission.js';
import { ArmedProbe } from '../src/agent/armed-probe.js';
import { BinaryFiles } from '../src/agent/binary-file.js';
import { controlSize, readRecordHeader } from '../src/program/index.js';
import { attachDelve } from './delve-session.js';
import { handPlan } from './hand-plan.js';
import { until } from './until.js';
import { pendingTraps, startProgram } from './verify-program.js';

const MILLION = 1_000_000;

it.skipIf(requirement('kernel', 'go', 'delve').missing)(
  'a stop gate sends no SIGTRAP in a million hits of an untraced process, nor to one that another debugger traces',
  { timeout: 180_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'probelens-trap-'));
    const path = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
    const plan = await handPlan(path, 'main.price');
    const program = await startProgram(path);
    const files = new BinaryFiles();
    const control = createMap({ type: 'array', name: 'probelens_ctl', valueSize: controlSize, maxEntries: 1 });
    const events = createMap({ type: 'ringbuf', name: 'probelens_ring', maxEntries: 1024 * 1024 });
    const ring = new RingBuffer(events);
    const btf = kernelBtf();
    const task = {
      ptrace: btf.offsetOf('task_struct', 'ptrace'),
      parent: btf.offsetOf('task_struct', 'parent'),
      tgid: btf.offsetOf('task_struct', 'tgid'),
    };
    const admitted = await admit(
      plan,
      { pid: program.pid, tracer: undefined },
      { files, asking: 0, ours: () => false },
    );
    // This process is the program's parent: the check of the tracer alone would let it pass.
    const probe = new ArmedProbe({
      id: 1,
      plan,
      admitted,
      machine: 'amd64',
      stop: { kind: 'trap', tracer: process.pid, task },
      maps: { control, events },
      abilities: { uprobeMulti: true, uprobeMultiPid: true, sleepable: true, cookies: true, closeRange: true },
    });
    let trapped = 0;
    let seen = 0;
    const look = (): void => {
      ring.drain((view, offset) => {
        seen++;
        if (readRecordHeader(view, offset).trapped) trapped++;
      });
    };
    const hitsReach = (hits: number): Promise<void> =>
      until(
        `${hits} hits`,
        () => {
          look();
          return probe.counters.hits >= hits;
        },
        150_000,
      );
    const delveOrNone = { kill: (): void => undefined };
    try {
      await hitsReach(MILLION);
      expect({ alive: program.alive, trapped, pending: pendingTraps(program.pid) }).toEqual({
        alive: true,
        trapped: 0,
        pending: [],
      });
      expect(seen).toBeGreaterThan(1_000);
      const delve = await attachDelve(program.pid);
      delveOrNone.kill = () => delve.kill();
      await hitsReach(probe.counters.hits + 100_000);
      expect(trapped).toBe(0);
      probe.disarm();
      await delve.detach();
      expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    } finally {
      probe.disarm();
      ring.close();
      events.close();
      control.close();
      files.close();
      delveOrNone.kill();
      program.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
