/**
 * An agent that does not answer. Nobody's stop, step or end waits for it for ever: it is ended, what it has told is shown, and
 * its breakpoints are Delve's. While leaving, endings.ts looks after it.
 */
import { releaseEnd } from './delve.js';
import { writesKernel } from './endings.js';
import { loseKernel, stops } from './gates.js';
import type { TimerName } from './output.js';
import type { SessionState } from './state/state.js';
import { onAgentClosed } from './stops.js';
import type { Turn } from './turn.js';

/** What the kernel has told is read in milliseconds, on a machine with thirty processes for each core in a second. */
const readingMs = 10_000;
/** A thousand gates go in or out within a second; each may have to wait for a page of the program's file. */
const writingMs = 60_000;

const isWatched = ({ ending, kernel, probeOnly }: SessionState): boolean =>
  ending === undefined && kernel.state === 'ready' && probeOnly === undefined;

/** The question whose answer a stop, the end or a person waits for. */
const reading = (state: SessionState): number | undefined => {
  if (!isWatched(state)) return undefined;
  const { held, heldEnd, listing } = state;
  if (held?.stage.kind === 'draining') return held.stage.ticket;
  return heldEnd?.ticket ?? [...listing.keys()][0];
};

/** The question whose answer the lane waits for. */
const writing = (state: SessionState): number | undefined => {
  const { active, ticket } = state.lane;
  const waits = writesKernel(active) || (active?.kind === 'resume' && active.stage === 'focusing');
  return isWatched(state) && waits ? ticket : undefined;
};

/** To be called with what was before, when everything of an input is done. */
export const watchAgent = (turn: Turn, before: SessionState): void => {
  const watch = (name: TimerName, was: number | undefined, is: number | undefined, milliseconds: number): void => {
    if (was === is) return;
    turn.emit(is === undefined ? { kind: 'stop-timer', name } : { kind: 'start-timer', name, milliseconds });
  };
  watch('silent-reading', reading(before), reading(turn.state), readingMs);
  watch('silent-writing', writing(before), writing(turn.state), writingMs);
};

/** What it had still to tell nobody will hear. */
const sayEnded = (turn: Turn): void => {
  const { gates } = turn.state;
  const stopping = [...gates.values()].filter(stops).length;
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
  turn.say(
    `The probe agent does not answer and is ended. What ${count(stopping, 'breakpoint')} and ${count(gates.size - stopping, 'other probe')} of the kernel saw last is lost.`,
    'stderr',
  );
};

/** What the lane waits for is answered when the agent is gone: until then it may write to the text. */
export const onSilence = (turn: Turn, name: 'silent-reading' | 'silent-writing'): void => {
  const waited = name === 'silent-reading' ? reading(turn.state) : writing(turn.state);
  if (waited === undefined) return;
  sayEnded(turn);
  turn.emit({ kind: 'end-agent' });
  loseKernel(turn, 'the probe agent did not answer.');
  onAgentClosed(turn);
  releaseEnd(turn);
};
