/** Setting the program going, with and without the client's knowledge. */
import { forgetBefore } from './bpf/scope.js';
import { notePlanted } from './hand-over.js';
import { forgetInterruption } from './interrupted.js';
import { forgetTops } from './tops.js';
import type { Turn } from './turn.js';

/** Pending traps arrive as soon as their threads run, which on a busy machine takes seconds. */
const leftoverMs = 10_000;

/** To be called wherever the program is resumed. */
export const markRunning = (turn: Turn): void => {
  turn.target({ running: true });
  forgetInterruption(turn);
  forgetBefore(turn);
  if (turn.state.shown !== undefined) turn.update({ shown: undefined });
  forgetTops(turn);
  if (turn.state.exception?.stage === 'shown') turn.update({ exception: undefined });
  if (turn.state.leftovers.size > 0) turn.emit({ kind: 'start-timer', name: 'leftovers', milliseconds: leftoverMs });
};

/** On with the program: the client never knew that it had stopped. */
export const resumeSilently = (turn: Turn): void => {
  const { step, target } = turn.state;
  markRunning(turn);
  // A trap on the stepping goroutine itself makes Delve give the step up; nothing has moved since, so it is asked again.
  // A trap elsewhere leaves the step in place, and `continue` goes on with it.
  if (step !== undefined && step.goroutine === target.goroutine) {
    notePlanted(turn, step.goroutine, step.request);
    turn.toDelve(step.request.command, step.request.arguments, { kind: 'silent-resume' });
  } else turn.toDelve('continue', { threadId: target.goroutine ?? 1 }, { kind: 'silent-resume' });
};
