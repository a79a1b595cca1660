/**
 * Which thread of the target was on which goroutine when it left its processor. A thread that is not running changes
 * nothing of its own, so this is still so when it comes back or is woken; only the thread itself could be asked, and in
 * the kernel's events about it (sched_switch for the one that comes, sched_wakeup) somebody else is running.
 *
 * A hash: key u32, the thread's id; value u64 goroutine id, u64 what that is worth (`threadKnown`), u64 whether it had the
 * label that is asked for (`labelKnown`). Threads that were waiting before the map was made are in it without a goroutine,
 * until they have run once.
 */
import { readdirSync } from 'node:fs';
import {
  Assembler,
  attachTracepoint,
  type BpfMap,
  createMap,
  type Link,
  loadProgram,
  type Program,
  readTracepointFormat,
  u32,
} from '@probelens/bpf';
import type { LoweredExpression } from '../plan/expression.js';
import type { Evaluation } from '../program/evaluation.js';
import { frame, temporary } from '../program/frame.js';
import { emitTargetGuard } from '../program/gate.js';
import type { ProgramMachine } from '../program/registers.js';
import { Opened } from './armed.js';
import * as refusal from './refusal.js';
import { emitKernelGoroutine, emitLabel, labelKnown, type ThreadPlace, threadKnown } from './source-goroutine.js';

const threadValueSize = 24;

/**
 * Go ends a program that wants more than 10,000 threads (runtime/debug.SetMaxThreads). Allocated beforehand, a megabyte:
 * before Linux 6.1 programs of tracepoints could not use a hash that allocates while they run.
 */
const mostThreads = 16_384;

/** CLONE_THREAD, include/uapi/linux/sched.h. */
const cloneThread = 0x10000;

/** EXIT_DEAD and EXIT_ZOMBIE as sched_switch reports them (include/linux/sched.h, TASK_REPORT): it will not come back. */
const exitStates = 0x30;

export interface ThreadMapRequest extends ThreadPlace {
  readonly target: number;
  readonly machine: ProgramMachine;
  /** What is to be known of the goroutines besides. */
  readonly label: LoweredExpression | undefined;
}

/** The value in the frame, lowest address first; the key is temporary 0. */
const entry = { goroutine: temporary(3), known: temporary(2), label: temporary(1) } as const;

/** The first temporary behind key and value. */
const free = 4;

const offsetOf = (category: string, name: string, field: string): number => {
  const found = readTracepointFormat(category, name).fields.find((each) => each.name === field);
  if (found === undefined) throw refusal.unsupported(`${category}:${name} without ${field}`, 'use another event');
  return found.offset;
};

/** r1 = the map, r2 = address of the key (temporary 0), r3 = address of the value. */
const emitEntry = ({ assembler }: Evaluation, threads: BpfMap): void => {
  assembler.loadMap('r1', threads).mov('r2', 'r10').add('r2', temporary(0));
  assembler.mov('r3', 'r10').add('r3', entry.goroutine);
};

const evaluation = ({ machine, runtime }: ThreadMapRequest): Evaluation => ({
  assembler: new Assembler(),
  machine,
  sleepable: false,
  goidOffset: runtime?.goid,
  fault: 'out',
});

/** Into the entry: whether the goroutine, whose g is in the frame, has the label. */
const emitLabelEntry = (to: Evaluation, label: LoweredExpression | undefined): void => {
  const { assembler } = to;
  assembler.store('r10', entry.label, labelKnown.no, 8);
  if (label === undefined) return;
  const judged = assembler.freshLabel('judged');
  const fault = assembler.freshLabel('unjudged');
  assembler.load('r1', 'r10', frame.site, 8).jumpIf('r1', '==', 0, judged);
  emitLabel(to, label, fault, free);
  assembler.store('r10', entry.label, 'r8', 8).jump(judged).label(fault);
  assembler.store('r10', entry.label, labelKnown.unjudged, 8).label(judged);
};

