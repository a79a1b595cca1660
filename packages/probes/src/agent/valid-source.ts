/** The agent's own look at a request for events of the kernel. */

import * as read from '../program/shape.js';
import { InvalidPlan } from '../program/shape.js';
import { validSpec } from '../program/validate-spec.js';
import type { ProbeSpec } from '../spec/spec.js';
import type { SourceRuntime } from './protocol.js';
import * as refusal from './refusal.js';

/** Thread-local storage before the thread pointer: a page is generous. Bytes. */
const furthestTls = 1 << 20;
const furthestGoid = 4096;

export interface ValidSource {
  readonly spec: ProbeSpec;
  readonly runtime: SourceRuntime | undefined;
}

const validRuntime = (field: read.Field): SourceRuntime => ({
  goid: read.integer(read.member(field, 'goid'), 0, furthestGoid),
  tlsG: read.integer(read.member(field, 'tlsG'), -furthestTls, furthestTls),
});

/** Throws `Refused`. */
export const validSource = (value: unknown): ValidSource => {
  try {
    const field: read.Field = { path: '', value };
    const spec = validSpec(read.member(field, 'spec'));
    const runtime = read.optional(read.member(field, 'runtime'), validRuntime);
    checkAbilities(spec, runtime);
    return { spec, runtime };
  } catch (error) {
    if (error instanceof InvalidPlan) throw refusal.badPlan(error.message);
    throw error;
  }
};

const checkAbilities = (spec: ProbeSpec, runtime: SourceRuntime | undefined): void => {
  if (spec.action.kind === 'stop')
    throw refusal.unsupported('Stopping', 'use `do log`, and stop at a line of the program');
  if (spec.action.kind === 'snapshot')
    throw refusal.unsupported('A snapshot', 'use `do log`, or a line of the program');
  if (spec.condition !== undefined)
    throw refusal.unsupported(
      'A condition',
      'leave it out, limit the probe with `on goroutine N`, and filter what comes',
    );
  if (spec.scope.kind !== 'process' && runtime === undefined) throw refusal.noKernelGoroutine();
};
