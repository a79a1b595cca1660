/**
 * Halts: a hit stops the whole process with SIGSTOP. Threads that were hit before they stood still are shown in the same
 * stop, one DAP thread for each goroutine; each hit is shown once, or counted where its hit condition did not hold.
 */

import { errors } from '../../errors.js';
import { isAwaited, isBeforeLoad, isOfLastLoad, lookBefore } from '../bpf/calls.js';
import { endPause } from '../bpf/console.js';
import { forgetBefore, sayAwaited } from '../bpf/scope.js';
import { exceptionOf } from '../exceptions/show.js';
import { changeGate } from '../gates.js';
import { holds } from '../hit-condition.js';
import { countWith } from '../hit-counts.js';
import { momentSlot } from '../ids.js';
import { sayLosses } from '../losses.js';
import { numberOf, objectOf, type Request } from '../message.js';
import { forgetHalts, keepMoments, threadOfMoment } from '../moments.js';
import { reasonOf } from '../showing.js';
import type { Gate } from '../state/gate.js';
import type { Moment, MomentFrame } from '../state/moments.js';
import type { HaltingHit, ProbeOnly } from '../state/probe-only.js';
import type { Turn } from '../turn.js';
import { beginRecognising, recogniseCallers } from './loads.js';
import { set } from './state.js';

const awaitHalt = (turn: Turn): void => {
  const ticket = turn.ticket();
  set(turn, { phase: { kind: 'halting', ticket } });
  turn.target({ running: false });
  turn.emit({ kind: 'await-halt', ticket });
};

/** A record with a signal: the program is about to stand still, or stands already. */
export const onTrapped = (turn: Turn, hit: HaltingHit): void => {
  const { probeOnly } = turn.state;
  if (probeOnly === undefined || probeOnly.leaving !== undefined) return;
  set(turn, { hits: [...probeOnly.hits, hit] });
  if (probeOnly.phase.kind === 'running') awaitHalt(turn);
};

/** A hit that nobody wants any more: the program goes on as soon as it stands still. */
export const onStray = (turn: Turn): void => {
  const { probeOnly } = turn.state;
  if (probeOnly?.leaving === undefined && probeOnly?.phase.kind === 'running') awaitHalt(turn);
};

const ascending = (one: HaltingHit, other: HaltingHit): number =>
  Number(BigInt(one.event.time) - BigInt(other.event.time));

/** Whether its hit condition lets it be shown; counts it in any case. A faulted one is shown: nobody could judge it. */
const counts = (turn: Turn, { gate, event }: HaltingHit): boolean => {
  const known = turn.state.gates.get(gate.probe) ?? gate;
  const counted = countWith(known, event.number);
  if (turn.state.gates.has(gate.probe)) changeGate(turn, { ...known, counted });
  return known.hitCondition === undefined || holds(known.hitCondition, counted);
};

const isOfLast = (turn: Turn, { gate, event }: HaltingHit): boolean =>
  isOfLastLoad(turn, gate, Number(event.goid), event.bpf !== undefined);

const passed = (turn: Turn, hits: readonly HaltingHit[]): void => {
  if (hits.length === 0) return;
  const what = hits.length === 1 ? 'One hit' : `${hits.length} hits`;
  turn.say(`${what} did not stop the program: somebody else continued it (SIGCONT) at the same moment.`, 'stderr');
};

export const onHalted = (turn: Turn, ticket: number, state: 'halted' | 'running' | 'gone'): void => {
  const { probeOnly } = turn.state;
  if (probeOnly?.phase.kind !== 'halting' || probeOnly.phase.ticket !== ticket) return;
  const hits = [...probeOnly.hits].sort(ascending);
  set(turn, { hits: [] });
  if (state === 'gone') {
    set(turn, { phase: { kind: 'running' } });
    return;
  }
  if (state === 'running') {
    passed(turn, hits);
    set(turn, { phase: { kind: 'running' } });
    turn.target({ running: true });
    return;
  }
  const counted = hits.filter((hit) => counts(turn, hit) && !isOfLast(turn, hit));
  if (!beginRecognising(turn, counted)) show(turn, counted, undefined);
};

