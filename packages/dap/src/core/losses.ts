/**
 * What probes saw and nobody was shown: hits that found the kernel's buffer full or were over the probe's limit, and lines
 * that came while the client did not read. Counted for each probe, said at most once a second while it happens, and with
 * the exact numbers at every stop, when the probe goes, and at the end.
 */
import type { ProbeCounters, ProbeEvent } from '@probelens/probes';
import { stops } from './gates.js';
import type { Gate } from './state/gate.js';
import type { LaneWork } from './state/lane-work.js';
import type { Loss, Losses, Pace } from './state/losses.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';

const everyMs = 1_000;

/** Of several probes that are armed in one go the first may be hit for a while before the last is in place. */
const mostEarly = 20_000;

const change = (turn: Turn, difference: Partial<Losses>): void =>
  turn.update({ losses: { ...turn.state.losses, ...difference } });

/** Its stops are joined with Delve's and counted there; everything else may come faster than anybody reads. */
const isCounted = (gate: Gate): boolean => !stops(gate) && gate.owner.kind !== 'armed-threads';

const anyCounted = ({ gates, asked }: SessionState): boolean =>
  [...gates.values()].some(isCounted) || [...asked.values()].some(({ probe }) => probe !== undefined);

const startTimer = (turn: Turn): void => {
  change(turn, { counting: true });
  turn.emit({ kind: 'start-timer', name: 'count', milliseconds: everyMs });
};

/** To be called when something was armed. */
export const startCounting = (turn: Turn): void => {
  if (!turn.state.losses.counting && anyCounted(turn.state)) startTimer(turn);
};

/** Once a second while there is something to count. */
export const countAgain = (turn: Turn): void => {
  change(turn, { counting: false });
  if (!anyCounted(turn.state)) {
    if (turn.state.losses.due) sayLosses(turn);
    return;
  }
  change(turn, { due: true });
  turn.emit({ kind: 'count' });
  startCounting(turn);
};

/** Of an event: its probe may be on its way out of the kernel. */
export const talkingGate = ({ gates, losses }: SessionState, probe: number): Gate | undefined => {
  const leaving = gates.get(probe) === undefined ? losses.leaving.get(probe) : undefined;
  // A stop that nobody wants any more is passed over, and a filter has nothing more to tell.
  return leaving === undefined || stops(leaving) || leaving.owner.kind === 'filter' ? gates.get(probe) : leaving;
};

const lossOf = ({ losses }: SessionState, gate: Gate): Loss =>
  losses.byProbe.get(gate.probe) ?? { gate, dropped: 0, full: undefined, faults: 0, unread: 0 };

/** Something is armed that is in no book yet; also while Delve is asked for what the agent refused of it. */
export const isArming = (work: LaneWork | undefined): boolean =>
  (work?.kind === 'set' && (work.stage.kind === 'arming' || work.stage.armed.size > 0)) ||
  ((work?.kind === 'add-probe' || work?.kind === 'watch') && work.stage === 'arming');

const inBooks = ({ gates, losses }: SessionState, probe: number): boolean =>
  gates.has(probe) || losses.leaving.has(probe);

/** The goroutine was trapped by a gate whose arming has not been answered yet. */
export const trappedEarly = ({ losses }: SessionState, goroutine: number): boolean =>
  losses.early.some(({ trapped, goid }) => trapped && Number(goid) === goroutine);

/** Its trap has been shown without a name. */
export const forgetEarly = (turn: Turn, goroutine: number): void => {
  const early = turn.state.losses.early.filter(({ trapped, goid }) => !trapped || Number(goid) !== goroutine);
  change(turn, { early });
};

/** Those that can be told by now. The others wait for the answer that says whose they are; without one they are nobody's. */
export const knownEvents = (turn: Turn, events: readonly ProbeEvent[]): readonly ProbeEvent[] => {
  const { lane, losses } = turn.state;
  const arming = isArming(lane.active);
  if (!arming && losses.early.length === 0) return events;
  const all = [...losses.early, ...events];
  const isKnown = ({ probe, trapped }: ProbeEvent): boolean =>
    trapped ? inBooks(turn.state, probe) : talkingGate(turn.state, probe) !== undefined;
  const waiting = arming ? all.filter((event) => !isKnown(event)) : [];
  const tooEarly = new Map(losses.tooEarly);
  // Delve has seen the traps, or will: not one of them may be forgotten.
  const excess = new Set(waiting.filter(({ trapped }) => !trapped).slice(mostEarly));
  for (const { probe } of excess) tooEarly.set(probe, (tooEarly.get(probe) ?? 0) + 1);
  const early = excess.size === 0 ? waiting : waiting.filter((event) => !excess.has(event));
  change(turn, { early, tooEarly: arming ? tooEarly : new Map() });
  if (!arming) addUnread(turn, tooEarly);
  return arming ? all.filter(isKnown) : all.filter((event) => event.trapped || isKnown(event));
};

/** Lines by probe that the client was not sent. */
export const addUnread = (turn: Turn, unread: ReadonlyMap<number, number>): void => {
  if (unread.size === 0) return;
  const byProbe = new Map(turn.state.losses.byProbe);
  for (const [probe, lines] of unread) {
    const gate = talkingGate(turn.state, probe);
    if (gate === undefined) continue;
    const loss = lossOf(turn.state, gate);
    byProbe.set(probe, { ...loss, unread: loss.unread + lines });
  }
  change(turn, { byProbe });
};

