/** The agent's own look at a request for events of the kernel. */
import { KernelError } from '@probelens/bpf';
import { bpfFields } from '../bpf-load/fields.js';
import type { LoweredExpression } from '../plan/expression.js';
import type { PlannedCapture } from '../plan/plan.js';
import { maximumCaptures } from '../program/record.js';
import * as read from '../program/shape.js';
import { InvalidPlan } from '../program/shape.js';
import { validShape } from '../program/validate.js';
import { validCondition, validExpression } from '../program/validate-expression.js';
import { validSpec, validTarget } from '../program/validate-spec.js';
import type { ProbeSpec } from '../spec/spec.js';
import { validPlace } from './list-place.js';
import { machineHere } from './machine.js';
import type { ListPlace, SourceFieldDescription, SourceRuntime } from './protocol.js';
import * as refusal from './refusal.js';
import { sourceOf } from './source.js';
import { describeFields } from './source-fields.js';

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
}

const validRuntime = (field: read.Field): SourceRuntime => ({
  goid: read.integer(read.member(field, 'goid'), 0, furthestGoid),
  tlsG: read.integer(read.member(field, 'tlsG'), -furthestTls, furthestTls),
});

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
    const place = validPlace(value, spec);
    checkAbilities(spec, runtime);
    if (subject !== undefined && spec.action.kind === 'stop')
      throw refusal.unsupported('A stop by an event that others cause', 'use `do log`');
    return { spec, runtime, condition, captures: captures ?? [], place, subject };
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

const checkAbilities = (spec: ProbeSpec, runtime: SourceRuntime | undefined): void => {
  const { kind } = spec.target;
  if (spec.onMatch !== undefined && kind !== 'tracepoint' && kind !== 'perf-event')
    throw refusal.unsupported('`then`', 'let a function or a tracepoint switch other probes');
  if (spec.action.kind === 'snapshot' || (spec.onMatch ?? []).some((each) => each.kind === 'snapshot'))
    throw refusal.unsupported('A snapshot', 'use `do log`, or a line of the program');
  if (spec.scope.kind === 'label')
    throw refusal.unsupported('A scope on a pprof label', 'use `on goroutine N`, or a function of the program');
  if (spec.scope.kind !== 'process' && runtime === undefined) throw refusal.noKernelGoroutine();
};
