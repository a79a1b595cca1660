/** The program of a kernel event: whose thread it is, which goroutine runs on it, and the event's fields. */
import { Assembler, type MapReference } from '@probelens/bpf';
import type { LoweredExpression } from '../plan/expression.js';
import { emitArmThread } from '../program/armed-thread.js';
import { emitExpression } from '../program/evaluate.js';
import type { Evaluation } from '../program/evaluation.js';
import { frame, temporary } from '../program/frame.js';
import { emitCount, emitNumber, emitRateLimit, emitSignal, emitTargetGuard } from '../program/gate.js';
import { ProgramError } from '../program/program-error.js';
import { type RecordLayout, recordFlags } from '../program/record.js';
import { emitRecordFaults, emitRecordHeader } from '../program/record-writer.js';
import type { ProgramMachine } from '../program/registers.js';
import type { ProgramMaps } from '../program/request.js';
import { emitSwitchGuard, emitThen } from '../program/switches.js';
import type { ProbeSpec } from '../spec/spec.js';
import { type SecondThread, type SourceField, type TextRead, textLimit } from './source-fields.js';
import { emitKernelGoroutine, emitLabelScope, labelKnown, type ThreadPlace, threadKnown } from './source-goroutine.js';
import { emitNumberField, emitTextAddress, eventReads } from './source-reads.js';
import { type CallerPlaces, emitProgramGuard, emitSourceStack, type SourceProgramPlace } from './source-stack.js';

export interface SourceProgramRequest extends ThreadPlace {
  readonly spec: ProbeSpec;
  readonly probe: number;
  readonly target: number;
  /** Field with the process that the event is about; undefined: it is about the running thread. */
  readonly subject: string | undefined;
  readonly machine: ProgramMachine;
  readonly maps: ProgramMaps;
  /** "arm": the thread stops at its next gate (program/armed-thread.ts); "halt": SIGSTOP of the process, at once. */
  readonly stop: 'none' | 'arm' | 'halt';
  /** By which others switch this probe (`then arm N`); undefined: it is always on. */
  readonly switchedBy: number | undefined;
  /** What a record shows. */
  readonly fields: readonly SourceField[];
  /** What expressions may name. */
  readonly known: readonly SourceField[];
  readonly condition: LoweredExpression | undefined;
  /** Of a scope on a pprof label. */
  readonly label: LoweredExpression | undefined;
  /** Undefined: it is not known what the process runs. */
  readonly program: SourceProgramPlace | undefined;
  /** Of a record with a stack. */
  readonly callers: CallerPlaces | undefined;
  /** Events about two threads: the other one, and what is known of the target's threads (thread-map.ts). */
  readonly second: (SecondThread & { readonly threads: MapReference }) | undefined;
  readonly layout: RecordLayout;
}

/** Goroutine and g into the frame; none of a process that is not the target: its memory is no business of ours. */
const emitOwnGoroutine = (to: Evaluation, request: SourceProgramRequest): void => {
  if (request.subject === undefined) {
    emitKernelGoroutine(to, request);
    return;
  }
  const { assembler } = to;
  const [own, known] = [assembler.freshLabel('own'), assembler.freshLabel('whose')];
  assembler.load('r1', 'r10', frame.pidTid + 4, 4).jumpIf('r1', '==', request.target, own);
  emitKernelGoroutine(to, { ...request, runtime: undefined });
  assembler.jump(known).label(own);
  emitKernelGoroutine(to, request);
  assembler.label(known);
};

/** Leaves at `out` unless the event is about the target. */
const emitSubjectGuard = (to: Evaluation, request: SourceProgramRequest, out: string): void => {
  if (request.subject === undefined) {
    emitTargetGuard(to, request.target, out);
    if (request.program?.starting === true) emitProgramGuard(to, request.program, out);
    return;
  }
  const named = request.known.find(({ capture }) => capture.name === request.subject)?.read;
  if (named?.kind !== 'number') throw new ProgramError(`the event has no number ${request.subject}`);
  to.assembler.call('get_current_pid_tgid').store('r10', frame.pidTid, 'r0', 8);
  emitNumberField(to, named);
  to.assembler.jumpIf('r8', '!=', request.target, out);
};

const emitSourceScope = (to: Evaluation, spec: ProbeSpec, out: string): void => {
  const { scope } = spec;
  const id = scope.kind === 'goroutine' ? BigInt(scope.id) : scope.kind === 'main' ? 1n : undefined;
  if (id === undefined) return;
  to.assembler.load('r1', 'r10', frame.goroutine, 8).loadImmediate('r2', id).jumpIf('r1', '!=', 'r2', out);
};

