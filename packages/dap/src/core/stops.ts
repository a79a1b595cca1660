/**
 * Delve's stops joined with the kernel's hits. Delve sees a trap it did not set; which breakpoint that was, and who else
 * was hit in the same round, only the ring buffer knows (keyed by goroutine, Delve's thread id). Hits wait here and are
 * shown one at a time, each once; a trap that arrives after its hit was shown is passed over.
 */

import { askedText } from '@probelens/probes';
import { passAhead } from './ahead.js';
import { isBeforeLoad, isOfLastLoad, lookBefore } from './bpf/calls.js';
import { askCallers, callersIn, callerText, isOfLoads, isRepeated, passedText, recognised } from './bpf/recognise.js';
import { forgetBefore, sayAwaited } from './bpf/scope.js';
import { isOldChild } from './follow.js';
import { changeGate, gateOf, stops } from './gates.js';
import { noteStop, passesLent } from './hand-over.js';
import { holds } from './hit-condition.js';
import { countWith } from './hit-counts.js';
import { judge } from './judge.js';
import { countPassed } from './lent.js';
import { forgetEarly, isArming, lookAtLosses, trappedEarly } from './losses.js';
import { type Event, listOf, objectOf, type Response, textOf } from './message.js';
import { beginSettling, onSettleLook, settleOf } from './settle.js';
import { finishStop, showAsItIs, showHit, showPause, threadOf } from './showing.js';
import { resumeSilently } from './silent.js';
import type { Hit } from './state/hit.js';
import { isAt } from './trap-place.js';
import type { Turn } from './turn.js';

/** What a SIGTRAP beside an int3 of ours becomes in Delve: no id, no text (service/dap/server.go, sendStoppedEvent). */
const isForeignTrap = (event: Event): boolean => {
  const body = objectOf(event.body);
  return (
    body.reason === 'breakpoint' &&
    textOf(body.description) === undefined &&
    textOf(body.text) === undefined &&
    listOf(body.hitBreakpointIds).length === 0
  );
};

/** A breakpoint of Delve's own, in a goroutine that the person did not resume. */
const isElsewhere = (turn: Turn, event: Event): boolean => {
  const { reason, hitBreakpointIds } = objectOf(event.body);
  const atBreakpoint = String(reason).endsWith('breakpoint') && listOf(hitBreakpointIds).length > 0;
  if (!atBreakpoint) return false;
  if (passesLent(turn, event) !== undefined) return true;
  return isOldChild(turn, event) || (turn.state.only !== undefined && threadOf(event) !== turn.state.only);
};

const skip = (turn: Turn, event: Event): void => {
  const lent = passesLent(turn, event);
  if (lent !== undefined) countPassed(turn, lent);
  else turn.update({ skipped: turn.state.skipped + 1 });
  next(turn);
};

export const onStopped = (turn: Turn, event: Event): void => {
  noteStop(turn, event);
  turn.target({ running: false, goroutine: threadOf(event) });
  turn.emit({ kind: 'stop-timer', name: 'hit-without-stop' });
  turn.update({ hits: turn.state.hits.map((hit) => (hit.running ? { ...hit, running: false } : hit)) });
  const { kernel, hits, leftovers, gates, losses } = turn.state;
  // One that is on its way out may have hit once more.
  const armed = [...gates.values(), ...losses.leaving.values()];
  const trapping = armed.some(stops) || isArming(turn.state.lane.active);
  const involved = hits.length > 0 || leftovers.size > 0 || (kernel.state === 'ready' && trapping);
  if (!involved) {
    if (isElsewhere(turn, event)) skip(turn, event);
    else {
      showAsItIs(turn, event);
      lookAtLosses(turn);
    }
    return;
  }
  const ticket = turn.ticket();
  turn.update({ held: { event, stage: { kind: 'draining', ticket } } });
  turn.emit({ kind: 'drain', ticket });
};

/** Every hit that happened before the stop is here now. */
export const onDrained = (turn: Turn, ticket: number): void => {
  const { held } = turn.state;
  if (held?.stage.kind !== 'draining' || held.stage.ticket !== ticket) return;
  decide(turn, held.event);
};

/** Delve stops a program within milliseconds, and an answer that long behind its trap is of an agent that hangs. */
const namelessMs = 10_000;

/** What was armed is in the books now. */
export const onArmingOver = (turn: Turn): void => {
  const { held } = turn.state;
  if (held?.stage.kind !== 'arming' || isArming(turn.state.lane.active)) return;
  turn.emit({ kind: 'stop-timer', name: 'stop-without-name' });
  decide(turn, held.event);
};

