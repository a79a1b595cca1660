/** The part of a plan that repeats what was asked. */
import { crashWhats } from '../crash/what.js';
import type { ProbeAction, ProbeScope, ProbeSpec, ProbeTarget, ProbeThen } from '../spec/spec.js';
import * as read from './shape.js';
import { InvalidPlan } from './shape.js';
import { mostSwitches } from './switches.js';

export const validTarget = (field: read.Field): ProbeTarget => {
  const kind = read.oneOf(read.member(field, 'kind'), [
    'function',
    'return',
    'inlined',
    'line',
    'package',
    'tracepoint',
    'perf-event',
    'bpf',
    'crash',
  ]);
  const name = (): string => read.text(read.member(field, 'name'));
  switch (kind) {
    case 'function':
    case 'return':
    case 'inlined':
      return { kind, name: name() };
    case 'line':
      return {
        kind,
        file: read.text(read.member(field, 'file')),
        line: read.integer(read.member(field, 'line'), 1, 2 ** 31),
      };
    case 'package':
      return { kind, pattern: read.text(read.member(field, 'pattern')) };
    case 'tracepoint':
      return { kind, category: read.text(read.member(field, 'category')), name: name() };
    case 'bpf':
      return { kind, what: read.oneOf(read.member(field, 'what'), ['load', 'map', 'link', 'attach']) };
    case 'crash':
      return { kind, what: read.oneOf(read.member(field, 'what'), crashWhats) };
    case 'perf-event':
      return {
        kind,
        name: name(),
        period: read.optional(read.member(field, 'period'), (each) => read.integer(each, 1, Number.MAX_SAFE_INTEGER)),
      };
  }
};

const goroutineId = (field: read.Field): string => {
  const id = read.decimal(field);
  if (id <= 0n || id >= 2n ** 63n) throw new InvalidPlan(`${field.path} is no goroutine id`);
  return id.toString();
};

const validScope = (field: read.Field): ProbeScope => {
  const kind = read.oneOf(read.member(field, 'kind'), ['process', 'goroutine', 'current', 'main', 'label']);
  switch (kind) {
    case 'goroutine':
      return { kind, id: goroutineId(read.member(field, 'id')) };
    case 'label':
      // What it means is in the plan's condition.
      return { kind, key: read.text(read.member(field, 'key')), value: read.text(read.member(field, 'value')) };
    case 'current':
      throw new InvalidPlan('"current" must have been replaced by a goroutine id before a plan is armed');
    case 'process':
    case 'main':
      return { kind };
  }
};

const validAction = (field: read.Field): ProbeAction => {
  const kind = read.oneOf(read.member(field, 'kind'), ['stop', 'count', 'log', 'snapshot']);
  if (kind !== 'log') return { kind };
  return { kind, template: read.optional(read.member(field, 'template'), read.text) };
};

const validThen = (field: read.Field): ProbeThen => {
  const kind = read.oneOf(read.member(field, 'kind'), ['arm', 'disarm', 'snapshot']);
  return kind === 'snapshot' ? { kind } : { kind, probe: read.integer(read.member(field, 'probe'), 1, mostSwitches) };
};

/** More than anybody would write. */
const mostThen = 64;

const validSwitching = (field: read.Field): Pick<ProbeSpec, 'onMatch' | 'initially'> => {
  const onMatch = read.optional(read.member(field, 'onMatch'), (each) => read.list(each, mostThen).map(validThen));
  const initially = read.optional(read.member(field, 'initially'), (each) => read.oneOf(each, ['on', 'off']));
  return { ...(onMatch === undefined ? {} : { onMatch }), ...(initially === undefined ? {} : { initially }) };
};

/** Throws InvalidPlan. */
export const validSpec = (field: read.Field): ProbeSpec => ({
  ...validSwitching(field),
  target: validTarget(read.member(field, 'target')),
  condition: read.optional(read.member(field, 'condition'), read.text),
  scope: validScope(read.member(field, 'scope')),
  action: validAction(read.member(field, 'action')),
  rateLimit: read.optional(read.member(field, 'rateLimit'), (each) => read.integer(each, 1, 1_000_000_000)),
});
