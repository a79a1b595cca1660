/**
 * Gates at places where Delve plants breakpoints while it steps (`yields` of a planned site). At one address a uprobe
 * hides Delve's int3, and taking the two apart corrupts the program. So before a step Delve gets these breakpoints as its
 * own, with their conditions, ids and words; the kernel has them again from the first `continue` at which no breakpoint of
 * a step is left. Which function will be stepped nobody asks: all of them go.
 *
 * Delve 1.27 clears a step's breakpoints when the step ends, and when its goroutine stops at any other breakpoint
 * (pkg/proc/target_exec.go, Continue: StopNextFinished, onNextGoroutine); not at stops of other goroutines, nor always at
 * a pause. A place where one is left all the same is refused by the agent, which compares memory and file.
 */
import type { Planned } from './kernel-words.js';
import { type Event, isInstructionStep, listOf, numberOf, objectOf, type Request } from './message.js';
import { passOver } from './passed.js';
import { setAgain } from './set-again.js';
import type { Gate, GroupKey, SessionState, Want } from './state.js';
import type { Turn } from './turn.js';
import { sameWant } from './wants.js';

/** A breakpoint of the kernel's that Delve has for a while. */
export interface Lent {
  readonly group: GroupKey;
  readonly key: string;
  /** As it was armed, or would have been. */
  readonly planned: Planned;
  readonly counted: number;
  /** Hits that were passed by other goroutines while one stepped. */
  readonly passed: number;
  /** On its way back: planned and armed as any other. */
  readonly returning: boolean;
}

export interface HandOver {
  /** By `lentKey`. */
  readonly lent: ReadonlyMap<string, Lent>;
  /** The step whose breakpoints Delve may still hold. */
  readonly planted: { readonly goroutine: number; readonly request: number } | undefined;
}

export const noHandOver: HandOver = { lent: new Map(), planted: undefined };

const lentKey = (group: GroupKey, key: string): string => `${group}\n${key}`;

export const yields = ({ plan }: Planned): boolean => plan.sites.some((site) => site.yields === true);

const change = (turn: Turn, difference: Partial<HandOver>): void =>
  turn.update({ handOver: { ...turn.state.handOver, ...difference } });

const keep = (turn: Turn, lent: Lent): void =>
  change(turn, { lent: new Map(turn.state.handOver.lent).set(lentKey(lent.group, lent.key), lent) });

/** Also of one on its way back. */
export const lentOf = ({ handOver }: SessionState, group: GroupKey, key: string): Lent | undefined =>
  handOver.lent.get(lentKey(group, key));

/** Delve has it, or is to get it. */
export const isLent = (state: SessionState, group: GroupKey, key: string): boolean =>
  lentOf(state, group, key)?.returning === false;

export const forgetLent = (turn: Turn, group: GroupKey, key: string): void => {
  const lent = new Map(turn.state.handOver.lent);
  if (lent.delete(lentKey(group, key))) change(turn, { lent });
};

/** What is no longer asked for, or asked for otherwise, is planned as any other. */
export const forgetChanged = (turn: Turn, group: GroupKey, wants: readonly Want[]): void => {
  const before = turn.state.groups.get(group)?.placed ?? [];
  for (const lent of turn.state.handOver.lent.values()) {
    if (lent.group !== group) continue;
    const old = before.find(({ key }) => key === lent.key);
    const now = wants.find(({ key }) => key === lent.key);
    if (old === undefined || now === undefined || !sameWant(old, now)) forgetLent(turn, group, lent.key);
  }
};

/** Delve is to have what the kernel could: now, or until a thread has left the place. */
export const lend = (turn: Turn, group: GroupKey, key: string, planned: Planned): void => {
  const old = lentOf(turn.state, group, key);
  keep(turn, { group, key, planned, counted: old?.counted ?? 0, passed: old?.passed ?? 0, returning: false });
};

/** Delve may write where such gates would go; also before a step that a stop of ours has ended is asked for once more. */
export const mayHoldSteps = ({ handOver, step }: SessionState): boolean =>
  handOver.planted !== undefined || step !== undefined;

/** The sets first, then `last`, then what was waiting. */
const before = (turn: Turn, groups: Iterable<GroupKey>, last: () => void): void => {
  const { queue } = turn.state.lane;
  turn.update({ lane: { ...turn.state.lane, queue: [] } });
  for (const group of groups) setAgain(turn, group);
  last();
  turn.update({ lane: { ...turn.state.lane, queue: [...turn.state.lane.queue, ...queue] } });
};