export const onStopWithoutName = (turn: Turn): void => {
  const { held } = turn.state;
  if (held?.stage.kind !== 'arming' || held.event === undefined) return;
  forgetEarly(turn, threadOf(held.event));
  turn.sayOnce('The probe agent has not said which breakpoint this stop belongs to.', 'stderr');
  showAsItIs(turn, held.event);
};

/** The agent is gone: nothing more will come, but what came is shown. */
export const onAgentClosed = (turn: Turn): void => {
  const { held, hits } = turn.state;
  if (held?.stage.kind !== 'draining') return;
  if (hits.length > 0) decide(turn, held.event);
  else releaseHeld(turn);
};

/** Without the kernel's answers the stop is shown as far as it is known. */
export const releaseHeld = (turn: Turn): void => {
  const { held } = turn.state;
  if (held === undefined) return;
  const { kind } = held.stage;
  if ((kind === 'draining' || kind === 'arming' || kind === 'proving') && held.event !== undefined) {
    showAsItIs(turn, held.event);
    return;
  }
  const goroutine = 'hit' in held.stage ? held.stage.hit.goroutine : turn.state.target.goroutine;
  finishStop(turn, goroutine ?? 1);
  turn.event('stopped', { reason: 'breakpoint', threadId: goroutine ?? 1, allThreadsStopped: true });
};

/**
 * The oldest; of several gates at one instruction the one whose line comes first (a function's own line before the first
 * line of its body), in whatever order the kernel ran them.
 */
const firstOf = (turn: Turn, hits: readonly Hit[]): Hit | undefined => {
  const [oldest] = hits;
  if (oldest === undefined) return undefined;
  const distance = (hit: Hit): number => {
    const gate = gateOf(turn, hit.probe);
    return gate === undefined ? 0 : (settleOf(gate, hit) ?? 0);
  };
  return hits
    .filter((hit) => hit.goroutine === oldest.goroutine && hit.at?.after === oldest.at?.after)
    .reduce((first, hit) => (distance(hit) < distance(first) ? hit : first));
};

const decide = (turn: Turn, event: Event | undefined): void => {
  if (event === undefined) {
    next(turn);
    return;
  }
  if (!isForeignTrap(event)) {
    if (isElsewhere(turn, event)) skip(turn, event);
    else showAsItIs(turn, event);
    return;
  }
  const { hits, leftovers } = turn.state;
  const thread = threadOf(event);
  const mine = firstOf(
    turn,
    hits.filter((hit) => hit.goroutine === thread),
  );
  if (mine !== undefined) {
    consider(turn, mine);
    return;
  }
  if (isArming(turn.state.lane.active) && trappedEarly(turn.state, thread)) {
    turn.update({ held: { event, stage: { kind: 'arming' } } });
    turn.emit({ kind: 'start-timer', name: 'stop-without-name', milliseconds: namelessMs });
    return;
  }
  if (leftovers.has(thread)) {
    const rest = new Map(leftovers);
    rest.delete(thread);
    turn.update({ leftovers: rest, held: { event, stage: { kind: 'proving', at: leftovers.get(thread) } } });
    turn.toDelve('stackTrace', { threadId: thread, startFrame: 0, levels: 1 }, { kind: 'prove-stack' });
    return;
  }
  // Goroutine 0 means that Delve could not tell; a hit is waiting, so it is that one.
  const first = firstOf(turn, hits);
  if (thread === 0 && first !== undefined) consider(turn, first);
  else showAsItIs(turn, event);
};

/** Only a goroutine that stands right behind the gate is resumed: a breakpoint instruction of the program's own is shown. */
export const onProof = (turn: Turn, response: Response): void => {
  const { held } = turn.state;
  if (held?.stage.kind !== 'proving' || held.event === undefined) return;
  if (!isAt(held.stage.at, response, turn.state.kernel.bias)) {
    showAsItIs(turn, held.event);
    return;
  }
  next(turn);
};

/** Takes the hit off the list; shows it if it counts. */
const consider = (turn: Turn, hit: Hit): void => {
  const { event } = turn.state.held ?? { event: undefined };
  const leftovers = new Map(turn.state.leftovers);
  // Delve has seen the trap of the thread it reports; the trap of any other is still to come, or dropped.
  if (event === undefined || threadOf(event) !== hit.goroutine) leftovers.set(hit.goroutine, hit.at);
  else leftovers.delete(hit.goroutine);
  turn.update({ hits: turn.state.hits.filter((other) => other !== hit), leftovers });
  if (passAhead(turn, hit)) {
    next(turn);
    return;
  }
  if (hit.faulted) {
    turn.update({ held: { event, stage: { kind: 'judging', hit } } });
    judge(turn, hit);
    return;
  }
  count(turn, hit, undefined);
};

