/** What happened, by goroutine and in the order of time: Delve's stops, hits of probes, events of the kernel. */
import type { ProbeEvent } from '@probelens/probes';
import { errors } from '../errors.js';
import { numberOf, objectOf, type Request } from './message.js';
import type { TimelineView } from './output.js';
import type { Gate } from './state/gate.js';
import type { SessionState } from './state/state.js';
import type { TimelineEntry } from './state/timeline.js';
import type { Turn } from './turn.js';

/** Some hundred bytes each: a session's memory stays flat however long it lasts. */
const mostEntries = 2_000;

/** What fits a console. */
const mostLines = 100;

const ascending = (one: TimelineEntry, other: TimelineEntry): number =>
  one.time < other.time ? -1 : one.time > other.time ? 1 : 0;

/** Many at a time: the list is copied once for all of them. `lost`: more of them that nobody looked at. */
export const record = (turn: Turn, added: readonly TimelineEntry[], lost = 0): void => {
  if (added.length === 0) return;
  const { entries, dropped } = turn.state.timeline;
  const last = entries.at(-1);
  const inOrder = [...added].sort(ascending);
  const all = [...entries, ...inOrder];
  // Events of one batch are in order nearly always; a stop and the hits behind it may not be.
  if (last !== undefined && inOrder[0] !== undefined && ascending(inOrder[0], last) < 0) all.sort(ascending);
  const excess = Math.max(0, all.length - mostEntries);
  turn.update({ timeline: { entries: all.slice(excess), dropped: dropped + excess + lost } });
};

/** `text` is asked for only where the entry has a chance to be kept. */
export const recordEvents = (
  turn: Turn,
  events: readonly ProbeEvent[],
  text: (gate: Gate, event: ProbeEvent) => string,
): void => {
  const { gates } = turn.state;
  const latest = events.slice(-mostEntries);
  const entries = latest.flatMap((event): readonly TimelineEntry[] => {
    const gate = gates.get(event.probe);
    if (gate === undefined) return [];
    const kind = 'source' in gate.planned.plan ? 'event' : 'hit';
    return [{ time: BigInt(event.time), goroutine: Number(event.goid), kind, text: text(gate, event) }];
  });
  record(turn, entries, events.length - latest.length);
};

export const recordStop = (turn: Turn, body: unknown, time: bigint | undefined): void => {
  if (time === undefined) return;
  const { reason, threadId } = objectOf(body);
  record(turn, [{ time, goroutine: numberOf(threadId) ?? 0, kind: 'stop', text: `Delve stopped: ${String(reason)}` }]);
};

const selected = ({ timeline }: SessionState, goroutine: number | undefined): readonly TimelineEntry[] =>
  goroutine === undefined ? timeline.entries : timeline.entries.filter((entry) => entry.goroutine === goroutine);

/** Times in the console count from the first entry shown, in milliseconds. */
const lines = (state: SessionState, goroutine: number | undefined): string => {
  const all = selected(state, goroutine);
  const shown = all.slice(-mostLines);
  const [first] = shown;
  if (first === undefined) return 'Nothing has been seen yet: stops, probe hits and kernel events appear here.';
  const rows = shown.map(({ time, goroutine: id, text }) => {
    const milliseconds = (Number(time - first.time) / 1e6).toFixed(3).padStart(12);
    return `${milliseconds} ms  [Go ${id}]  ${text}`;
  });
  const missing = all.length - shown.length;
  const { dropped } = state.timeline;
  if (missing > 0) rows.unshift(`(${missing} earlier entries are kept; the request probelens/timeline has them)`);
  if (dropped > 0) rows.unshift(`(${dropped} older entries of all goroutines were dropped)`);
  return rows.join('\n');
};

/** `timeline`, `timeline goroutine 19`, `timeline goroutine` (the one that stopped last). */
export const onTimelineCommand = (turn: Turn, request: Request, rest: string): void => {
  const match = /^(?:goroutine(?:\s+(\d+))?)?$/.exec(rest);
  const goroutine = match?.[1] === undefined ? turn.state.target.goroutine : Number(match[1]);
  if (match === null || (rest !== '' && goroutine === undefined))
    turn.refuse(request, errors.console('Say "timeline" or "timeline goroutine 19".'));
  else turn.answer(request, { result: lines(turn.state, rest === '' ? undefined : goroutine), variablesReference: 0 });
};

export const timelineView = (state: SessionState, goroutine: number | undefined): TimelineView => ({
  entries: selected(state, goroutine).map((entry) => ({ ...entry, time: String(entry.time) })),
  dropped: state.timeline.dropped,
});

/** Arguments `{ goroutine? }`; answers `{ entries: [{ time, goroutine, kind, text }], dropped }`, time in decimal nanoseconds. */
export const onTimelineRequest = (turn: Turn, request: Request): void => {
  turn.answer(request, { ...timelineView(turn.state, numberOf(objectOf(request.arguments).goroutine)) });
};
