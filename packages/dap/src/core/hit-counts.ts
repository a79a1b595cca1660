/**
 * Hit conditions count where a breakpoint is: in the kernel, or here where only Delve can judge some of the hits. A count
 * survives a change of its breakpoint, as Delve's does (AmendBreakpoint keeps TotalHitCount).
 */
import type { ProbeCounters } from '@probelens/probes';
import { countedByDelve, parseHitCondition } from './hit-condition.js';
import type { Planned } from './kernel-words.js';
import type { Want } from './state/breakpoints.js';
import type { Gate } from './state/gate.js';
import type { SetWork } from './state/lane-work.js';
import type { Turn } from './turn.js';

/** Behind the reason why Delve has taken a breakpoint. */
export const countsAnew = ' It counts the hits from here on.';

/** `number`: of the hit that is looked at, by the kernel's count. */
export const countWith = (gate: Gate, number: number): number =>
  gate.planned.plan.hits === undefined ? gate.counted + 1 : number;

const finalCount = ({ planned, counted: here, hitCondition }: Gate, { matches }: ProbeCounters): number => {
  const { hits } = planned.plan;
  if (hits !== undefined) return countedByDelve(hits, hits.counted + matches);
  return hitCondition === undefined ? Math.max(here, matches) : countedByDelve(hitCondition, here);
};

/** The gates of this work are out of the kernel. */
export const counted = (work: SetWork, counters: readonly ProbeCounters[]): SetWork => {
  const counts = new Map(work.stage.counted);
  for (const counter of counters) {
    const gate = work.stage.leaving.get(counter.probe);
    if (gate?.owner.kind === 'breakpoint') counts.set(gate.owner.key, finalCount(gate, counter));
  }
  return { ...work, stage: { ...work.stage, counted: counts, leaving: new Map() } };
};

const before = (work: SetWork, want: Want | undefined): number => work.stage.counted.get(want?.key ?? '') ?? 0;

/** The plan as it is armed: its count begins where the last one ended. */
export const countingOn = (work: SetWork, want: Want | undefined, planned: Planned): Planned => {
  const { hits } = planned.plan;
  if (hits === undefined) return planned;
  return { ...planned, plan: { ...planned.plan, hits: { ...hits, counted: before(work, want) } } };
};

export const withCount = (work: SetWork, want: Want, gate: Gate): Gate => {
  const planned = countingOn(work, want, gate.planned);
  const own = want.hitCondition === undefined ? undefined : parseHitCondition(want.hitCondition);
  const hitCondition = planned.plan.hits === undefined ? own : undefined;
  return { ...gate, planned, hitCondition, counted: Math.max(gate.counted, before(work, want)) };
};

/** Delve halts the program for a change; the kernel does not. */
export const sayUncounted = (turn: Turn, work: SetWork, want: Want): void => {
  if (want.hitCondition === undefined || !work.stage.counted.has(want.key) || !turn.state.target.running) return;
  turn.sayOnce('Hits that came while a breakpoint with a hit condition was being changed are not counted.');
};