/** At sched_switch: the thread that leaves, and its goroutine; and of the one that comes, that it runs. */
const buildLeaving = (request: ThreadMapRequest, threads: BpfMap): Uint8Array => {
  const to = evaluation(request);
  const { assembler } = to;
  const unknown = assembler.freshLabel('unknown');
  const remember = assembler.freshLabel('remember');
  assembler.mov('r6', 'r1');
  emitTargetGuard(to, request.target, 'coming');
  assembler.load('r1', 'r10', frame.pidTid, 4).store('r10', temporary(0), 'r1', 8);
  assembler.load('r7', 'r6', offsetOf('sched', 'sched_switch', 'prev_state'), 8);
  assembler.and('r7', exitStates).jumpIf('r7', '==', 0, remember);
  emitEntry(to, threads);
  assembler.call('map_delete_elem').jump('coming').label(remember).store('r10', frame.flags, 0, 8);
  emitKernelGoroutine(to, request);
  emitLabelEntry(to, request.label);
  assembler.load('r1', 'r10', frame.goroutine, 8).store('r10', entry.goroutine, 'r1', 8);
  assembler.store('r10', entry.known, threadKnown.never, 8).load('r1', 'r10', frame.flags, 8);
  assembler.jumpIf('r1', '!=', 0, unknown).store('r10', entry.known, threadKnown.left, 8).label(unknown);
  emitEntry(to, threads);
  assembler.mov('r4', 0).call('map_update_elem').label('coming');
  assembler.load('r1', 'r6', offsetOf('sched', 'sched_switch', 'next_pid'), 4).store('r10', temporary(0), 'r1', 8);
  assembler.loadMap('r1', threads).mov('r2', 'r10').add('r2', temporary(0)).call('map_lookup_elem');
  assembler.jumpIf('r0', '==', 0, 'out').load('r1', 'r0', 8, 8).jumpIf('r1', '!=', threadKnown.left, 'out');
  assembler.store('r0', 8, threadKnown.came, 8);
  return assembler.label('out').mov('r0', 0).exit().assemble();
};

/** At task_newtask, in the thread that makes another: the new one, which has not run yet. */
const buildNew = (request: ThreadMapRequest, threads: BpfMap): Uint8Array => {
  const to = evaluation(request);
  const { assembler } = to;
  assembler.mov('r6', 'r1');
  emitTargetGuard(to, request.target, 'out');
  assembler.load('r1', 'r6', offsetOf('task', 'task_newtask', 'clone_flags'), 8);
  assembler.and('r1', cloneThread).jumpIf('r1', '==', 0, 'out');
  assembler.load('r1', 'r6', offsetOf('task', 'task_newtask', 'pid'), 4).store('r10', temporary(0), 'r1', 8);
  assembler.store('r10', entry.goroutine, 0, 8).store('r10', entry.known, threadKnown.never, 8);
  assembler.store('r10', entry.label, labelKnown.no, 8);
  emitEntry(to, threads);
  return assembler.mov('r4', 0).call('map_update_elem').label('out').mov('r0', 0).exit().assemble();
};

const threadsOf = (pid: number): readonly number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    // It has just ended; its end is handled where it is watched.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
};

export class ThreadMap {
  readonly map: BpfMap;
  readonly #opened = new Opened();

  /** Attached when it returns. Throws KernelError and `Refused`; nothing is left then. */
  constructor(request: ThreadMapRequest) {
    try {
      this.map = this.#opened.add(
        createMap({
          type: 'hash',
          name: 'probelens_tids',
          keySize: 4,
          valueSize: threadValueSize,
          maxEntries: mostThreads,
        }),
      );
      this.#attach('sched', 'sched_switch', buildLeaving(request, this.map));
      this.#attach('task', 'task_newtask', buildNew(request, this.map));
      this.#fill(request.target);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#opened.close();
  }

  #attach(category: string, name: string, instructions: Uint8Array): void {
    const program: Program = this.#opened.add(
      loadProgram({ type: 'tracepoint', name: 'probelens_tids', instructions }),
    );
    const link: Link = attachTracepoint({ program, category, name });
    this.#opened.add(link);
  }

  /** Those that wait since before; what the programs have written meanwhile is newer. */
  #fill(pid: number): void {
    for (const tid of threadsOf(pid)) this.map.update(u32(tid), new Uint8Array(threadValueSize), 'create');
    const alive = new Set(threadsOf(pid));
    for (const key of this.map.keys()) {
      const tid = Buffer.from(key).readUInt32LE();
      if (!alive.has(tid) && !threadsOf(pid).includes(tid)) this.map.delete(key);
    }
  }
}