/** Answers to what `beginRecognising` asked. */
export const onCallersKnown = (turn: Turn, ticket: number, frames: readonly MomentFrame[]): void => {
  const known = recogniseCallers(turn, ticket, frames);
  if (known !== undefined) show(turn, known.hits, known.more);
};

/** The program stands still; what is left of its hits is shown, or it goes on. */
const show = (turn: Turn, shown: readonly HaltingHit[], more: string | undefined): void => {
  const { probeOnly } = turn.state;
  if (probeOnly === undefined) return;
  if (shown.length === 0) {
    goOn(turn);
    return;
  }
  const moments = keepMoments(turn, 'halt', shown);
  const threads = new Map<number, number>();
  for (const moment of moments) {
    const thread = threadOfMoment(moment);
    if (!threads.has(thread)) threads.set(thread, momentSlot(moment.number));
  }
  set(turn, { phase: { kind: 'halted', threads, announced: false, more } });
  if (probeOnly.configured)
    announce(
      turn,
      shown.some(({ event }) => event.faulted),
    );
};

/** A load of eBPF that somebody waited for, or that is about to be made. */
const atLoad = (turn: Turn, gate: Gate, { goroutine, values }: Moment): void => {
  if (isBeforeLoad(gate)) {
    lookBefore(turn, gate, { goroutine, values });
    // What can be said without reading; the rest is said when it was read.
    sayAwaited(turn);
  }
  if (isAwaited(gate)) endPause(turn);
};

const unjudged = 'The condition could not be judged: a page of memory was not there, and there is no debugger to ask.';

const momentsOf = (turn: Turn, own: ProbeOnly): readonly Moment[] =>
  own.phase.kind === 'halted'
    ? [...own.phase.threads.values()].flatMap((slot) => turn.state.moments.kept.get(slot) ?? [])
    : [];

/** One `stopped` for all of them: nvim-dap would answer a second one with `continue`. */
export const announce = (turn: Turn, faulted = false): void => {
  const { probeOnly } = turn.state;
  if (probeOnly?.phase.kind !== 'halted' || probeOnly.phase.announced) return;
  const moments = momentsOf(turn, probeOnly);
  const [first, ...others] = moments;
  if (first === undefined) return;
  sayPassed(turn);
  set(turn, { phase: { ...probeOnly.phase, announced: true } });
  const threadId = threadOfMoment(first);
  turn.target({ running: false, goroutine: first.goroutine === 0 ? undefined : first.goroutine });
  if (others.length > 0) turn.say(`Hit in the same moment: ${others.map(whoHit).join(', ')}.`);
  const gate = [...turn.state.gates.values()].find(({ id }) => id === first.gate);
  const { goroutine, values, cause } = first;
  if (gate !== undefined) atLoad(turn, gate, first);
  const told = gate && exceptionOf(turn, gate, { goroutine, values, cause }, probeOnly.phase.more);
  if (told !== undefined) {
    const text = { description: told.id, text: told.description };
    turn.event('stopped', { reason: 'exception', threadId, allThreadsStopped: true, ...text });
    return;
  }
  turn.event('stopped', {
    reason: gate === undefined ? 'breakpoint' : reasonOf(gate),
    threadId,
    allThreadsStopped: true,
    hitBreakpointIds: [...new Set(moments.map(({ gate }) => gate))],
    ...(faulted ? { text: unjudged } : {}),
  });
};

const whoHit = ({ goroutine, thread, place }: Moment): string =>
  `${goroutine === 0 ? `thread ${thread}` : `goroutine ${goroutine}`} at ${place.function}`;

