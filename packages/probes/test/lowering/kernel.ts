/** Conditions in the kernel: each becomes a program on the same function, and says at which calls it held. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import {
  attachUprobeMulti,
  type BpfMap,
  createMap,
  type Link,
  loadProgram,
  type Program,
  RingBuffer,
} from '@probelens/bpf';
import type { ProbePlan } from '../../src/plan/plan.js';
import {
  buildProgram,
  controlSize,
  readRecordHeader,
  recordLayout,
  stateOffsets,
  stateSize,
} from '../../src/program/index.js';

/** A running program of lowering/program.ts. */
export class ConditionRun {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterableIterator<string>;
  /** One line per condition, one letter per call: t, f, or p where Go panicked. */
  readonly truth: string[] = [];

  constructor(binary: string, calls: number) {
    this.#child = spawn(binary, [String(calls)]);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ready(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error('the program ended before it was ready');
      if (value === 'ready') return;
      this.truth.push(value);
    }
  }

  async finish(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end('\n');
    const [code] = await exited;
    if (code !== 0) throw new Error(`the program ended with ${code}`);
  }
}

export interface Verdicts {
  /** Call numbers (the captured first parameter) at which the condition held. */
  readonly held: readonly number[];
  readonly faulted: readonly number[];
  readonly hits: number;
  readonly lost: number;
}

interface Armed {
  readonly state: BpfMap;
  readonly program: Program;
  readonly link: Link;
}

/** Arms every plan (the first capture is the number of the call), lets the program run, and collects. */
export const judge = async (run: ConditionRun, plans: readonly ProbePlan[]): Promise<readonly Verdicts[]> => {
  const control = createMap({ type: 'array', keySize: 4, valueSize: controlSize, maxEntries: 1, name: 'control' });
  const events = createMap({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 16 << 20, name: 'events' });
  const ring = new RingBuffer(events);
  const armed: Armed[] = [];
  try {
    for (const [index, plan] of plans.entries()) {
      const state = createMap({ type: 'array', keySize: 4, valueSize: stateSize, maxEntries: 1, name: 'state' });
      const instructions = buildProgram({
        plan,
        machine: 'amd64',
        probe: index,
        target: run.pid,
        stop: { kind: 'none' },
        maps: { state, control, events },
        sleepable: true,
        siteCookie: plan.sites.length > 1,
      });
      const program = loadProgram({
        type: 'kprobe',
        name: 'condition',
        instructions,
        sleepable: true,
        expectedAttachType: 'uprobe-multi',
      });
      const offsets = plan.sites.map((site) => Number(site.offset));
      const cookies = plan.sites.map((_, site) => BigInt(site));
      const link = attachUprobeMulti({ program, path: plan.binary.path, offsets, cookies, pid: run.pid });
      armed.push({ state, program, link });
    }
    await run.finish();
    return collect(plans, armed, ring);
  } finally {
    for (const { link, program, state } of armed) for (const each of [link, program, state]) each.close();
    ring.close();
    events.close();
    control.close();
  }
};

const collect = (plans: readonly ProbePlan[], armed: readonly Armed[], ring: RingBuffer): readonly Verdicts[] => {
  const held = plans.map((): number[] => []);
  const faulted = plans.map((): number[] => []);
  const numberAt = recordLayout(plans[0]?.captures ?? []).captures[0] ?? 0;
  ring.drain((view, offset) => {
    const { probe, faulted: failed } = readRecordHeader(view, offset);
    (failed ? faulted : held)[probe]?.push(Number(view.getBigInt64(offset + numberAt, true)));
  });
  return armed.map(({ state }, index) => {
    const words = new BigUint64Array(Uint8Array.from(state.lookup(new Uint8Array(4)) ?? []).buffer);
    const word = (at: number): number => Number(words[at / 8]);
    return {
      held: held[index] ?? [],
      faulted: faulted[index] ?? [],
      hits: word(stateOffsets.hits),
      lost: word(stateOffsets.lost),
    };
  });
};
