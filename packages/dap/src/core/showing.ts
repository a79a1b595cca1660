/** A stop as the client is shown it. */
import { isAwaited } from './bpf/calls.js';
import { endPause } from './bpf/console.js';
import { exceptionOf } from './exceptions/show.js';
import { changeGate, gateOf } from './gates.js';
import { holds } from './hit-condition.js';
import { countWith } from './hit-counts.js';
import { clientBreakpoint } from './ids.js';
import { endStep } from './interrupted.js';
import { rememberHit } from './kernel-scope.js';
import { sayLosses } from './losses.js';
import { type Event, listOf, numberOf, objectOf, textOf } from './message.js';
import { sayPassed } from './passed.js';
import type { Gate } from './state/gate.js';
import type { Hit } from './state/hit.js';
import type { Turn } from './turn.js';
import { functionsGroup } from './wants.js';

export const threadOf = (event: Event): number => numberOf(objectOf(event.body).threadId) ?? 0;

/**
 * A breakpoint of Delve's right behind a gate: Delve takes the gate's trap for its own, and the goroutine is at both. One
 * stop, both ids.
 */
const gatesOfSameStop = (turn: Turn, goroutine: number): readonly number[] => {
  const mine = turn.state.hits.filter((hit) => hit.goroutine === goroutine && !hit.faulted);
  if (mine.length === 0) return [];
  turn.update({ hits: turn.state.hits.filter((hit) => hit.goroutine !== goroutine) });
  return mine.flatMap((hit) => {
    const gate = gateOf(turn, hit.probe);
    if (gate === undefined) return [];
    const counted = countWith(gate, hit.number);
    changeGate(turn, { ...gate, counted });
    return gate.hitCondition === undefined || holds(gate.hitCondition, counted) ? [gate.id] : [];
  });
};

/** Delve's own stop, with the client's breakpoint ids. */
export const showAsItIs = (turn: Turn, event: Event): void => {
  const body = objectOf(event.body);
  const ids = listOf(body.hitBreakpointIds).map((value) => {
    const id = numberOf(value);
    if (id === undefined) return value;
    const [next, mapped] = clientBreakpoint(turn.state.ids, id);
    turn.update({ ids: next });
    return mapped;
  });
  const thread = threadOf(event);
  if (ids.length > 0) ids.push(...gatesOfSameStop(turn, thread));
  finishStop(turn, thread, textOf(body.reason), textOf(body.description));
  turn.toClient(body.hitBreakpointIds === undefined ? event : { ...event, body: { ...body, hitBreakpointIds: ids } });
};

/** The program is stopped for the client too. */
export const finishStop = (turn: Turn, goroutine: number, reason = 'breakpoint', description?: string): void => {
  const { step, skipped, only } = turn.state;
  endStep(turn, reason, description);
  turn.update({ held: undefined, skipped: 0, shown: undefined, pausing: false });
  turn.target({ running: false, goroutine });
  if (step !== undefined) sayPassed(turn, step.goroutine);
  else if (only !== undefined) sayPassed(turn, only);
  sayLosses(turn);
  if (skipped > 0) turn.say(`Skipped ${skipped === 1 ? 'one stop' : `${skipped} stops`} of Delve in other goroutines.`);
};

/** DAP's words, and Delve's. */
export const reasonOf = ({ owner }: Gate): 'breakpoint' | 'function breakpoint' =>
  owner.kind === 'breakpoint' && owner.group === functionsGroup ? 'function breakpoint' : 'breakpoint';

export const showHit = (turn: Turn, gate: Gate, hit: Hit, text: string | undefined): void => {
  finishStop(turn, hit.goroutine);
  rememberHit(turn, gate, hit);
  if (isAwaited(gate)) endPause(turn);
  const body = { threadId: hit.goroutine, allThreadsStopped: true };
  const told = exceptionOf(turn, gate, hit, text);
  if (told !== undefined) {
    turn.event('stopped', { ...body, reason: 'exception', description: told.id, text: told.description });
    return;
  }
  const why = text ?? causeText(gate, hit);
  const more = { reason: reasonOf(gate), hitBreakpointIds: [gate.id] };
  turn.event('stopped', { ...body, ...more, ...(why === undefined ? {} : { text: why }) });
};

/** What an event of the kernel saw that stopped the goroutine here. */
const causeText = (gate: Gate, { cause }: Hit): string | undefined =>
  cause === undefined
    ? undefined
    : `${gate.planned.function}(${cause.values.map(({ name, text }) => `${name}: ${text}`).join(', ')})`;

/** Delve, asked to pause a program that stands still, does nothing and says nothing, and forgets it when it goes on. */
export const showPause = (turn: Turn): void => {
  const threadId = turn.state.target.goroutine ?? 1;
  finishStop(turn, threadId);
  turn.event('stopped', { reason: 'pause', threadId, allThreadsStopped: true });
};
