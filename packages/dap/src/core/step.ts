/** The session as a function: one input, the next state, and what is to be done. No clock, no I/O, no randomness. */
import { onLoadDescribed } from './bpf/scope.js';
import { onClientMessage } from './client.js';
import { onListCounted } from './console.js';
import { onDelveClosed, onDelveMessage, releaseEnd } from './delve.js';
import {
  beginEnding,
  lookAgain,
  onAgentSilent,
  onEndingDeadline,
  onEndingDisarmed,
  onKernelWhileEnding,
  onSignalsRead,
} from './endings.js';
import { onProbeEvents } from './events.js';
import { onGoStatements } from './follow.js';
import { loseKernel } from './gates.js';
import { onHitWithoutStop } from './hits.js';
import type { Input } from './input.js';
import { keepMayDiffer, keepStateOf } from './keep.js';
import { runLane, tellLane } from './lane.js';
import { noKernel, onDelveConnected, onDelveFailed, onKernelChecked } from './launch.js';
import { countAgain, isArming, knownEvents, onLeft, onLossesDrained, startCounting } from './losses.js';
import type { Output, TimerName } from './output.js';
import { takeProbeOnly } from './probe-only/step.js';
import { isShared, type OwnInput, takeShared } from './shared-input.js';
import { onSilence, watchAgent } from './silence.js';
import type { SessionState } from './state/state.js';
import { onAgentClosed, onArmingOver, onDrained, onLoadKnown, onStopWithoutName } from './stops.js';
import { warnOfStrangers } from './strangers.js';
import { recordStop } from './timeline.js';
import { Turn } from './turn.js';

export interface StepResult {
  readonly state: SessionState;
  readonly outputs: readonly Output[];
}

const onStopSeen = (turn: Turn, body: unknown, time: bigint | undefined): void => {
  turn.update({ stopTime: time });
  // Steps of ours from the gate to the line are nobody's stops.
  if (turn.state.held?.stage.kind !== 'settling') recordStop(turn, body, time);
};

const onTimer = (turn: Turn, name: TimerName): void => {
  switch (name) {
    case 'hit-without-stop':
      onHitWithoutStop(turn);
      return;
    case 'stop-without-name':
      onStopWithoutName(turn);
      return;
    case 'silent-reading':
    case 'silent-writing':
      onSilence(turn, name);
      return;
    case 'leftovers':
      if (turn.state.target.running) turn.update({ leftovers: new Map() });
      return;
    case 'count':
      countAgain(turn);
      return;
    case 'agent-silent':
      onAgentSilent(turn);
      return;
    case 'text':
      tellLane(turn, { kind: 'time' });
      return;
    case 'shaken':
      lookAgain(turn);
      return;
    case 'ending':
      onEndingDeadline(turn);
      return;
  }
};

const takeWithDelve = (turn: Turn, input: OwnInput): void => {
  switch (input.kind) {
    case 'client-message':
      onClientMessage(turn, input.message);
      return;
    case 'client-closed':
      beginEnding(turn, 'client-closed', undefined);
      return;
    case 'delve-connected':
      onDelveConnected(turn);
      return;
    case 'delve-failed':
      onDelveFailed(turn, input.error);
      return;
    case 'delve-message':
      if (input.message.type === 'event' && input.message.event === 'stopped')
        onStopSeen(turn, input.message.body, input.time);
      onDelveMessage(turn, input.message);
      return;
    case 'delve-closed':
      onDelveClosed(turn);
      return;
    case 'kernel-opened':
      // It was for the program before the restart.
      if (turn.state.kernel.state === 'off') return;
      turn.kernel({ state: 'ready', reason: undefined, bias: input.bias });
      // Of a program that Delve had before this session it says nothing.
      if (turn.state.target.pid === undefined) turn.target({ pid: input.pid });
      tellLane(turn, { kind: 'go' });
      return;
    case 'kernel-checked':
      onKernelChecked(turn, input.reason);
      return;
    case 'kernel-unavailable':
      if (turn.state.kernel.state === 'off') return;
      noKernel(turn, input.reason);
      tellLane(turn, { kind: 'go' });
      return;
    case 'strangers-found':
      warnOfStrangers(turn, input.places);
      return;
    case 'planned':
      tellLane(turn, { kind: 'planned', outcomes: input.outcomes }, input.ticket);
      return;
    case 'armed':
      if (turn.state.ending !== undefined) onKernelWhileEnding(turn, input.ticket);
      else tellLane(turn, { kind: 'armed', outcomes: input.outcomes }, input.ticket);
      // Nobody is left who would see its traps.
      if (turn.state.delve === 'gone' && input.outcomes.some(({ ok }) => ok))
        turn.emit({ kind: 'disarm', ticket: turn.ticket(), probes: [] });
      startCounting(turn);
      return;
    case 'disarmed':
      onLeft(turn, input.counters);
      if (turn.state.ending !== undefined) onKernelWhileEnding(turn, input.ticket);
      else tellLane(turn, { kind: 'disarmed', counters: input.counters }, input.ticket);
      return;
    case 'drained':
      onDrained(turn, input.ticket);
      onLossesDrained(turn, input.ticket);
      onListCounted(turn, input.ticket);
      releaseEnd(turn, input.ticket);
      return;
    case 'focused':
      tellLane(turn, { kind: 'focused' }, input.ticket);
      return;
    case 'text-compared':
      tellLane(turn, { kind: 'compared', changed: input.changed }, input.ticket);
      return;
    case 'text-mended':
      if (turn.state.ending !== undefined) onKernelWhileEnding(turn, input.ticket);
      else tellLane(turn, { kind: 'mended' }, input.ticket);
      return;
    case 'load-described':
      onLoadDescribed(turn, input.ticket, input.described);
      onLoadKnown(turn);
      return;
    case 'probe-events':
      onProbeEvents(turn, knownEvents(turn, input.events));
      return;
    case 'agent-closed':
      loseKernel(turn, input.reason);
      onAgentClosed(turn);
      releaseEnd(turn);
      onEndingDisarmed(turn);
      return;
    case 'signals-read':
      onSignalsRead(turn, input.trapPending, input.standing === true);
      return;
    case 'timer':
      onTimer(turn, input.name);
      return;
    case 'go-statements':
      onGoStatements(turn, input.ticket, input.statements);
      return;
    case 'target-found':
    case 'target-output':
    case 'target-ended':
    case 'halted':
      // Of a session without a debugger that did not come about.
      return;
  }
};

/** Events may overtake the answer that says whose they are, and so may the stop that they are about. */
const tellEarly = (turn: Turn): void => {
  if (isArming(turn.state.lane.active)) return;
  if (turn.state.losses.early.length > 0) onProbeEvents(turn, knownEvents(turn, []));
  onArmingOver(turn);
};

export const step = (state: SessionState, input: Input): StepResult => {
  const turn = new Turn(state);
  if (isShared(input)) takeShared(turn, input);
  else if (turn.state.probeOnly === undefined) takeWithDelve(turn, input);
  else takeProbeOnly(turn, input);
  if (turn.state.probeOnly === undefined) tellEarly(turn);
  runLane(turn);
  watchAgent(turn, state);
  if (keepMayDiffer(state, turn.state)) {
    const keep = keepStateOf(turn.state);
    if (JSON.stringify(keep) !== JSON.stringify(keepStateOf(state))) turn.emit({ kind: 'keep', state: keep });
  }
  return { state: turn.state, outputs: turn.outputs };
};
