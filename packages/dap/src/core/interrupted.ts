/**
 * Steps that something cut short. Delve keeps the breakpoints of such a step, goes on with it when it is told to continue,
 * and refuses to begin another. Whether it has kept them it says once, behind the stop (service/dap/server.go,
 * runUntilStopAndNotify: NextInProgress); of a pause that came together with another stop nothing else tells.
 */
import { noteKept } from './hand-over.js';
import { type Event, isInstructionStep, objectOf, textOf } from './message.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';

/** Delve's own words. */
const isInterruption = (event: Event): boolean =>
  textOf(objectOf(event.body).output)?.startsWith('Step interrupted by a breakpoint.') === true;

const sayInterrupted = (turn: Turn, goroutine: number): void =>
  turn.say(
    `The step of goroutine ${goroutine} was cut short: step goroutine ${goroutine} again or continue to finish it.`,
  );

/** The step that Delve may have kept: one of a single instruction leaves another one as it is. */
const keptStep = ({ step, interrupted }: SessionState): SessionState['interrupted'] => {
  if (step === undefined || (isInstructionStep(step.request) && interrupted !== undefined)) return interrupted;
  return { ...step, resumable: interrupted?.resumable === true };
};

/** True when it was said in words of ours, or will be with the stop, or was of a stop that nobody is shown. */
export const onInterrupted = (turn: Turn, event: Event): boolean => {
  if (!isInterruption(event)) return false;
  turn.update({ stepCut: true });
  noteKept(turn);
  const { held, kernel, target } = turn.state;
  if (kernel.state === 'off') return false;
  if (target.running) return true;
  const kept = keptStep(turn.state);
  if (kept === undefined) return held !== undefined;
  turn.update({ interrupted: { ...kept, resumable: true } });
  if (held === undefined) sayInterrupted(turn, kept.goroutine);
  return true;
};

/** The program runs again: Delve will say anew what it has kept. */
export const forgetInterruption = (turn: Turn): void => {
  const { interrupted } = turn.state;
  if (interrupted?.resumable === true) turn.update({ interrupted: { ...interrupted, resumable: false } });
};

/** The client is about to be shown a stop. `reason` and `description`: Delve's. */
export const endStep = (turn: Turn, reason: string, description: string | undefined): void => {
  const { step, stepCut, interrupted } = turn.state;
  turn.update({ step: undefined });
  // It has refused a step, and holds the one before still.
  if (description === 'invalid command') {
    turn.update({ stepCut: true, interrupted: interrupted && { ...interrupted, resumable: true } });
    return;
  }
  if (reason === 'step') {
    if (step === undefined || !isInstructionStep(step.request)) turn.update({ stepCut: false, interrupted: undefined });
    else if (interrupted?.resumable === true) sayInterrupted(turn, interrupted.goroutine);
    return;
  }
  const kept = keptStep({ ...turn.state, step });
  const cut = reason === 'pause' ? kept?.resumable === true : step !== undefined || stepCut;
  turn.update({ stepCut: cut, interrupted: cut || reason === 'pause' ? kept : undefined });
  if (kept?.resumable === true) sayInterrupted(turn, kept.goroutine);
};
