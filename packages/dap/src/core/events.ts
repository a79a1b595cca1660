/** What the kernel reports: hits to show, log lines, counts. */
import type { ProbeCounters, ProbeEvent } from '@probelens/probes';
import { causeOf, rememberCause, stopsElsewhere } from './armed-threads.js';
import { rememberCalls } from './bpf/calls.js';
import { onFilterEvent } from './exceptions/show.js';
import { stops } from './gates.js';
import { onHit } from './hits.js';
import { addCounts, addUnread, talkingGate } from './losses.js';
import { keepMoments } from './moments.js';
import { snapshotText } from './snapshots.js';
import type { Gate } from './state/gate.js';
import { recordEvents } from './timeline.js';
import { trapPlace } from './trap-place.js';
import type { Turn } from './turn.js';

const logText = (gate: Gate, event: ProbeEvent): string => {
  const { action } = gate.planned.plan.spec;
  const template = action.kind === 'log' ? action.template : undefined;
  if (template === undefined && event.told !== undefined) return `${gate.planned.function}: ${event.told.line}`;
  const values = new Map(event.values.map((value) => [value.name, value.text]));
  return template === undefined
    ? `${gate.planned.function}(${event.values.map((value) => `${value.name}: ${value.text}`).join(', ')})`
    : template.replace(/\{([^{}]*)\}/g, (_, hole: string) => values.get(hole.trim()) ?? '?');
};

/** Delve's own form of a log point's line: "> [Go 19]: text". */
const logLine = (gate: Gate, event: ProbeEvent): string => `> [Go ${event.goid}]: ${logText(gate, event)}`;

/** Without Delve's prefix: the timeline has the goroutine beside it. */
const entryText = (gate: Gate, event: ProbeEvent): string => {
  if (stopsElsewhere(gate)) return logText(gate, event);
  const what = stops(gate) ? `hit of the breakpoint at ${gate.planned.function}` : logText(gate, event);
  return stops(gate) && !event.trapped ? `${what}, passed` : what;
};

/** A stop on its way to Delve. */
const trapUnderDelve = (turn: Turn, gate: Gate, event: ProbeEvent): void => {
  const cause = causeOf(turn, event);
  // Its own gate has nobody who would be told.
  if (cause === undefined && gate.owner.kind === 'armed-threads') return;
  onHit(turn, {
    probe: cause?.gate.probe ?? event.probe,
    goroutine: Number(event.goid),
    thread: event.tid,
    time: BigInt(event.time),
    number: event.number,
    site: event.site ?? 0,
    faulted: event.faulted,
    running: turn.state.target.running,
    at: trapPlace(gate, event.site ?? 0),
    cpu: event.cpu,
    values: cause === undefined ? event.values : (cause.event?.values ?? []),
    cause: cause?.event,
  });
};

/** A gate that is being taken out has hit once more: Delve will see that trap, and nobody is to be shown it. */
const trapOfLeaving = (turn: Turn, event: ProbeEvent): void => {
  const gate = turn.state.losses.leaving.get(event.probe);
  if (gate === undefined || !event.trapped || turn.state.probeOnly !== undefined) return;
  const leftovers = new Map(turn.state.leftovers).set(Number(event.goid), trapPlace(gate, event.site ?? 0));
  turn.update({ leftovers });
};

const takesSnapshots = ({ planned: { plan } }: Gate): boolean =>
  plan.spec.action.kind === 'snapshot' || (plan.spec.onMatch ?? []).some(({ kind }) => kind === 'snapshot');

/** Kept for whoever looks later, and said in one line each. */
const onSnapshots = (turn: Turn, events: readonly ProbeEvent[]): void => {
  const seen = events.flatMap((event) => {
    const gate = talkingGate(turn.state, event.probe);
    return gate !== undefined && takesSnapshots(gate) ? [{ gate, event }] : [];
  });
  const unread = new Map<number, number>();
  for (const [index, moment] of keepMoments(turn, 'snapshot', seen).entries()) {
    const { file, line } = moment.place;
    const probe = seen[index]?.event.probe ?? 0;
    if (turn.state.losses.pace !== 'free') unread.set(probe, (unread.get(probe) ?? 0) + 1);
    else turn.say(`> ${snapshotText(moment)}`, 'stdout', { source: { path: file }, line });
  }
  addUnread(turn, unread);
};

export const onProbeEvents = (
  turn: Turn,
  events: readonly ProbeEvent[],
  trap: (gate: Gate, event: ProbeEvent) => void = (gate, event) => trapUnderDelve(turn, gate, event),
): void => {
  if (events.length === 0) return;
  recordEvents(turn, events, entryText);
  rememberCalls(turn, events);
  onSnapshots(turn, events);
  const unread = new Map<number, number>();
  for (const event of events) {
    const gate = talkingGate(turn.state, event.probe);
    if (gate === undefined) trapOfLeaving(turn, event);
    if (gate === undefined || gate.planned.plan.spec.action.kind === 'snapshot') continue;
    if (gate.owner.kind === 'filter' && !stops(gate)) {
      onFilterEvent(turn, gate, event);
      continue;
    }
    if (!stops(gate)) {
      const { file, line } = gate.planned;
      if (turn.state.losses.pace !== 'free') unread.set(event.probe, (unread.get(event.probe) ?? 0) + 1);
      else turn.say(logLine(gate, event), 'stdout', { source: { path: file }, line });
      continue;
    }
    if (event.trapped) trap(gate, event);
    else if (stopsElsewhere(gate)) rememberCause(turn, event);
    else {
      turn.update({ gates: new Map(turn.state.gates).set(gate.probe, { ...gate, passed: gate.passed + 1 }) });
    }
  }
  addUnread(turn, unread);
};

/** Counts of probes that were asked for by text, for the control socket's clients. */
export const onCounted = (turn: Turn, counters: readonly ProbeCounters[]): void => {
  addCounts(turn, counters);
  const asked = new Map(turn.state.asked);
  const changed = [];
  for (const probe of asked.values()) {
    const counter = counters.find((one) => one.probe === probe.probe);
    if (counter === undefined || (counter.hits === probe.hits && counter.matches === probe.matches)) continue;
    const next = { ...probe, hits: counter.hits, matches: counter.matches };
    asked.set(probe.id, next);
    changed.push(next);
  }
  if (changed.length === 0) return;
  turn.update({ asked });
  turn.emit({ kind: 'control-changed', probes: changed });
};
