/** Every input of a session without a debugger. */

import type { DescribedLoad, ProbeEvent } from '@probelens/probes';
import { onLoadDescribed, sayAwaited } from '../bpf/scope.js';
import { onListCounted } from '../console.js';
import { onProbeEvents } from '../events.js';
import { removeGates } from '../gates.js';
import { tellLane } from '../lane.js';
import { countAgain, isArming, leaveOutOutput, onLeft, startCounting } from '../losses.js';
import type { TimerName } from '../output.js';
import type { OwnInput } from '../shared-input.js';
import type { Turn } from '../turn.js';
import { onOpened, onTargetFound, onUnavailable } from './begin.js';
import { onAgentLost, onHalted, onStray, onTrapped } from './halt.js';
import { leave, onLastEvents, onOut, onSilentAgent, onTargetEnded, over } from './leave.js';
import { onProbeOnlyRequest } from './requests.js';
import { set } from './state.js';

const onAgentClosed = (turn: Turn, reason: string): void => {
  const gates = [...turn.state.gates.values()];
  removeGates(turn, [...turn.state.gates.keys()]);
  turn.kernel({ state: 'unavailable', reason });
  const asked = new Map(turn.state.asked);
  for (const [id, probe] of asked) asked.set(id, { ...probe, state: 'gone', probe: undefined, message: reason });
  turn.update({ asked });
  if (turn.state.probeOnly?.leaving === undefined && !turn.state.target.exited) onAgentLost(turn, reason, gates);
};

/**
 * Events may overtake the answer that says whose they are. What is nobody's then is of a probe that was just taken out:
 * the program may stand still because of it.
 */
const onEvents = (turn: Turn, events: readonly ProbeEvent[]): void => {
  const { probeOnly, gates, lane } = turn.state;
  if (probeOnly === undefined) return;
  const all = [...probeOnly.early, ...events];
  const unknown = all.filter(({ probe }) => !gates.has(probe));
  const arming = isArming(lane.active);
  set(turn, { early: arming ? unknown : [] });
  onProbeEvents(turn, all, (gate, event) => onTrapped(turn, { gate, event }));
  if (!arming && unknown.some(({ trapped }) => trapped)) onStray(turn);
};

const onTimer = (turn: Turn, name: TimerName): void => {
  if (name === 'count') countAgain(turn);
  if (name === 'ending') over(turn);
  if (name === 'agent-silent') onSilentAgent(turn);
};

/** What the program halted before, or what it was asked to be loaded once more for. */
const onReadBefore = (turn: Turn, ticket: number, described: DescribedLoad | undefined): void => {
  const waited = turn.state.bpf.before?.load === undefined;
  onLoadDescribed(turn, ticket, described);
  if (waited) sayAwaited(turn);
};

const takeKernel = (turn: Turn, input: OwnInput): void => {
  switch (input.kind) {
    case 'kernel-opened':
      onOpened(turn);
      tellLane(turn, { kind: 'go' });
      return;
    case 'kernel-unavailable':
      onUnavailable(turn, input.reason);
      return;
    case 'planned':
      tellLane(turn, { kind: 'planned', outcomes: input.outcomes }, input.ticket);
      return;
    case 'armed':
      tellLane(turn, { kind: 'armed', outcomes: input.outcomes }, input.ticket);
      onEvents(turn, []);
      startCounting(turn);
      return;
    case 'disarmed':
      onLeft(turn, input.counters);
      if (turn.state.probeOnly?.leaving !== undefined) onOut(turn, input.ticket);
      else tellLane(turn, { kind: 'disarmed', counters: input.counters }, input.ticket);
      return;
    case 'drained':
      onLastEvents(turn, input.ticket);
      onListCounted(turn, input.ticket);
      return;
    case 'load-described':
      onReadBefore(turn, input.ticket, input.described);
      return;
    case 'probe-events':
      onEvents(turn, input.events);
      return;
    case 'agent-closed':
      onAgentClosed(turn, input.reason);
      return;
    default:
      return;
  }
};

export const takeProbeOnly = (turn: Turn, input: OwnInput): void => {
  switch (input.kind) {
    case 'client-message':
      if (input.message.type === 'request') onProbeOnlyRequest(turn, input.message);
      return;
    case 'client-closed':
      leave(turn, undefined);
      return;
    case 'target-found':
      onTargetFound(turn, input.pid);
      return;
    case 'target-output':
      if (!leaveOutOutput(turn, input.text)) turn.event('output', { category: input.category, output: input.text });
      return;
    case 'target-ended':
      onTargetEnded(turn, input.code);
      return;
    case 'halted':
      onHalted(turn, input.ticket, input.state);
      return;
    case 'timer':
      onTimer(turn, input.name);
      return;
    case 'delve-message':
      // Words of the shells for the person come this way.
      if (input.message.type === 'event') turn.toClient(input.message);
      return;
    default:
      takeKernel(turn, input);
  }
};