/** Before a step. True when it has to wait behind the hand-over; it is in the lane again then. */
export const lendForStep = (turn: Turn, request: Request): boolean => {
  const groups = new Set<GroupKey>();
  for (const gate of turn.state.gates.values()) if (isYielding(gate)) groups.add(gate.owner.group);
  if (groups.size === 0) return false;
  // Hits that wait are gone with their gates.
  passOver(turn, undefined);
  for (const gate of turn.state.gates.values()) {
    if (!isYielding(gate)) continue;
    const { group, key } = gate.owner;
    const { planned, counted, passed } = gate;
    keep(turn, { group, key, planned, counted, passed, returning: false });
  }
  before(turn, groups, () => turn.queue({ kind: 'resume', request, stage: 'new' }));
  return true;
};

type OfBreakpoint = Gate & { readonly owner: { readonly kind: 'breakpoint' } };

const isYielding = (gate: Gate): gate is OfBreakpoint => gate.owner.kind === 'breakpoint' && yields(gate.planned);

/** Before the program goes on. True when that has to wait behind the return; it is in the lane again then. */
export const takeBack = (turn: Turn, request: Request): boolean => {
  const { handOver, kernel } = turn.state;
  if (handOver.lent.size === 0 || handOver.planted !== undefined || kernel.state !== 'ready') return false;
  const groups = new Set<GroupKey>();
  for (const lent of handOver.lent.values()) {
    groups.add(lent.group);
    keep(turn, { ...lent, returning: true });
  }
  before(turn, groups, () => turn.queue({ kind: 'resume', request, stage: 'returned' }));
  return true;
};

/** Whose stops say nothing about the step. */
const nobody = -1;

/** A step goes to Delve. */
export const notePlanted = (turn: Turn, goroutine: number, request: Request): void => {
  // One instruction does not end the step before it, if that was cut short.
  const { planted } = turn.state.handOver;
  if (planted !== undefined && isInstructionStep(request)) return;
  // Delve may refuse it for the one before, which no stop of this goroutine ends.
  const own = planted === undefined || planted.goroutine === goroutine;
  change(turn, { planted: { goroutine: own ? goroutine : nobody, request: request.seq } });
};

/** Delve has said that there are breakpoints of a step left. */
export const noteKept = (turn: Turn): void => {
  if (turn.state.handOver.planted === undefined) change(turn, { planted: { goroutine: nobody, request: 0 } });
};

/** A stop of Delve's, before anything is made of it. */
export const noteStop = (turn: Turn, event: Event): void => {
  const { step, handOver } = turn.state;
  const { planted } = handOver;
  if (planted === undefined) return;
  const { reason, threadId } = objectOf(event.body);
  const isEnd =
    reason === 'step' &&
    step !== undefined &&
    (!isInstructionStep(step.request) || step.request.seq === planted.request);
  const isElsewhere = String(reason).endsWith('breakpoint') && reason !== 'data breakpoint';
  if (isEnd || (isElsewhere && numberOf(threadId) === planted.goroutine)) change(turn, { planted: undefined });
};

/** A stop of Delve's at a lent breakpoint, in another goroutine than the one that steps: it is passed, and counted. */
export const passesLent = (turn: Turn, event: Event): Lent | undefined => {
  const { step, launch, handOver, groups, ids } = turn.state;
  const { threadId, hitBreakpointIds } = objectOf(event.body);
  if (step === undefined || launch?.steps === 'process' || handOver.lent.size === 0) return undefined;
  if (numberOf(threadId) === step.goroutine) return undefined;
  const hit = listOf(hitBreakpointIds).map((id) => ids.clientBreakpointOf.get(numberOf(id) ?? 0));
  return [...handOver.lent.values()].find((lent) =>
    groups.get(lent.group)?.placed.some(({ key, id }) => key === lent.key && hit.includes(id)),
  );
};

export const countPassed = (turn: Turn, lent: Lent): void => keep(turn, { ...lent, passed: lent.passed + 1 });

/** Told; from now on counted anew. */
export const forgetPassedLent = (turn: Turn): void => {
  for (const lent of turn.state.handOver.lent.values()) if (lent.passed > 0) keep(turn, { ...lent, passed: 0 });
};

/** The kernel is lost: Delve has them for good. The groups that are to be set again. */
export const giveUpLent = (turn: Turn): readonly GroupKey[] => {
  const groups = [...turn.state.handOver.lent.values()].map(({ group }) => group);
  change(turn, { lent: new Map() });
  return groups;
};