/** The kernel's counts only ever grow. */
export const addCounts = (turn: Turn, counters: readonly ProbeCounters[]): void => {
  const lossy = counters.filter(({ dropped, faults }) => dropped > 0 || faults > 0);
  if (lossy.length > 0) {
    const byProbe = new Map(turn.state.losses.byProbe);
    for (const { probe, dropped, full, faults } of lossy) {
      const gate = turn.state.gates.get(probe) ?? turn.state.losses.leaving.get(probe);
      if (gate !== undefined) byProbe.set(probe, { ...lossOf(turn.state, gate), dropped, full, faults });
    }
    change(turn, { byProbe });
  }
  if (turn.state.losses.due && turn.state.losses.pace === 'free') sayLosses(turn);
};

const number = (value: number): string => value.toLocaleString('en-US');

/** Why the kernel kept them, each with its number. */
const kernelReasons = ({ gate, dropped, full }: Loss): readonly string[] => {
  const { rateLimit } = gate.planned.plan.spec;
  const noRoom = rateLimit === undefined ? dropped : full;
  const limit = `over the limit of ${number(rateLimit ?? 0)} a second`;
  if (noRoom === undefined) return [`${number(dropped)} were ${limit} or found the kernel's buffer full`];
  const limited = dropped - noRoom;
  return [
    ...(limited > 0 ? [`${number(limited)} were ${limit}`] : []),
    ...(noRoom > 0 ? [`${number(noRoom)} found the kernel's buffer full`] : []),
  ];
};

const placeOf = ({ id, planned }: Gate): string => `[${id}] ${planned.function}`;

/** Undefined when nothing was lost. */
const sentenceOf = (loss: Loss): string | undefined => {
  const { gate, dropped, faults, unread } = loss;
  const lost = dropped + unread;
  const why = [
    ...kernelReasons(loss),
    ...(unread > 0 ? [`${number(unread)} came faster than the client read`] : []),
  ].join(', ');
  const missing = lost === 0 ? [] : [`Lost so far at ${placeOf(gate)}: ${number(lost)} (${why}).`];
  // Delve judges those of a stop.
  const unsure =
    faults === 0 || stops(gate)
      ? []
      : [`Not judged so far at ${placeOf(gate)}: ${number(faults)} (a page of memory was not there).`];
  const all = [...missing, ...unsure];
  return all.length === 0 ? undefined : all.join(' ');
};

/** What is new of all of them, or of `probes`. */
export const sayLosses = (turn: Turn, probes?: ReadonlySet<number>): void => {
  const { byProbe, output, said } = turn.state.losses;
  const now = new Map(said);
  change(turn, { due: false, output: 0 });
  for (const [probe, loss] of byProbe) {
    const sentence = probes?.has(probe) === false ? undefined : sentenceOf(loss);
    if (sentence === undefined || now.get(probe) === sentence) continue;
    now.set(probe, sentence);
    turn.say(sentence, 'stderr');
  }
  change(turn, { said: now });
  if (output > 0)
    turn.say(`The client did not read: ${number(output)} characters of the program's output are missing.`, 'stderr');
};

/** The program stands still, and nothing else asks the kernel now. */
export const lookAtLosses = (turn: Turn): void => {
  if (turn.state.kernel.state !== 'ready' || ![...turn.state.gates.values()].some(isCounted)) return;
  const ticket = turn.ticket();
  change(turn, { ticket });
  turn.emit({ kind: 'drain', ticket });
};

export const onLossesDrained = (turn: Turn, ticket: number): void => {
  if (turn.state.losses.ticket !== ticket) return;
  change(turn, { ticket: undefined });
  sayLosses(turn);
};

/** Out of the kernel: their last counts. */
export const onLeft = (turn: Turn, counters: readonly ProbeCounters[]): void => {
  addCounts(turn, counters);
  // An agent that has none left has forgotten them with their program, and said so before.
  const gone = new Set(counters.length === 0 ? turn.state.losses.leaving.keys() : counters.map(({ probe }) => probe));
  sayLosses(turn, gone);
  const { byProbe, said, leaving } = turn.state.losses;
  const without = <T>(map: ReadonlyMap<number, T>): ReadonlyMap<number, T> =>
    new Map([...map].filter(([probe]) => !gone.has(probe)));
  change(turn, { byProbe: without(byProbe), said: without(said), leaving: without(leaving) });
};

/** True when the client is not to be sent it. */
export const leaveOutOutput = (turn: Turn, text: string): boolean => {
  const { pace, output } = turn.state.losses;
  if (pace !== 'full') return false;
  change(turn, { output: output + text.length });
  return true;
};

export const onPace = (turn: Turn, pace: Pace): void => {
  const before = turn.state.losses.pace;
  change(turn, { pace });
  if (pace !== 'free' || before === 'free') return;
  // While it did not read nothing was said; it may fall behind again at once.
  change(turn, { due: true });
  if (!turn.state.losses.counting) startTimer(turn);
};