/** Marks capture `index` as unreadable. */
const emitUnreadable = (to: Evaluation, index: number): void => {
  to.assembler
    .load('r1', 'r10', frame.captureFaults, 8)
    .loadImmediate('r2', 1n << BigInt(index))
    .or('r1', 'r2')
    .store('r10', frame.captureFaults, 'r1', 8);
};

/** u32 length, u32 bytes that follow, then the bytes: as a Go string, whose length is unknown where it goes on. */
const emitText = (to: Evaluation, read: TextRead, index: number, at: number): void => {
  const { assembler } = to;
  const done = assembler.freshLabel('text');
  const failed = assembler.freshLabel('unreadable');
  const whole = assembler.freshLabel('whole');
  for (let offset = 0; offset < 8 + textLimit; offset += 8) assembler.store('r7', at + offset, 0, 8);
  const helper = emitTextAddress(to, read);
  assembler
    .mov('r1', 'r7')
    .add('r1', at + 8)
    .mov('r2', textLimit)
    .call(helper);
  // Bytes with the NUL, or a negative errno.
  assembler.jumpIf('r0', 's<=', 0, failed).sub('r0', 1);
  assembler.store('r7', at, 'r0', 4).store('r7', at + 4, 'r0', 4);
  assembler.jumpIf('r0', '!=', textLimit - 1, whole);
  emitTextAddress(to, read);
  assembler
    .add('r3', textLimit - 1)
    .mov('r1', 'r10')
    .add('r1', frame.scratch)
    .mov('r2', 1);
  assembler.call(helper === 'probe_read_user_str' ? 'probe_read_user' : 'probe_read_kernel');
  assembler.jumpIf('r0', '!=', 0, whole).load('r1', 'r10', frame.scratch, 1).jumpIf('r1', '==', 0, whole);
  assembler.store('r7', at, -1, 4).label(whole).jump(done).label(failed);
  emitUnreadable(to, index);
  assembler.label(done);
};

/** A label that code may or may not jump to: the verifier wants none that nothing reaches. */
const emitReachable = (to: Evaluation, label: string): void => {
  to.assembler.mov('r1', 0).jumpIf('r1', '!=', 0, label);
};

const emitComputed = (to: Evaluation, value: LoweredExpression, index: number, at: number): void => {
  const { assembler } = to;
  const fault = assembler.freshLabel('unreadable');
  const done = assembler.freshLabel('computed');
  assembler.store('r7', at, 0, 8);
  emitReachable(to, fault);
  emitExpression({ ...to, fault }, value);
  assembler.store('r7', at, 'r8', 8).jump(done).label(fault);
  emitUnreadable(to, index);
  assembler.label(done);
};

const emitFields = (to: Evaluation, request: SourceProgramRequest, second: boolean): void => {
  request.fields.forEach(({ capture, read }, index) => {
    const at = request.layout.captures[index];
    if (at === undefined) return;
    if (read === undefined) {
      if (capture.value !== undefined) emitComputed(to, capture.value, index, at);
    } else if (read.kind === 'second') {
      to.assembler.store('r7', at, second ? 1 : 0, 8);
    } else if (read.kind === 'number') {
      emitNumberField(to, read);
      to.assembler.store('r7', at, 'r8', 8);
    } else emitText(to, read, index, at);
  });
};

/** Goes to `out` when the condition is false. What could not be judged is an event that says so. */
const emitSourceCondition = (to: Evaluation, request: SourceProgramRequest, second: boolean, out: string): void => {
  const { assembler } = to;
  const { condition, label, maps } = request;
  if (condition === undefined && label === undefined) {
    emitCount(to, maps, 'matches');
    return;
  }
  const fault = assembler.freshLabel('fault');
  const judged = assembler.freshLabel('judged');
  emitReachable(to, fault);
  if (label !== undefined) emitLabelScope(to, label, second, { out, fault });
  if (condition !== undefined) {
    emitExpression({ ...to, fault }, condition);
    assembler.jumpIf('r8', '==', 0, out);
  }
  emitCount(to, maps, 'matches');
  assembler.jump(judged).label(fault);
  emitCount(to, maps, 'faults');
  assembler.load('r1', 'r10', frame.flags, 8).or('r1', recordFlags.faulted).store('r10', frame.flags, 'r1', 8);
  assembler.label(judged);
};

/** A halt is for the process that runs; of the second thread that is not. */
const emitSourceStop = (to: Evaluation, { stop, maps, probe }: SourceProgramRequest, second: boolean): void => {
  if (stop === 'halt' && !second) emitSignal(to, maps, 'halt');
  if (stop === 'arm' && maps.armedThreads !== undefined) emitArmThread(to, maps, maps.armedThreads, probe);
};

