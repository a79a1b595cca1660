/** The program of a kernel event: whose thread it is, which goroutine runs on it, and the event's fields. */
import { Assembler } from '@probelens/bpf';
import type { Evaluation } from '../program/evaluate.js';
import { frame } from '../program/frame.js';
import { emitCount, emitNumber, emitRateLimit, emitTargetGuard } from '../program/gate.js';
import type { ProgramMachine, ProgramMaps } from '../program/program.js';
import { type RecordLayout, recordFlags } from '../program/record.js';
import { emitRecordFaults, emitRecordHeader } from '../program/record-writer.js';
import type { ProbeSpec } from '../spec/spec.js';
import type { SourceRuntime } from './protocol.js';
import { type SourceField, textLimit } from './source-fields.js';

export interface SourceProgramRequest {
  readonly spec: ProbeSpec;
  readonly probe: number;
  readonly target: number;
  readonly machine: ProgramMachine;
  readonly runtime: SourceRuntime | undefined;
  /** offsetof(task_struct, thread.fsbase) on x86-64, thread.uw.tp_value on arm64. Bytes. */
  readonly threadPointer: number;
  readonly maps: ProgramMaps;
  readonly fields: readonly SourceField[];
  readonly layout: RecordLayout;
}

/** r8 = the word at r8 in kernel or user memory. */
const emitWord = (to: Evaluation, helper: 'probe_read_kernel' | 'probe_read_user', failed: string): void => {
  to.assembler.mov('r1', 'r10').add('r1', frame.scratch).mov('r2', 8).mov('r3', 'r8');
  to.assembler.call(helper).jumpIf('r0', '!=', 0, failed).load('r8', 'r10', frame.scratch, 8);
};

/**
 * The goroutine of the current thread into the frame: task -> thread pointer -> g -> goid. The kernel keeps the thread
 * pointer in the task when it is set by arch_prctl or clone, as Go and C libraries do. 0 is g0: the scheduler's own stack.
 */
const emitKernelGoroutine = (to: Evaluation, request: SourceProgramRequest): void => {
  const { assembler } = to;
  const unknown = assembler.freshLabel('unknown');
  const known = assembler.freshLabel('known');
  if (request.runtime !== undefined) {
    assembler.call('get_current_task').mov('r8', 'r0').add('r8', request.threadPointer);
    emitWord(to, 'probe_read_kernel', unknown);
    assembler.add('r8', request.runtime.tlsG);
    emitWord(to, 'probe_read_user', unknown);
    assembler.jumpIf('r8', '==', 0, unknown).add('r8', request.runtime.goid);
    emitWord(to, 'probe_read_user', unknown);
    assembler.store('r10', frame.goroutine, 'r8', 8).jump(known).label(unknown);
  }
  assembler.store('r10', frame.goroutine, 0, 8).store('r10', frame.flags, recordFlags.goroutineUnknown, 8);
  assembler.label(known);
};

const emitSourceScope = (to: Evaluation, spec: ProbeSpec, out: string): void => {
  const { scope } = spec;
  const id = scope.kind === 'goroutine' ? BigInt(scope.id) : scope.kind === 'main' ? 1n : undefined;
  if (id === undefined) return;
  to.assembler.load('r1', 'r10', frame.goroutine, 8).loadImmediate('r2', id).jumpIf('r1', '!=', 'r2', out);
};

/** r3 = address of the text, and the helper that reads it. */
const emitTextAddress = (to: Evaluation, { read }: SourceField): 'probe_read_kernel_str' | 'probe_read_user_str' => {
  const { assembler } = to;
  if (read.kind === 'user-text') {
    assembler.load('r3', 'r6', read.offset, 8);
    return 'probe_read_user_str';
  }
  if (read.kind === 'located-text') {
    assembler.load('r2', 'r6', read.offset, 4).and('r2', 0xffff);
    // From the end of the word itself, or from the start of the record.
    assembler
      .mov('r3', 'r6')
      .add('r3', read.from === 'field' ? read.offset + 4 : 0)
      .add('r3', 'r2');
  } else assembler.mov('r3', 'r6').add('r3', read.offset);
  return 'probe_read_kernel_str';
};

/** u32 length, u32 length again, then the bytes: as a Go string of that length. */
const emitText = (to: Evaluation, field: SourceField, index: number, at: number): void => {
  const { assembler } = to;
  const done = assembler.freshLabel('text');
  const failed = assembler.freshLabel('unreadable');
  for (let offset = 0; offset < 8 + textLimit; offset += 8) assembler.store('r7', at + offset, 0, 8);
  const helper = emitTextAddress(to, field);
  assembler
    .mov('r1', 'r7')
    .add('r1', at + 8)
    .mov('r2', textLimit)
    .call(helper);
  // Bytes with the NUL, or a negative errno.
  assembler.jumpIf('r0', 's<=', 0, failed).sub('r0', 1);
  assembler
    .store('r7', at, 'r0', 4)
    .store('r7', at + 4, 'r0', 4)
    .jump(done)
    .label(failed);
  assembler
    .load('r1', 'r10', frame.captureFaults, 8)
    .loadImmediate('r2', 1n << BigInt(index))
    .or('r1', 'r2');
  assembler.store('r10', frame.captureFaults, 'r1', 8).label(done);
};

const emitFields = (to: Evaluation, request: SourceProgramRequest): void => {
  const { assembler } = to;
  request.fields.forEach((field, index) => {
    const at = request.layout.captures[index];
    if (at === undefined) return;
    const { read } = field;
    if (read.kind !== 'number') {
      emitText(to, field, index, at);
      return;
    }
    assembler.load('r8', 'r6', read.offset, read.width);
    const spare = 64 - read.width * 8;
    if (read.signed && spare > 0) assembler.lsh('r8', spare).arsh('r8', spare);
    assembler.store('r7', at, 'r8', 8);
  });
};

/** Instructions of the program, for types "tracepoint" and "perf-event". */
export const buildSourceProgram = (request: SourceProgramRequest): Uint8Array => {
  const assembler = new Assembler();
  const { spec, maps } = request;
  const to: Evaluation = {
    assembler,
    machine: request.machine,
    sleepable: false,
    goidOffset: request.runtime?.goid,
    fault: 'out',
  };
  assembler.mov('r6', 'r1');
  emitTargetGuard(to, request.target, 'out');
  emitCount(to, maps, 'hits');
  assembler.store('r10', frame.flags, 0, 8).store('r10', frame.captureFaults, 0, 8);
  if (spec.action.kind !== 'count' || spec.scope.kind !== 'process') emitKernelGoroutine(to, request);
  emitSourceScope(to, spec, 'out');
  emitCount(to, maps, 'matches');
  if (spec.action.kind !== 'count') {
    emitNumber(to, maps);
    if (spec.rateLimit !== undefined) emitRateLimit(to, maps, spec.rateLimit, 'limited');
    assembler.loadMap('r1', maps.events).mov('r2', request.layout.size).mov('r3', 0).call('ringbuf_reserve');
    assembler.jumpIf('r0', '==', 0, 'full').mov('r7', 'r0');
    emitRecordHeader(to, { probe: request.probe, siteCookie: false });
    emitFields(to, request);
    emitRecordFaults(to);
    assembler.mov('r1', 'r7').mov('r2', 0).call('ringbuf_submit').jump('out').label('full');
    emitCount(to, maps, 'lost');
    if (spec.rateLimit !== undefined) assembler.label('limited');
    emitCount(to, maps, 'dropped');
  }
  return assembler.label('out').mov('r0', 0).exit().assemble();
};
