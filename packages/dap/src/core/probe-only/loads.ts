/** Halts because of loads of eBPF: those that a library makes for itself are passed over, as beside Delve (bpf/recognise.ts). */
import { callerText, isOfLoads, passedText, recognised } from '../bpf/recognise.js';
import type { MomentFrame } from '../state/moments.js';
import type { HaltingHit } from '../state/probe-only.js';
import type { Turn } from '../turn.js';
import { set } from './state.js';

const causeOf = ({ event }: HaltingHit) => ({ cause: event.bpf === undefined ? undefined : event });

const isToBeRecognised = (hit: HaltingHit): boolean =>
  isOfLoads(hit.gate, causeOf(hit)) && (hit.event.stack ?? []).length > 0;

/** False: there is nothing to be recognised. */
export const beginRecognising = (turn: Turn, hits: readonly HaltingHit[]): boolean => {
  const asked = new Map(hits.filter(isToBeRecognised).map((hit) => [turn.ticket(), hit]));
  if (asked.size === 0) return false;
  set(turn, { phase: { kind: 'recognising', hits, asked, told: new Map() } });
  for (const [ticket, { event }] of asked)
    turn.emit({ kind: 'symbolise', ticket, stack: event.stack ?? [], top: event.stackTop });
  return true;
};

export interface KnownHits {
  readonly hits: readonly HaltingHit[];
  /** About the first of them. */
  readonly more: string | undefined;
}

/** What is to be shown when this was the last answer; undefined while others are awaited, or nobody asked. */
export const recogniseCallers = (turn: Turn, ticket: number, frames: readonly MomentFrame[]): KnownHits | undefined => {
  const { probeOnly } = turn.state;
  const phase = probeOnly?.phase;
  if (phase?.kind !== 'recognising' || probeOnly?.leaving !== undefined) return undefined;
  const hit = phase.asked.get(ticket);
  if (hit === undefined) return undefined;
  const { cause } = causeOf(hit);
  const caller = recognised(frames, cause?.bpf);
  const isTest = caller.kind === 'feature-test';
  if (isTest && cause !== undefined) turn.say(passedText(caller.of, { cause }), 'stdout');
  const hits = isTest ? phase.hits.filter((each) => each !== hit) : phase.hits;
  // A goroutine whose callers have no files is one of a program that could not be read.
  const isUnclear = caller.kind === 'in-c' && cause?.goid !== '0';
  const text = isUnclear ? undefined : callerText(caller, { cause });
  const told = text === undefined ? phase.told : new Map(phase.told).set(hit, text);
  const asked = new Map([...phase.asked].filter(([other]) => other !== ticket));
  set(turn, { phase: { ...phase, hits, asked, told } });
  const [first] = hits;
  return asked.size > 0 ? undefined : { hits, more: first && told.get(first) };
};
