/** The agent's own look at a request for events of the kernel. */
import { KernelError } from '@probelens/bpf';
import { bpfFields } from '../bpf-load/fields.js';
import type { LoweredExpression } from '../plan/expression.js';
import type { PlannedCapture } from '../plan/plan.js';
import { subexpressions } from '../plan/request.js';
import { maximumCaptures } from '../program/record.js';
import { goroutineRegister } from '../program/registers.js';
import * as read from '../program/shape.js';
import { InvalidPlan } from '../program/shape.js';
import { validShape } from '../program/validate.js';
import { validCondition, validExpression } from '../program/validate-expression.js';
import { validSpec, validTarget } from '../program/validate-spec.js';
import type { ProbeSpec } from '../spec/spec.js';
import { validPlace } from './list-place.js';
import { machineHere } from './machine.js';
import type { ListPlace, ProgramCode, SourceFieldDescription, SourceRuntime } from './protocol.js';
import * as refusal from './refusal.js';
import { sourceOf } from './source.js';
import { describeFields } from './source-fields.js';
import { asksForStack } from './source-stack.js';

/**
 * Events that others cause, and which say in `pid` whom they are about. Of any other, a number that happens to be the id of
 * one's own process would let one see what others do.
 */
const aboutProcesses: ReadonlySet<string> = new Set(['signal:signal_generate', 'oom:mark_victim']);

/** Thread-local storage before the thread pointer: a page is generous. Bytes. */
const furthestTls = 1 << 20;
const furthestGoid = 4096;

export interface ValidSource {
  readonly spec: ProbeSpec;
  readonly runtime: SourceRuntime | undefined;
  readonly condition: LoweredExpression | undefined;
  readonly captures: readonly PlannedCapture[];
  readonly place: ListPlace | undefined;
  readonly subject: string | undefined;
  readonly code: ProgramCode | undefined;
  readonly label: LoweredExpression | undefined;
}

const validRuntime = (field: read.Field): SourceRuntime => ({
  goid: read.integer(read.member(field, 'goid'), 0, furthestGoid),
  tlsG: read.integer(read.member(field, 'tlsG'), -furthestTls, furthestTls),
});

/** What is read of the current g and names no other register. */
const validLabel = (field: read.Field): LoweredExpression => {
  const machine = machineHere();
  const label = validCondition(field, machine);
  const known = goroutineRegister[machine];
  const foreign = subexpressions(label).some((node) => node.kind === 'register' && node.register !== known);
  if (foreign) throw new InvalidPlan(`${field.path} names another register than ${known}`);
  return label;
};

const validCode = (field: read.Field): ProgramCode => {
  const end = read.member(field, 'end');
  read.address(end);
  return { end: read.text(end), fixed: read.flag(read.member(field, 'fixed')) };
};

/** An expression of the template: a number or a truth value. */
const validCapture = (field: read.Field): PlannedCapture => {
  const shape = validShape(read.member(field, 'shape'), undefined);
  if (shape.kind !== 'integer' && shape.kind !== 'bool')
    throw new InvalidPlan(`${field.path} is neither a number nor a truth value`);
  return {
    name: read.text(read.member(field, 'name')),
    typeName: read.text(read.member(field, 'typeName')),
    shape,
    value: validExpression(read.member(field, 'value'), 'event'),
    length: undefined,
  };
};

const checkSubject = ({ target }: ProbeSpec, subject: string): void => {
  const event = target.kind === 'tracepoint' ? `${target.category}:${target.name}` : target.kind;
  if (subject !== 'pid' || !aboutProcesses.has(event))
    throw new InvalidPlan(`${subject.slice(0, 64)} of ${event} names no process that the event is about`);
};

const checked = <T>(look: () => T): T => {
  try {
    return look();
  } catch (error) {
    if (error instanceof InvalidPlan) throw refusal.badPlan(error.message);
    throw error;
  }
};

/** Throws `Refused`. */
export const validSource = (value: unknown): ValidSource =>
  checked(() => {
    const field: read.Field = { path: '', value };
    const spec = validSpec(read.member(field, 'spec'));
    const runtime = read.optional(read.member(field, 'runtime'), validRuntime);
    const condition = read.optional(read.member(field, 'condition'), (each) => validCondition(each, 'event'));
    if ((condition === undefined) !== (spec.condition === undefined))
      throw new InvalidPlan('the event has a condition exactly when the probe has one');
    const captures = read.optional(read.member(field, 'captures'), (each) =>
      read.list(each, maximumCaptures).map(validCapture),
    );
    const subject = read.optional(read.member(field, 'subject'), read.text);
    if (subject !== undefined) checkSubject(spec, subject);
    const place = validPlace(value, spec);
    const code = read.optional(read.member(field, 'code'), validCode);
    const label = read.optional(read.member(field, 'label'), validLabel);
    checkAbilities(spec, { runtime, code });
    if ((label === undefined) !== (spec.scope.kind !== 'label'))
      throw new InvalidPlan('a label is described exactly where the scope is on one');
    if (subject !== undefined && spec.action.kind === 'stop')
      throw refusal.unsupported('A stop by an event that others cause', 'use `do log`');
    return { spec, runtime, condition, captures: captures ?? [], place, subject, code, label };
  });

export interface ValidBpf extends ValidSource {
  readonly everywhere: boolean;
  readonly reloadForLog: boolean;
}

/** The same of a `bpf:` probe. Throws `Refused`. */
export const validBpf = (value: unknown): ValidBpf =>
  checked(() => {
    const field: read.Field = { path: '', value };
    const [everywhere = false, reloadForLog = false] = ['everywhere', 'reloadForLog'].map((name) =>
      read.optional(read.member(field, name), read.flag),
    );
    return { ...validSource(value), everywhere, reloadForLog };
  });

/** What a client types its expressions with. Throws `Refused`. */
export const sourceFields = (value: unknown): readonly SourceFieldDescription[] => {
  const target = checked(() => validTarget(read.member({ path: '', value }, 'target')));
  if (target.kind === 'bpf') return bpfFields(target.what);
  try {
    const source = sourceOf(target, machineHere());
    if (source.type === 'kprobe') throw refusal.fieldsUnseen();
    return describeFields(source.fields);
  } catch (error) {
    if (error instanceof KernelError) throw new refusal.Refused('kernel-refused', error.message, { cause: error });
    throw error;
  }
};

const checkAbilities = (spec: ProbeSpec, { runtime, code }: Pick<ValidSource, 'runtime' | 'code'>): void => {
  const { kind } = spec.target;
  if (spec.onMatch !== undefined && kind !== 'tracepoint' && kind !== 'perf-event')
    throw refusal.unsupported('`then`', 'let a function or a tracepoint switch other probes');
  if (asksForStack(spec) && (kind === 'bpf' || code === undefined)) throw refusal.noKernelStack(kind === 'bpf');
  if (spec.scope.kind === 'label' && kind === 'bpf')
    throw refusal.unsupported('A scope on a pprof label', 'use a function or a tracepoint of the program');
  if (spec.scope.kind !== 'process' && runtime === undefined) throw refusal.noKernelGoroutine();
};
