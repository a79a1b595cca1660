/** From a validated plan to the BPF program of its probe. */
import { Assembler } from '@probelens/bpf';
import type { PlannedCapture, ProbePlan } from '../plan/plan.js';
import { emitArmedThreadGate } from './armed-thread.js';
import { emitExpression, emitGoroutine } from './evaluate.js';
import type { Evaluation } from './evaluation.js';
import { frame } from './frame.js';
import { emitCount, emitNumber, emitRateLimit, emitStop, emitTargetGuard } from './gate.js';
import { emitHitCondition } from './hits.js';
import { ProgramError } from './program-error.js';
import { recordFlags, recordLayout } from './record.js';
import { emitCaptures, emitRecordFaults, emitRecordHeader, emitStack, mayFault } from './record-writer.js';
import type { ProgramRequest } from './request.js';
import { emitSwitchGuard, emitThen } from './switches.js';

/** Only hits of one goroutine go on; the others count as hits and nothing else. */
const emitScope = (to: Evaluation, plan: ProbePlan, out: string): void => {
  const { scope } = plan.spec;
  // Go's first goroutine, which runs main.main, has the id 1 (runtime/proc.go, newproc1 after schedinit).
  const id = scope.kind === 'goroutine' ? BigInt(scope.id) : scope.kind === 'main' ? 1n : undefined;
  if (id === undefined) return;
  emitGoroutine(to, out);
  to.assembler.load('r1', 'r10', frame.goroutine, 8).loadImmediate('r2', id).jumpIf('r1', '!=', 'r2', out);
};

/** Emits code for each variant, of which one runs: that of the site that was hit. */
const forSite = (to: Evaluation, count: number, emit: (variant: number) => void): void => {
  const { assembler } = to;
  const done = assembler.freshLabel('site_done');
  const labels = Array.from({ length: count - 1 }, () => assembler.freshLabel('site'));
  // Cookies are positions in the list of sites; the last one needs no test.
  assembler.load('r1', 'r10', frame.site, 8);
  for (const [variant, label] of labels.entries()) assembler.jumpIf('r1', '==', variant, label);
  emit(count - 1);
  for (const [variant, label] of labels.entries()) {
    assembler.jump(done).label(label);
    emit(variant);
  }
  assembler.label(done);
};

/** Goes to `out` when the condition is false; notes in the frame when it could not be judged. */
const emitCondition = (to: Evaluation, request: ProgramRequest, out: string): void => {
  const { assembler } = to;
  const { condition, variants } = request.plan;
  const judged = assembler.freshLabel('judged');
  const conditions = variants?.map((variant) => variant.condition) ?? [condition];
  if (variants !== undefined && condition !== undefined) {
    forSite(to, variants.length, (variant) => {
      const each = conditions[variant];
      if (each !== undefined) emitExpression(to, each);
    });
  } else if (condition !== undefined) emitExpression(to, condition);
  if (condition !== undefined) assembler.jumpIf('r8', '==', 0, out);
  emitCount(to, request.maps, 'matches');
  if (!conditions.some(mayFault)) return;
  assembler.jump(judged).label(to.fault);
  emitCount(to, request.maps, 'faults');
  assembler.store('r10', frame.flags, recordFlags.faulted, 8).label(judged);
};

/** The goroutine's id for the record and the focus; 0 with a flag when it cannot be read. */
const emitIdentity = (to: Evaluation): void => {
  const { assembler } = to;
  const known = assembler.freshLabel('known');
  const unknown = assembler.freshLabel('unknown');
  if (to.goidOffset !== undefined) {
    emitGoroutine(to, unknown);
    assembler.jump(known).label(unknown);
  }
  assembler.store('r10', frame.goroutine, 0, 8);
  assembler.load('r1', 'r10', frame.flags, 8).or('r1', recordFlags.goroutineUnknown).store('r10', frame.flags, 'r1', 8);
  assembler.label(known);
};

const capturesAt = (plan: ProbePlan, variant: number): readonly PlannedCapture[] =>
  plan.captures.map((capture, index) => ({ ...capture, ...plan.variants?.[variant]?.captures[index] }));

/** Whether a record carries the callers: where no debugger could tell them. */
export const hasStack = (plan: ProbePlan, stop: ProgramRequest['stop']): boolean =>
  plan.spec.action.kind === 'snapshot' ||
  stop.kind === 'halt' ||
  (plan.spec.onMatch ?? []).some(({ kind }) => kind === 'snapshot');

