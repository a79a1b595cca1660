/** The system calls on eBPF that this session has seen: kept for the console, the scope and the listing. */
import type { BpfCall, BpfLoad, ProbeEvent } from '@probelens/probes';
import type { BpfAttributes } from '../kernel-words.js';
import { stringOf } from '../message.js';
import type { BpfBefore, BpfSeen, BpfState } from '../state/bpf.js';
import type { Gate } from '../state/gate.js';
import type { Hit } from '../state/hit.js';
import type { Moment } from '../state/moments.js';
import type { SessionState } from '../state/state.js';
import type { Turn } from '../turn.js';
import { loaderInC } from './c-loads.js';

export const changeBpf = (turn: Turn, change: Partial<BpfState>): void =>
  turn.update({ bpf: { ...turn.state.bpf, ...change } });

/** Some kilobytes each, and a log of 100 kB where one was asked for. */
const mostSeen = 100;

/** Two probes on one system call tell of it within microseconds; the thread cannot make another one meanwhile. Nanoseconds. */
const sameCall = 50_000_000n;

const isSame = (one: BpfSeen, event: ProbeEvent, call: BpfCall): boolean =>
  one.thread === event.tid &&
  one.probe !== event.probe &&
  one.call.kind === call.kind &&
  one.call.errno === call.errno &&
  one.call.fd === call.fd &&
  BigInt(event.time) - one.time < sameCall;

export const rememberCalls = (turn: Turn, events: readonly ProbeEvent[]): void => {
  for (const event of events) {
    const { bpf: call, told } = event;
    const { seen, last } = turn.state.bpf;
    if (call === undefined || told === undefined || seen.some((one) => isSame(one, event, call))) continue;
    const added: BpfSeen = {
      number: last + 1,
      goroutine: Number(event.goid),
      thread: event.tid,
      time: BigInt(event.time),
      probe: event.probe,
      call,
      line: told.line,
      details: told.details,
    };
    changeBpf(turn, { seen: [...seen, added].slice(-mostSeen), last: added.number });
  }
};

export const numbered = ({ bpf }: SessionState, number: number): BpfSeen | undefined =>
  bpf.seen.find((one) => one.number === number);

export const lastLoad = ({ bpf }: SessionState, wanted: (load: BpfLoad) => boolean): BpfSeen | undefined =>
  bpf.seen.findLast(({ call }) => call.kind === 'load' && wanted(call));

/** Without Delve: what the client looks at. */
const haltedMoments = ({ probeOnly, moments }: SessionState): readonly Moment[] =>
  probeOnly?.phase.kind === 'halted'
    ? [...probeOnly.phase.threads.values()].flatMap((slot) => moments.kept.get(slot) ?? [])
    : [];

const isAfterCall = ({ cause }: Moment): boolean => cause !== undefined;

const distance = (one: bigint, other: bigint): bigint => (one > other ? one - other : other - one);

const callOfMoment = (state: SessionState, { thread, time }: Moment): BpfSeen | undefined =>
  state.bpf.seen.findLast((one) => one.thread === thread && distance(one.time, time) < sameCall);

/** The program stands before a load, for whoever looks at the stop. */
export const standsBefore = (state: SessionState): boolean => {
  const { shown, bpf } = state;
  const goroutine = bpf.before?.goroutine;
  if (goroutine === undefined) return false;
  return (
    shown?.hit.goroutine === goroutine ||
    haltedMoments(state).some((moment) => moment.goroutine === goroutine && !isAfterCall(moment))
  );
};

/** Whether a moment's frame has a load to show. */
export const isAtLoad = (state: SessionState, moment: Moment): boolean =>
  haltedMoments(state).includes(moment) &&
  (isAfterCall(moment) ? shownCall(state)?.call.kind === 'load' : standsBefore(state));

/** The system call because of which the client looks at a stop. */
export const shownCall = (state: SessionState): BpfSeen | undefined => {
  const halted = haltedMoments(state).find(isAfterCall);
  if (halted !== undefined) return callOfMoment(state, halted);
  const cause = state.shown?.hit.cause;
  if (cause?.bpf === undefined) return undefined;
  return state.bpf.seen.findLast(({ thread, call }) => thread === cause.tid && call.errno === cause.bpf?.errno);
};

const uintptr = (hit: Pick<Hit, 'values'>, name: string): bigint | undefined => {
  const text = stringOf(hit.values.find((value) => value.name === name)?.text) ?? '';
  return /^\d+$|^0x[0-9a-f]+$/i.test(text) ? BigInt(text) : undefined;
};

/** The same attributes, as far as they tell. */
export const isSameLoad = (one: BpfLoad, other: BpfLoad): boolean =>
  one.type === other.type &&
  one.name === other.name &&
  one.instructions === other.instructions &&
  one.license === other.license;

/** A gate at the Go wrapper of the system call, for loads only, or at Go's call of a function of libbpf. */
export const isBeforeLoad = ({ owner, planned }: Gate): boolean =>
  owner.kind === 'filter' && owner.filter.startsWith('bpf-') && !('source' in planned.plan);

/**
 * A stop that whoever waited for the next load has waited for; one after a refusal alone is not, and before a call of C there
 * is nothing to be seen yet.
 */
export const isAwaited = (gate: Gate): boolean =>
  gate.owner.kind === 'filter' && gate.owner.filter === 'bpf-next-load'
    ? loaderInC(gate.planned.function) === undefined
    : isBeforeLoad(gate);

/** The end of the load that the program stood before when the next one was asked for. Once. */
export const isOfLastLoad = (turn: Turn, { owner }: Gate, goroutine: number, isAfter: boolean): boolean => {
  if (!isAfter || owner.kind !== 'filter' || owner.filter !== 'bpf-next-load') return false;
  if (turn.state.bpf.skipAfter !== goroutine) return false;
  changeBpf(turn, { skipAfter: undefined });
  return true;
};

/** The ticket of what is to be read. */
const standBefore = (
  turn: Turn,
  { goroutine }: Pick<Hit, 'goroutine'>,
  load: BpfBefore['load'],
  at: BpfAttributes | undefined,
): number => {
  const ticket = turn.ticket();
  const awaited = turn.state.bpf.pauseAtNext;
  changeBpf(turn, { before: { ticket, goroutine, load, at, awaited }, waiting: [] });
  return ticket;
};

/** A gate before a load fired: at the system call's wrapper, what it is about to load is read from its memory. */
export const lookBefore = (turn: Turn, gate: Gate, hit: Pick<Hit, 'goroutine' | 'values'>): void => {
  const inC = loaderInC(gate.planned.function);
  if (inC !== undefined) {
    standBefore(turn, hit, { kind: 'in-c', name: inC }, undefined);
    return;
  }
  const [pointer, size] = [uintptr(hit, 'a2'), uintptr(hit, 'a3')];
  const at =
    pointer === undefined || size === undefined
      ? undefined
      : { pointer: `0x${pointer.toString(16)}`, size: Number(size) };
  const ticket = standBefore(turn, hit, at === undefined ? 'unreadable' : undefined, at);
  if (at !== undefined) turn.emit({ kind: 'describe-load', ticket, at, verify: false });
};