/** The condition was true: the hit condition has the last word. */
const count = (turn: Turn, hit: Hit, text: string | undefined): void => {
  const gate = gateOf(turn, hit.probe);
  if (gate === undefined) {
    next(turn);
    return;
  }
  const counted = countWith(gate, hit.number);
  changeGate(turn, { ...gate, counted });
  if (gate.hitCondition !== undefined && !holds(gate.hitCondition, counted)) next(turn);
  else if (settleOf(gate, hit) !== undefined) beginSettling(turn, hit, text);
  else if (isOfLoads(gate, hit)) {
    turn.update({ held: { event: turn.state.held?.event, stage: { kind: 'recognising', hit } } });
    askCallers(turn, hit);
  } else showHit(turn, gate, hit, text);
};

/** Delve said who loads a program. */
export const onLoadCallers = (turn: Turn, hit: Hit, response: Response): void => {
  const { held } = turn.state;
  if (held?.stage.kind !== 'recognising' || held.stage.hit !== hit) return;
  const gate = gateOf(turn, hit.probe);
  const caller = recognised(callersIn(response), hit.cause?.bpf);
  if (gate !== undefined && isOfLastLoad(turn, gate, hit.goroutine, hit.cause !== undefined)) next(turn);
  else if (gate === undefined || caller.kind === 'feature-test') {
    if (caller.kind === 'feature-test' && hit.cause !== undefined) turn.say(passedText(caller.of, hit), 'stdout');
    next(turn);
  } else if (isBeforeLoad(gate)) {
    lookBefore(turn, gate, hit);
    onLoadKnown(turn);
  } else showHit(turn, gate, hit, callerText(caller, hit));
};

/** What stands before the system call has been read, or cannot be. */
export const onLoadKnown = (turn: Turn): void => {
  const { held, bpf } = turn.state;
  const load = bpf.before?.load;
  if (held?.stage.kind !== 'recognising' || load === undefined) return;
  const { hit } = held.stage;
  const gate = gateOf(turn, hit.probe);
  const known = load === 'unreadable' || load.kind === 'in-c' ? undefined : load;
  if (gate === undefined || (known !== undefined && isRepeated(bpf.seen, known, hit.goroutine))) {
    forgetBefore(turn);
    next(turn);
  } else {
    sayAwaited(turn);
    showHit(turn, gate, hit, known === undefined ? undefined : `${askedText(known)}.`);
  }
};

/** Delve said where the settling goroutine is. */
export const onSettleAnswer = (turn: Turn, response: Response): void => {
  const stage = turn.state.held?.stage;
  if (stage?.kind !== 'settling') return;
  const gate = gateOf(turn, stage.hit.probe);
  if (gate === undefined) next(turn);
  else if (onSettleLook(turn, stage, settleOf(gate, stage.hit) ?? 0, response))
    showHit(turn, gate, stage.hit, stage.text);
};

/** Delve will not step: the stop is shown where it is. */
export const onSettleRefused = (turn: Turn): void => {
  const stage = turn.state.held?.stage;
  const gate = stage?.kind === 'settling' ? gateOf(turn, stage.hit.probe) : undefined;
  if (stage?.kind === 'settling' && gate !== undefined) showHit(turn, gate, stage.hit, stage.text);
};

/** Delve's verdict over a hit whose condition the kernel could not read. */
export const onVerdict = (turn: Turn, hit: Hit, verdict: boolean, text: string | undefined): void => {
  if (turn.state.held?.stage.kind !== 'judging' || turn.state.held.stage.hit !== hit) return;
  if (!verdict) {
    next(turn);
    return;
  }
  sayNotSwitched(turn, hit);
  count(turn, hit, text);
};

/** The kernel switches other probes, and only where it could judge the condition itself. */
const sayNotSwitched = (turn: Turn, { probe }: Hit): void => {
  const gate = gateOf(turn, probe);
  const others = (gate?.planned.plan.spec.onMatch ?? []).flatMap((each) =>
    each.kind === 'snapshot' ? [] : [`${each.kind} ${each.probe}`],
  );
  if (gate === undefined || others.length === 0) return;
  const what = `"then ${others.join(' then ')}" of [${gate.id}] was not done`;
  turn.say(`${what}: only Delve could judge the condition of this hit (a page of memory was not there).`, 'stderr');
};

/** The next waiting hit, or on with the program. */
const next = (turn: Turn): void => {
  const first = firstOf(turn, turn.state.hits);
  turn.update({ held: undefined });
  if (first !== undefined) consider(turn, first);
  else if (turn.state.pausing) showPause(turn);
  else resumeSilently(turn);
};

/** `continue` was asked for while hits are waiting: they come first. */
export const showWaiting = (turn: Turn): void => next(turn);