/** Reserves, fills and submits one record; stops the thread in between, so that the record says whether it was. */
const emitEvent = (to: Evaluation, request: ProgramRequest): void => {
  const { assembler } = to;
  const { maps, plan } = request;
  const full = assembler.freshLabel('full');
  const limited = assembler.freshLabel('limited');
  const done = assembler.freshLabel('done');
  const stops = request.stop.kind !== 'none';
  // A hit condition has numbered it already.
  if (request.hits === undefined) emitNumber(to, maps);
  // A stop that was left out would be a breakpoint that lies: the limit is for events that nobody waits for.
  const { rateLimit } = plan.spec;
  if (rateLimit !== undefined && !stops) emitRateLimit(to, maps, rateLimit, limited);
  const { size, stack } = recordLayout(plan.captures, hasStack(plan, request.stop));
  assembler.loadMap('r1', maps.events).mov('r2', size).mov('r3', 0).call('ringbuf_reserve');
  assembler.jumpIf('r0', '==', 0, full).mov('r7', 'r0');
  emitRecordHeader(to, request);
  const { variants } = plan;
  if (variants === undefined || plan.captures.length === 0) emitCaptures(to, plan.captures);
  else forSite(to, variants.length, (variant) => emitCaptures(to, capturesAt(plan, variant)));
  if (stack !== undefined) emitStack(to, stack);
  emitStop(to, request);
  emitRecordFaults(to);
  assembler.mov('r1', 'r7').mov('r2', 0).call('ringbuf_submit').jump(done);
  assembler.label(full);
  emitCount(to, maps, 'lost');
  // Stopped all the same: a debugger may not pass a breakpoint because its log is full.
  emitStop(to, request);
  assembler.label(limited);
  emitCount(to, maps, 'dropped');
  assembler.label(done);
};

/**
 * Instructions of the probe's program. Throws ProgramError when the plan does not fit one (too many temporaries, a
 * register that the context lacks), AssemblyError when it is too long.
 */
export const buildProgram = (request: ProgramRequest): Uint8Array => {
  const assembler = new Assembler();
  const { plan, maps } = request;
  const out = 'out';
  const to: Evaluation = {
    assembler,
    machine: request.machine,
    sleepable: request.sleepable,
    goidOffset: plan.goidOffset,
    fault: 'fault',
  };
  assembler.mov('r6', 'r1');
  emitTargetGuard(to, request.target, out);
  if (maps.switches !== undefined && request.switchedBy !== undefined)
    emitSwitchGuard(to, maps.switches, request.switchedBy, out);
  emitCount(to, maps, 'hits');
  assembler.store('r10', frame.flags, 0, 8).store('r10', frame.captureFaults, 0, 8);
  if (plan.variants !== undefined) {
    if (!request.siteCookie)
      throw new ProgramError('this kernel does not tell a program at which of its sites it runs');
    assembler.mov('r1', 'r6').call('get_attach_cookie').store('r10', frame.site, 'r0', 8);
  }
  // An armed thread stops here without being counted.
  if (request.hits !== undefined) assembler.store('r10', frame.number, 0, 8);
  emitThreadGate(to, request, out);
  if (plan.forArmedThreads !== true) {
    emitScope(to, plan, out);
    emitCondition(to, request, out);
    if (request.hits !== undefined) emitHitCondition(to, maps, request.hits, out);
    if (maps.switches !== undefined) emitThen(to, maps.switches, plan.spec.onMatch);
  }
  if (firesForThreads(request)) assembler.label(threadFired);
  if (plan.spec.action.kind !== 'count' || request.stop.kind !== 'none') {
    emitIdentity(to);
    emitEvent(to, request);
  }
  return assembler.label(out).mov('r0', 0).exit().assemble();
};

const threadFired = 'thread_fired';

const firesForThreads = ({ stop, maps }: ProgramRequest): boolean =>
  stop.kind === 'trap' && maps.armedThreads !== undefined;

/** Hits of armed threads go to `threadFired`; of the others those of a gate that is for armed threads only to `out`. */
const emitThreadGate = (to: Evaluation, request: ProgramRequest, out: string): void => {
  const { plan, maps } = request;
  const { armedThreads } = maps;
  const only = plan.forArmedThreads === true;
  if (!firesForThreads(request) || armedThreads === undefined) {
    if (only) throw new ProgramError('a gate for armed threads needs a debugger that takes its traps');
    return;
  }
  const own = to.assembler.freshLabel('own');
  const otherwise = only ? out : own;
  emitArmedThreadGate(to, {
    maps,
    threads: armedThreads,
    condition: only ? plan.condition : undefined,
    fire: threadFired,
    otherwise,
  });
  if (!only) to.assembler.label(own);
};

/** The program under a tier 2 site's sentinel: it only holds the place. */
export const buildSentinel = (): Uint8Array => new Assembler().mov('r0', 0).exit().assemble();
