/** Leaving a program that nobody traces: probes out, the program continued, and ended only when it was asked for. */
import { errors } from '../../errors.js';
import { agentIsSilent } from '../endings.js';
import { removeGates } from '../gates.js';
import { sayLosses } from '../losses.js';
import { isDapMode } from '../manners.js';
import { objectOf, type Request } from '../message.js';
import type { Leaving } from '../state/probe-only.js';
import type { Turn } from '../turn.js';
import { refuseRest } from '../unanswered.js';
import { set } from './state.js';

/** An agent or a program that hangs must not keep the client. The shell ends what is left. */
const deadlineMs = 8_000;
const silentMs = 3_000;

const change = (turn: Turn, difference: Partial<Leaving>): void => {
  const leaving = turn.state.probeOnly?.leaving;
  if (leaving !== undefined) set(turn, { leaving: { ...leaving, ...difference } });
};

/** `request`: `disconnect` or `terminate`; undefined: the client is gone. */
export const leave = (turn: Turn, request: Request | undefined): void => {
  const { probeOnly } = turn.state;
  if (probeOnly === undefined) return;
  const requests = request === undefined ? [] : [request];
  const last = request?.command !== 'terminate';
  const { leaving } = probeOnly;
  if (leaving !== undefined) {
    change(turn, { requests: [...leaving.requests, ...requests], last: leaving.last || last });
    if (leaving.stage === 'over') finish(turn);
    return;
  }
  const wish = objectOf(request?.arguments).terminateDebuggee;
  const terminate = request?.command === 'terminate' || (typeof wish === 'boolean' ? wish : probeOnly.started);
  set(turn, { leaving: { requests, terminate, stage: 'disarming', last }, hits: [] });
  refuseRest(turn, errors.sessionEnding());
  if (probeOnly.phase.kind === 'opening') {
    turn.refuse(probeOnly.request, errors.sessionEnding());
    over(turn);
    return;
  }
  turn.emit({ kind: 'start-timer', name: 'ending', milliseconds: deadlineMs });
  turn.emit({ kind: 'start-timer', name: 'agent-silent', milliseconds: silentMs });
  removeGates(turn, [...turn.state.gates.keys()]);
  // No list: everything of this session; with it goes what held the program.
  turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes: [] });
};

export const onOut = (turn: Turn, ticket: number): void => {
  const { probeOnly, lane, target } = turn.state;
  if (probeOnly?.leaving?.stage !== 'disarming' || ticket !== lane.ticket) return;
  if (!probeOnly.leaving.terminate || target.exited) {
    over(turn);
    return;
  }
  change(turn, { stage: 'ending' });
  turn.emit({ kind: 'end-target' });
};

export const onSilentAgent = (turn: Turn): void => {
  if (turn.state.probeOnly?.leaving?.stage !== 'disarming') return;
  turn.say(agentIsSilent, 'stderr');
  turn.emit({ kind: 'end-agent' });
};

/** Done, or given up. */
export const over = (turn: Turn): void => {
  const stage = turn.state.probeOnly?.leaving?.stage;
  if (stage === undefined || stage === 'over') return;
  turn.emit({ kind: 'stop-timer', name: 'ending' });
  change(turn, { stage: 'over' });
  if (!turn.state.terminated) {
    turn.update({ terminated: true });
    turn.event('terminated');
  }
  finish(turn);
};

const finish = (turn: Turn): void => {
  const leaving = turn.state.probeOnly?.leaving;
  if (leaving === undefined) return;
  for (const request of leaving.requests) turn.answer(request);
  change(turn, { requests: [] });
  // After `terminate` the client still sends `disconnect`, or closes; both end it.
  if (leaving.last) turn.emit({ kind: 'finish' });
};

/** `code`: undefined where nobody knows it, as of a program that was there before. */
export const onTargetEnded = (turn: Turn, code: number | undefined): void => {
  const { probeOnly } = turn.state;
  if (probeOnly === undefined || probeOnly.phase.kind === 'ended') return;
  turn.target({ exited: true, running: false });
  if (probeOnly.phase.kind === 'opening') return;
  const ticket = turn.ticket();
  set(turn, { phase: { kind: 'ended', ticket, code }, hits: [] });
  // What the probes saw last comes before the end that explains why there is no more.
  turn.emit({ kind: 'drain', ticket });
};

export const onLastEvents = (turn: Turn, ticket: number): void => {
  const { probeOnly } = turn.state;
  if (probeOnly?.phase.kind !== 'ended' || probeOnly.phase.ticket !== ticket) return;
  const { code, ...phase } = probeOnly.phase;
  set(turn, { phase: { ...phase, code, ticket: undefined } });
  sayLosses(turn);
  if (probeOnly.leaving === undefined) turn.emit({ kind: 'disarm', ticket: turn.ticket(), probes: [] });
  removeGates(turn, [...turn.state.gates.keys()]);
  const exited = (): void => {
    if (code !== undefined) turn.event('exited', { exitCode: code });
  };
  // dap-mode takes `exited` for the end and closes the connection: there it comes last.
  if (!isDapMode(turn.state)) exited();
  if (!turn.state.terminated) {
    turn.update({ terminated: true });
    turn.event('terminated');
  }
  if (isDapMode(turn.state)) exited();
  if (probeOnly.leaving?.stage === 'ending') over(turn);
};
