/** Where goroutines stand, as the client was told. */
import type { Request, Response } from './message.js';
import { listOf, numberOf, objectOf, stringOf } from './message.js';
import type { Stepping } from './state/stepping.js';
import type { Turn } from './turn.js';

export const changeStepping = (turn: Turn, difference: Partial<Stepping>): void =>
  turn.update({ stepping: { ...turn.state.stepping, ...difference } });

/** From a `stackTrace` of the client's. */
export const rememberTop = (turn: Turn, request: Request, response: Response): void => {
  const args = objectOf(request.arguments);
  if (request.command !== 'stackTrace' || !response.success || (numberOf(args.startFrame) ?? 0) > 0) return;
  const [frame] = listOf(objectOf(response.body).stackFrames).map(objectOf);
  const id = numberOf(frame?.id);
  const thread = numberOf(args.threadId);
  const text = stringOf(frame?.instructionPointerReference) ?? '';
  if (id === undefined || thread === undefined || !/^0x[0-9a-f]+$/.test(text)) return;
  changeStepping(turn, { tops: new Map(turn.state.stepping.tops).set(id, { thread, pc: BigInt(text) }) });
};

/** The program runs: frames and what was offered for them are history. */
export const forgetTops = (turn: Turn): void => {
  if (turn.state.stepping.tops.size > 0 || turn.state.stepping.targets.size > 0)
    changeStepping(turn, { tops: new Map(), targets: new Map() });
};
