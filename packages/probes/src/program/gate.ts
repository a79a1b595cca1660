/** What surrounds the condition: who is meant, what is counted, how much is sent, and whether a thread may be stopped. */
import type { Evaluation } from './evaluation.js';
import { frame } from './frame.js';
import { recordFlags } from './record.js';
import type { ProgramMaps, ProgramRequest } from './request.js';
import { controlOffsets, stateOffsets } from './state.js';
import { tokenBucket } from './token-bucket.js';

/** asm/signal.h and asm-generic/signal.h agree on these for x86-64 and arm64. */
const signalNumber = { trap: 5, halt: 19 } as const;

/** Counts one; r1 and r2 are lost. */
export const emitCount = (to: Evaluation, maps: ProgramMaps, counter: keyof typeof stateOffsets): void => {
  to.assembler.loadMapValue('r1', maps.state, stateOffsets[counter]).mov('r2', 1).atomic('add', 'r1', 0, 'r2', 8);
};

/** Leaves at `out` unless the hit is the target's. Keeps the ids in the frame. */
export const emitTargetGuard = (to: Evaluation, target: number, out: string): void => {
  const { assembler } = to;
  assembler.call('get_current_pid_tgid').store('r10', frame.pidTid, 'r0', 8);
  assembler.rsh('r0', 32).jumpIf('r0', '!=', target, out);
};

/** Number of this event, from 1. Uses r1 and r2. */
export const emitNumber = (to: Evaluation, maps: ProgramMaps): void => {
  to.assembler
    .loadMapValue('r1', maps.state, stateOffsets.number)
    .mov('r2', 1)
    .atomic('fetch-add', 'r1', 0, 'r2', 8)
    .add('r2', 1)
    .store('r10', frame.number, 'r2', 8);
};

/**
 * Tries of the exchange below before the event is counted as left out. Each one that fails let another thread pass: two
 * seldom meet, and a token is missed only by who loses against as many others while he takes his.
 */
const exchangeTries = 16;

/** The token bucket of token-bucket.ts. Goes to `limited` when there is no token left. */
export const emitRateLimit = (to: Evaluation, maps: ProgramMaps, rate: number, limited: string): void => {
  const { assembler } = to;
  const passed = assembler.freshLabel('passed');
  const { interval, tolerance } = tokenBucket(rate);
  assembler.call('ktime_get_ns').mov('r9', 'r0').loadMapValue('r3', maps.state, stateOffsets.nextEvent);
  for (let attempt = 0; attempt < exchangeTries; attempt++) {
    const later = assembler.freshLabel('later');
    // r0: what was expected, r1: the later of that and now, r2: what it becomes.
    assembler.load('r0', 'r3', 0, 8).mov('r1', 'r0').jumpIf('r1', '>=', 'r9', later).mov('r1', 'r9').label(later);
    assembler.mov('r4', 'r9').add('r4', tolerance).jumpIf('r1', '>', 'r4', limited);
    assembler.mov('r2', 'r1').add('r2', interval);
    assembler.mov('r4', 'r0').atomic('cmpxchg', 'r3', 0, 'r2', 8).jumpIf('r0', '==', 'r4', passed);
  }
  assembler.jump(limited).label(passed);
};

/** Goes to `spared` unless the control map lets this goroutine be stopped. Expects the goroutine's id in the frame. */
export const emitControlGuard = (to: Evaluation, maps: ProgramMaps, spared: string): void => {
  const { assembler } = to;
  const anyone = assembler.freshLabel('anyone');
  assembler.loadMapValue('r1', maps.control).load('r2', 'r10', frame.goroutine, 8);
  assembler.load('r3', 'r1', controlOffsets.quiet, 8).jumpIf('r3', '!=', 0, spared);
  assembler.load('r3', 'r1', controlOffsets.focus, 8).jumpIf('r3', '==', 0, anyone);
  assembler.jumpIf('r3', '!=', 'r2', spared).label(anyone);
  // 0 mutes nobody, and is the id of a thread outside any goroutine: leave those alone only when asked to.
  const unmuted = assembler.freshLabel('unmuted');
  assembler.load('r3', 'r1', controlOffsets.muted, 8).jumpIf('r3', '==', 0, unmuted);
  assembler.jumpIf('r3', '==', 'r2', spared).label(unmuted);
};

/** r8 = a kernel word at r8 + offset; goes to `failed` when it cannot be read. */
const emitKernelRead = (to: Evaluation, offset: number, bytes: 4 | 8, failed: string): void => {
  const { assembler } = to;
  assembler.mov('r1', 'r10').add('r1', frame.scratch).mov('r2', bytes).mov('r3', 'r8').add('r3', offset);
  assembler.call('probe_read_kernel').jumpIf('r0', '!=', 0, failed).load('r8', 'r10', frame.scratch, bytes);
};

/**
 * Signals the thread or the process, and notes in the frame's flags that it was done. A SIGTRAP kills a process that
 * nobody traces, so the tracer is checked here, on every hit: `current->ptrace`, and that `current->parent` is ours.
 */
export const emitStop = (to: Evaluation, request: ProgramRequest): void => {
  const { stop, maps } = request;
  if (stop.kind === 'none') return;
  if (stop.kind === 'halt') {
    emitSignal(to, maps, 'halt');
    return;
  }
  const { assembler } = to;
  const spared = assembler.freshLabel('spared');
  assembler.call('get_current_task').mov('r9', 'r0').mov('r8', 'r9');
  emitKernelRead(to, stop.task.ptrace, 4, spared);
  assembler.jumpIf('r8', '==', 0, spared).mov('r8', 'r9');
  emitKernelRead(to, stop.task.parent, 8, spared);
  emitKernelRead(to, stop.task.tgid, 4, spared);
  assembler.jumpIf('r8', '!=', stop.tracer, spared);
  emitSignal(to, maps, 'trap');
  assembler.label(spared);
};

/** Unless the control map spares this goroutine: SIGTRAP to the thread or SIGSTOP to the process, noted in the flags. */
export const emitSignal = (to: Evaluation, maps: ProgramMaps, kind: keyof typeof signalNumber): void => {
  const { assembler } = to;
  const spared = assembler.freshLabel('spared');
  emitControlGuard(to, maps, spared);
  assembler.mov('r1', signalNumber[kind]).call(kind === 'trap' ? 'send_signal_thread' : 'send_signal');
  assembler.jumpIf('r0', '!=', 0, spared);
  assembler.load('r1', 'r10', frame.flags, 8).or('r1', recordFlags.trapped).store('r10', frame.flags, 'r1', 8);
  assembler.label(spared);
};
