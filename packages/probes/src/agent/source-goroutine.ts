/** Which goroutine a kernel event is of, and whether it has the label of a scope. */
import type { LoweredExpression } from '../plan/expression.js';
import { emitExpression } from '../program/evaluate.js';
import type { Evaluation } from '../program/evaluation.js';
import { frame } from '../program/frame.js';
import { recordFlags } from '../program/record.js';
import type { SourceRuntime } from './protocol.js';

/**
 * What the map of threads (thread-map.ts) knows of one. "left": it is not running, and still on that goroutine; "came": it
 * was when it came, and may be elsewhere by now.
 */
export const threadKnown = { never: 0, left: 1, came: 2 } as const;

/** Whether a goroutine has the label, as kept for a thread that does not run. */
export const labelKnown = { no: 0, yes: 1, unjudged: 2 } as const;

export interface ThreadPlace {
  readonly runtime: SourceRuntime | undefined;
  /** offsetof(task_struct, thread.fsbase) on x86-64, thread.uw.tp_value on arm64. Bytes. */
  readonly threadPointer: number;
}

/** r8 = the word at r8 in kernel or user memory. */
export const emitWord = (to: Evaluation, helper: 'probe_read_kernel' | 'probe_read_user', failed: string): void => {
  to.assembler.mov('r1', 'r10').add('r1', frame.scratch).mov('r2', 8).mov('r3', 'r8');
  to.assembler.call(helper).jumpIf('r0', '!=', 0, failed).load('r8', 'r10', frame.scratch, 8);
};

/**
 * The goroutine of the current thread into the frame: task -> thread pointer -> g -> goid. The kernel keeps the thread
 * pointer in the task when it is set by arch_prctl or clone, as Go and C libraries do. 0 is g0: the scheduler's own stack.
 * `frame.site`: the address of g, 0 for a thread that has none, ~0 where it could not be read.
 */
export const emitKernelGoroutine = (to: Evaluation, { runtime, threadPointer }: ThreadPlace): void => {
  const { assembler } = to;
  const none = assembler.freshLabel('no_goroutine');
  const known = assembler.freshLabel('known');
  assembler.store('r10', frame.site, 0, 8);
  if (runtime !== undefined) {
    const unreadable = assembler.freshLabel('unreadable');
    assembler.call('get_current_task').mov('r8', 'r0').add('r8', threadPointer);
    emitWord(to, 'probe_read_kernel', unreadable);
    assembler.add('r8', runtime.tlsG);
    emitWord(to, 'probe_read_user', unreadable);
    assembler.jumpIf('r8', '==', 0, none).store('r10', frame.site, 'r8', 8).add('r8', runtime.goid);
    emitWord(to, 'probe_read_user', unreadable);
    assembler.store('r10', frame.goroutine, 'r8', 8).jump(known);
    assembler.label(unreadable).store('r10', frame.site, -1, 8).label(none);
  }
  assembler.store('r10', frame.goroutine, 0, 8).store('r10', frame.flags, recordFlags.goroutineUnknown, 8);
  assembler.label(known);
};

/** r8 = whether the current g, whose address is in the frame, has the label; goes to `fault` where that cannot be read. */
export const emitLabel = (to: Evaluation, label: LoweredExpression, fault: string, depth = 0): void =>
  emitExpression({ ...to, event: undefined, goroutineAt: frame.site, fault }, label, depth);

/**
 * Goes to `out` unless the event's goroutine has the label, to `fault` where that cannot be known. Of the second thread of
 * an event `frame.site` has what was kept of it (`labelKnown`).
 */
export const emitLabelScope = (
  to: Evaluation,
  label: LoweredExpression,
  second: boolean,
  labels: { readonly out: string; readonly fault: string },
): void => {
  const { assembler } = to;
  assembler.load('r1', 'r10', frame.site, 8).jumpIf('r1', '==', 0, labels.out);
  if (second) {
    assembler.jumpIf('r1', '==', labelKnown.unjudged, labels.fault);
    return;
  }
  emitLabel(to, label, labels.fault);
  assembler.jumpIf('r8', '==', 0, labels.out);
};
