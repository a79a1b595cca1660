/**
 * From the gate to where Delve would have stopped. Gate and place are a straight run of a few instructions apart; Delve
 * steps them on this one thread while all others stand still.
 */
import type { Response } from './message.js';
import type { Gate } from './state/gate.js';
import type { Hit, Settling } from './state/hit.js';
import { pcOf } from './trap-place.js';
import type { Turn } from './turn.js';

/** Undefined: the goroutine is where it is to be shown. */
export const settleOf = (gate: Gate, { site }: Hit): number | undefined => {
  const { settle } = gate.planned;
  return typeof settle === 'number' ? settle : settle?.[site];
};

/** A prologue spills at most some thirty words; more means that this is not the straight run that was planned. */
const stepLimit = 64;

const look = (turn: Turn, hit: Hit): void => {
  turn.toDelve('stackTrace', { threadId: hit.goroutine, startFrame: 0, levels: 1 }, { kind: 'settle-look' });
};

export const beginSettling = (turn: Turn, hit: Hit, text: string | undefined): void => {
  const stage: Settling = { kind: 'settling', hit, text, from: undefined, stepsLeft: stepLimit };
  turn.update({ held: { event: turn.state.held?.event, stage } });
  look(turn, hit);
};

/** Delve has stepped, or stopped for a reason of its own on the way: look where that is. */
export const onSettleStop = (turn: Turn): void => {
  const stage = turn.state.held?.stage;
  if (stage?.kind === 'settling') look(turn, stage.hit);
};

/** True when the goroutine is there, or will not come any nearer. */
export const onSettleLook = (turn: Turn, stage: Settling, distance: number, response: Response): boolean => {
  const pc = pcOf(response);
  if (pc === undefined) return true;
  const from = stage.from ?? pc;
  const gone = pc - from;
  if (gone < 0n || gone >= BigInt(distance) || stage.stepsLeft === 0) return true;
  const next: Settling = { ...stage, from, stepsLeft: stage.stepsLeft - 1 };
  turn.update({ held: { event: turn.state.held?.event, stage: next } });
  const args = { threadId: stage.hit.goroutine, granularity: 'instruction' };
  turn.toDelve('stepIn', args, { kind: 'settle-step' });
  return false;
};