const sayPassed = (turn: Turn): void => {
  sayLosses(turn);
  const gates = new Map(turn.state.gates);
  for (const gate of gates.values()) {
    if (gate.passed === 0) continue;
    const times = gate.passed === 1 ? 'once' : `${gate.passed} times`;
    turn.say(`Other goroutines passed the breakpoint at ${gate.planned.function} ${times} without stopping.`);
    gates.set(gate.probe, { ...gate, passed: 0 });
  }
  turn.update({ gates });
};

/** Sets the program going, unless there are hits that nobody has been shown. */
export const goOn = (turn: Turn): void => {
  const { probeOnly } = turn.state;
  if (probeOnly === undefined) return;
  forgetHalts(turn);
  if (turn.state.exception !== undefined) turn.update({ exception: undefined });
  forgetBefore(turn);
  if (probeOnly.hits.length > 0) {
    awaitHalt(turn);
    return;
  }
  set(turn, { phase: { kind: 'running' } });
  turn.target({ running: true });
  turn.emit({ kind: 'go-on', focus: probeOnly.focus });
};

const onContinue = (turn: Turn, request: Request): void => {
  const { probeOnly, kernel } = turn.state;
  if (probeOnly === undefined) return;
  const args = objectOf(request.arguments);
  const alone = args.singleThread === true ? numberOf(args.threadId) : undefined;
  set(turn, { focus: alone ?? (kernel.scope === 'process' ? undefined : kernel.scope) });
  turn.answer(request, { allThreadsContinued: true });
  if (probeOnly.phase.kind === 'halted') goOn(turn);
};

const onConfigured = (turn: Turn, request: Request): void => {
  const { probeOnly } = turn.state;
  if (probeOnly === undefined) return;
  if (!probeOnly.configured && probeOnly.started) {
    turn.emit({ kind: 'release-target' });
    turn.target({ running: true });
  }
  set(turn, { configured: true });
  turn.answer(request);
  announce(turn);
};

/** In the lane: every breakpoint that was asked for before is in place. */
export const onResume = (turn: Turn, request: Request): void => {
  if (request.command === 'configurationDone') onConfigured(turn, request);
  else onContinue(turn, request);
};

/** Who stands still, for `threads`. A program that runs has one thread that stands for it, as the protocol demands. */
export const haltedThreads = (turn: Turn): readonly { readonly id: number; readonly name: string }[] => {
  const { probeOnly, target } = turn.state;
  const moments = probeOnly === undefined ? [] : momentsOf(turn, probeOnly);
  if (moments.length === 0) return [{ id: 1, name: `process ${target.pid ?? 0}, running` }];
  return moments.map((moment) => ({ id: threadOfMoment(moment), name: whoHit(moment) }));
};

export const momentOfHalt = (turn: Turn, thread: number): Moment | undefined => {
  const { probeOnly, moments } = turn.state;
  const slot = probeOnly?.phase.kind === 'halted' ? probeOnly.phase.threads.get(thread) : undefined;
  return slot === undefined ? undefined : moments.kept.get(slot);
};

/** Everything is out of the kernel: its guard continues what it had halted. */
export const onAgentLost = (turn: Turn, reason: string, gates: readonly Gate[]): void => {
  const { probeOnly } = turn.state;
  if (probeOnly === undefined) return;
  turn.say(errors.probesLost(reason).message, 'stderr');
  for (const group of turn.state.groups.values())
    for (const placed of group.placed)
      if (gates.some(({ id }) => id === placed.id))
        turn.event('breakpoint', {
          reason: 'changed',
          breakpoint: { ...placed.answer, verified: false, message: reason },
        });
  set(turn, { hits: [] });
  if (!['halting', 'recognising', 'halted'].includes(probeOnly.phase.kind)) return;
  const shown = probeOnly.phase.kind === 'halted' && probeOnly.phase.announced;
  goOn(turn);
  if (shown) turn.event('continued', { threadId: turn.state.target.goroutine ?? 1, allThreadsContinued: true });
};
