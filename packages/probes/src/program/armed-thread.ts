/**
 * Stops of kernel events under a debugger (facts of the mechanism: a tracepoint is no place where Delve could stop). Such
 * an event only notes whose it was: an armed thread. The next gate of the same target that the goroutine executes, or the
 * thread where no goroutine is known, fires whatever its own condition says, and its record names the event's probe.
 *
 * The notes are an LRU hash: key u64, a goroutine id, or a thread id with bit 63 set; value u64, the id of the probe. A
 * goroutine may leave a system call on another thread than it entered it, so its own id comes first.
 */
import type { MapReference } from '@probelens/bpf';
import type { LoweredExpression } from '../plan/expression.js';
import { emitExpression, emitGoroutine } from './evaluate.js';
import type { Evaluation } from './evaluation.js';
import { frame, temporary } from './frame.js';
import { emitControlGuard, emitCount } from './gate.js';
import { becauseShift } from './record.js';
import type { ProgramMaps } from './request.js';
import { controlOffsets } from './state.js';

export const armedThreadsKey = 8;
export const armedThreadsValue = 8;

/** More than goroutines can be on their way from an event to a gate; the least recent are forgotten. */
export const mostArmedThreads = 4096;

/** temporary(0) = the key of the thread. Uses r1 and r2. */
const emitThreadKey = (to: Evaluation): void => {
  to.assembler
    .load('r1', 'r10', frame.pidTid, 4)
    .loadImmediate('r2', 1n << 63n)
    .or('r1', 'r2')
    .store('r10', temporary(0), 'r1', 8);
};

/** The key's address in r2, the map in r1. */
const emitKeyed = (to: Evaluation, threads: MapReference): void => {
  to.assembler.loadMap('r1', threads).mov('r2', 'r10').add('r2', temporary(0));
};

/**
 * In the program of an event: its goroutine, or its thread, stops at the next gate. Expects goroutine and thread in the
 * frame. Leaves alone whom the debugger wants left alone.
 */
export const emitArmThread = (to: Evaluation, maps: ProgramMaps, threads: MapReference, probe: number): void => {
  const { assembler } = to;
  const spared = assembler.freshLabel('spared');
  const known = assembler.freshLabel('known');
  emitControlGuard(to, maps, spared);
  emitThreadKey(to);
  assembler.load('r1', 'r10', frame.goroutine, 8).jumpIf('r1', '==', 0, known).store('r10', temporary(0), 'r1', 8);
  assembler.label(known).store('r10', temporary(1), probe, 8);
  emitKeyed(to, threads);
  assembler.mov('r3', 'r10').add('r3', temporary(1)).mov('r4', 0).call('map_update_elem').label(spared);
};

/** r8 = the probe that armed the key in temporary(0), which is armed no more; goes to `missing` when there is none. */
const emitTake = (to: Evaluation, threads: MapReference, missing: string): void => {
  const { assembler } = to;
  emitKeyed(to, threads);
  assembler.call('map_lookup_elem').jumpIf('r0', '==', 0, missing).load('r8', 'r0', 0, 8);
  emitKeyed(to, threads);
  assembler.call('map_delete_elem');
};

export interface ArmedThreadGate {
  readonly maps: ProgramMaps;
  readonly threads: MapReference;
  /** The gate is for armed threads only, and fires where this holds. */
  readonly condition: LoweredExpression | undefined;
  /** Where a hit of an armed thread goes on, with the cause in the frame's flags. */
  readonly fire: string;
  /** Where every other hit goes on. */
  readonly otherwise: string;
}

/** In the program of a gate. While no event could have armed anybody it costs two instructions. */
export const emitArmedThreadGate = (to: Evaluation, gate: ArmedThreadGate): void => {
  const { assembler } = to;
  const { maps, threads, otherwise } = gate;
  const noGoroutine = assembler.freshLabel('no_goroutine');
  const byThread = assembler.freshLabel('by_thread');
  const found = assembler.freshLabel('armed');
  assembler.loadMapValue('r1', maps.control, controlOffsets.armed).load('r1', 'r1', 0, 8);
  assembler.jumpIf('r1', '==', 0, otherwise).store('r10', frame.goroutine, 0, 8);
  if (to.goidOffset !== undefined) emitGoroutine(to, noGoroutine);
  assembler.label(noGoroutine);
  emitControlGuard(to, maps, otherwise);
  if (gate.condition !== undefined) {
    emitExpression({ ...to, fault: otherwise }, gate.condition);
    assembler.jumpIf('r8', '==', 0, otherwise);
  }
  assembler.load('r1', 'r10', frame.goroutine, 8).jumpIf('r1', '==', 0, byThread).store('r10', temporary(0), 'r1', 8);
  emitTake(to, threads, byThread);
  assembler.jump(found).label(byThread);
  emitThreadKey(to);
  emitTake(to, threads, otherwise);
  assembler.label(found).lsh('r8', becauseShift);
  assembler.load('r1', 'r10', frame.flags, 8).or('r1', 'r8').store('r10', frame.flags, 'r1', 8);
  emitCount(to, maps, 'matches');
  assembler.jump(gate.fire);
};