const emitRecord = (to: Evaluation, request: SourceProgramRequest, second: boolean, out: string): void => {
  const { assembler } = to;
  const { spec, maps } = request;
  const full = assembler.freshLabel('full');
  const limited = assembler.freshLabel('limited');
  // A stop that was left out would be a breakpoint that lies.
  const rateLimit = request.stop === 'none' ? spec.rateLimit : undefined;
  emitNumber(to, maps);
  if (rateLimit !== undefined) emitRateLimit(to, maps, rateLimit, limited);
  assembler.loadMap('r1', maps.events).mov('r2', request.layout.size).mov('r3', 0).call('ringbuf_reserve');
  assembler.jumpIf('r0', '==', 0, full).mov('r7', 'r0');
  emitRecordHeader(to, { probe: request.probe, siteCookie: false });
  emitFields(to, request, second);
  if (request.callers !== undefined && request.program !== undefined) {
    const elsewhere = second || request.subject !== undefined;
    emitSourceStack(to, request.layout, { ...request.callers, ...request.program, elsewhere });
  }
  emitSourceStop(to, request, second);
  emitRecordFaults(to);
  assembler.mov('r1', 'r7').mov('r2', 0).call('ringbuf_submit').jump(out).label(full);
  emitCount(to, maps, 'lost');
  emitSourceStop(to, request, second);
  if (rateLimit !== undefined) assembler.label(limited);
  emitCount(to, maps, 'dropped');
};

/** From here on thread and goroutine are in the frame. Falls through or goes to `out`. */
const emitMatch = (to: Evaluation, request: SourceProgramRequest, second: boolean, out: string): void => {
  const inner = { ...to, event: eventReads(request.known, second) };
  emitSourceScope(inner, request.spec, out);
  emitSourceCondition(inner, request, second, out);
  const { switches } = request.maps;
  if (switches !== undefined) emitThen(inner, switches, request.spec.onMatch);
  if (request.spec.action.kind !== 'count') emitRecord(inner, request, second, out);
};

/** Puts the second thread into the frame as if it ran; goes to `out` when it is not the target's. */
const emitSecondThread = (to: Evaluation, request: SourceProgramRequest, out: string): void => {
  const { assembler } = to;
  const { second } = request;
  if (second === undefined) return;
  const known = assembler.freshLabel('known');
  assembler.load('r7', 'r6', second.offset, 4).store('r10', temporary(0), 'r7', 8);
  assembler.loadMap('r1', second.threads).mov('r2', 'r10').add('r2', temporary(0)).call('map_lookup_elem');
  assembler
    .jumpIf('r0', '==', 0, out)
    .loadImmediate('r1', BigInt(request.target) << 32n)
    .or('r1', 'r7');
  assembler.store('r10', frame.pidTid, 'r1', 8).store('r10', frame.captureFaults, 0, 8);
  assembler.load('r1', 'r0', 0, 8).store('r10', frame.goroutine, 'r1', 8).store('r10', frame.flags, 0, 8);
  assembler.load('r1', 'r0', 16, 8).store('r10', frame.site, 'r1', 8);
  assembler.load('r1', 'r0', 8, 8).jumpIf('r1', '==', threadKnown.left, known);
  if (second.comes) assembler.jumpIf('r1', '==', threadKnown.came, known);
  assembler.store('r10', frame.goroutine, 0, 8).store('r10', frame.site, labelKnown.no, 8);
  assembler.store('r10', frame.flags, recordFlags.goroutineUnknown, 8).label(known);
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
  const next = request.second === undefined ? 'out' : 'second';
  assembler.mov('r6', 'r1');
  emitSubjectGuard(to, request, next);
  if (maps.switches !== undefined && request.switchedBy !== undefined)
    emitSwitchGuard(to, maps.switches, request.switchedBy, 'out');
  emitCount(to, maps, 'hits');
  assembler.store('r10', frame.flags, 0, 8).store('r10', frame.captureFaults, 0, 8);
  if (spec.action.kind !== 'count' || spec.scope.kind !== 'process' || request.condition !== undefined)
    emitOwnGoroutine(to, request);
  emitMatch(to, request, false, next);
  if (request.second !== undefined) {
    assembler.label('second');
    emitSecondThread(to, request, 'out');
    if (maps.switches !== undefined && request.switchedBy !== undefined)
      emitSwitchGuard(to, maps.switches, request.switchedBy, 'out');
    emitCount(to, maps, 'hits');
    emitMatch(to, request, true, 'out');
  }
  return assembler.label('out').mov('r0', 0).exit().assemble();
};
