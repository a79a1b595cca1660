/**
 * Stops at events of the kernel under Delve. A tracepoint is no place where Delve could stop, so the event only notes its
 * goroutine, and the next gate that it executes fires because of it. Gates for nothing else stand at the returns of system
 * calls as long as there is such a probe.
 */
import type { ProbeEvent } from '@probelens/probes';
import { stops } from './gates.js';
import type { ArmOutcome, Planned } from './kernel-words.js';
import type { Gate } from './state/gate.js';
import type { Turn } from './turn.js';

/** A probe whose event stops goroutines elsewhere. */
export const stopsElsewhere = (gate: Pick<Gate, 'planned'>): boolean =>
  'source' in gate.planned.plan && gate.planned.plan.spec.action.kind === 'stop';

const standing = (turn: Turn): readonly number[] =>
  [...turn.state.gates.values()].filter(({ owner }) => owner.kind === 'armed-threads').map(({ probe }) => probe);

/** What has to be armed before the probes themselves. */
export const helpersOf = (turn: Turn, planned: readonly Planned[]): readonly Planned[] =>
  standing(turn).length > 0 ? [] : (planned.find(({ helpers }) => helpers !== undefined)?.helpers ?? []);

/** A place that cannot be had is one place less. */
export const addHelpers = (turn: Turn, helpers: readonly Planned[], outcomes: readonly ArmOutcome[]): void => {
  const gates = new Map(turn.state.gates);
  helpers.forEach((planned, index) => {
    const outcome = outcomes[index];
    if (outcome?.ok !== true) return;
    gates.set(outcome.probe, {
      probe: outcome.probe,
      id: 0,
      owner: { kind: 'armed-threads' },
      planned,
      condition: undefined,
      hitCondition: undefined,
      counted: 0,
      passed: 0,
    });
  });
  turn.update({ gates });
};

/** Nobody needs them once `leaving` are out. To be disarmed behind these. */
export const spareHelpers = (turn: Turn, leaving: readonly number[]): readonly number[] => {
  const needed = [...turn.state.gates.values()].some((gate) => stopsElsewhere(gate) && !leaving.includes(gate.probe));
  return needed ? [] : standing(turn);
};

/** Goroutines on their way from an event to a gate; the oldest are forgotten. */
const mostCauses = 256;

/** The event comes first, and says what it was. */
export const rememberCause = (turn: Turn, event: ProbeEvent): void => {
  const causes = new Map(turn.state.causes);
  causes.delete(event.goid);
  causes.set(event.goid, event);
  for (const goroutine of causes.keys()) {
    if (causes.size <= mostCauses) break;
    causes.delete(goroutine);
  }
  turn.update({ causes });
};

export interface Cause {
  /** The probe that wanted the stop. */
  readonly gate: Gate;
  /** What it saw; undefined where nobody knows any more. */
  readonly event: ProbeEvent | undefined;
}

/** Why a gate fired, where that was not its own doing. */
export const causeOf = (turn: Turn, event: ProbeEvent): Cause | undefined => {
  const gate = event.because === undefined ? undefined : turn.state.gates.get(event.because);
  if (gate === undefined || !stops(gate)) return undefined;
  const seen = turn.state.causes.get(event.goid) ?? turn.state.causes.get('0');
  return { gate, event: seen?.probe === gate.probe ? seen : undefined };
};
