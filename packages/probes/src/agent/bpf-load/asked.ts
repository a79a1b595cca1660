/** What a `bpf:` probe is asked to do. */
import type { BpfWhat } from '../../bpf-load/call.js';
import { bpfFields } from '../../bpf-load/fields.js';
import type { ProbeEvent } from '../../events.js';
import type { LoweredExpression } from '../../plan/expression.js';
import type { ProgramMachine } from '../../program/registers.js';
import type { ProbeSpec } from '../../spec/spec.js';
import type { Control } from '../control.js';
import type { ProcessIdentity } from '../process-state.js';
import type { ProgramCode, SourceRuntime } from '../protocol.js';
import * as refusal from '../refusal.js';
import { checkCondition } from './condition.js';

export interface BpfRequest {
  readonly id: number;
  readonly spec: ProbeSpec;
  readonly what: BpfWhat;
  /** Undefined: every process on this machine but the agent, as far as `user` allows. */
  readonly target: ProcessIdentity | undefined;
  /** Processes of this user's only; undefined: everybody's. */
  readonly user: number | undefined;
  readonly runtime: SourceRuntime | undefined;
  readonly condition: LoweredExpression | undefined;
  /** A refused program that asked for no log is loaded once more, with one. */
  readonly reloadForLog: boolean;
  /** The program that makes the calls: for the callers of a halt. */
  readonly code: ProgramCode | undefined;
  readonly machine: ProgramMachine;
  /** "arm": the thread that a call was made on stops at the next gate that it executes (program/armed-thread.ts). */
  readonly stop: 'none' | 'arm' | 'halt';
  readonly control: Control;
  /** Resolves when the events have left this process. */
  readonly send: (events: readonly ProbeEvent[]) => Promise<void>;
}

const holesOf = ({ action }: ProbeSpec): readonly string[] =>
  action.kind === 'log'
    ? [...(action.template ?? '').matchAll(/\{([^{}]*)\}/g)].map((match) => (match[1] ?? '').trim())
    : [];

/** Throws `Refused`. */
export const checkRequest = ({ spec, what, condition }: BpfRequest): void => {
  if (condition !== undefined) checkCondition(condition);
  const known = bpfFields(what).map(({ name }) => name);
  const unknown = holesOf(spec).filter((hole) => !known.includes(hole));
  if (unknown.length > 0)
    throw refusal.unsupported(`{${unknown.join('}, {')}} in a template`, `bpf:${what} has ${known.join(', ')}`);
};
