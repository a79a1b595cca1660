/**
 * Gates at places where Delve plants breakpoints while it steps (`yields` of a planned site). At one address a uprobe
 * hides Delve's int3, and taking the two apart corrupts the program. So before a step Delve gets these breakpoints as its
 * own, with their conditions, ids and words; the kernel has them again from the first `continue` at which no breakpoint of
 * a step is left. Which function will be stepped nobody asks: all of them go.
 *
 * Delve 1.27 clears a step's breakpoints when the step ends, and when its goroutine stops at any other breakpoint
 * (pkg/proc/target_exec.go, Continue: StopNextFinished, onNextGoroutine), and at a pause, where it does not say otherwise
 * at once (service/dap/server.go, CancelNext, NextInProgress); not at stops of other goroutines. A place where one is left
 * all the same is refused by the agent, which compares memory and file.
 */
import type { Planned } from './kernel-words.js';
import { changeHandOver, forgetLent, keepLent, lentOf } from './lent.js';
import { type Event, isInstructionStep, listOf, numberOf, objectOf, type Request } from './message.js';
import { passOver } from './passed.js';
import { setAgain } from './set-again.js';
import type { GroupKey, Want } from './state/breakpoints.js';
import type { Gate } from './state/gate.js';
import type { Lent } from './state/hand-over.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';
import { sameWant } from './wants.js';

export const yields = ({ plan }: Planned): boolean => plan.sites.some((site) => site.yields === true);

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
  keepLent(turn, { group, key, planned, counted: old?.counted ?? 0, passed: old?.passed ?? 0, returning: false });
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
    keepLent(turn, { group, key, planned, counted, passed, returning: false });
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
    keepLent(turn, { ...lent, returning: true });
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
  changeHandOver(turn, { planted: { goroutine: own ? goroutine : nobody, request: request.seq } });
};

/** Delve has said that there are breakpoints of a step left. */
export const noteKept = (turn: Turn): void => {
  if (turn.state.handOver.planted === undefined) changeHandOver(turn, { planted: { goroutine: nobody, request: 0 } });
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
  // A pause that leaves some is followed by Delve's word for it (noteKept).
  const isOver = isEnd || reason === 'pause' || (isElsewhere && numberOf(threadId) === planted.goroutine);
  if (isOver) changeHandOver(turn, { planted: undefined });
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

/** The kernel is lost: Delve has them for good. The groups that are to be set again. */
export const giveUpLent = (turn: Turn): readonly GroupKey[] => {
  const groups = [...turn.state.handOver.lent.values()].map(({ group }) => group);
  changeHandOver(turn, { lent: new Map() });
  return groups;
};
