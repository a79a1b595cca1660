/** What Delve sends: answers find their askers, events are passed on, a few are looked at first. */
import { errors } from '../errors.js';
import { withBpfScope } from './bpf/scope.js';
import { onAnswerWhileEnding, onLeaveAnswer, onStoppedWhileEnding, over } from './endings.js';
import { asException, giveUpException } from './exceptions/show.js';
import { asFollowed, onFollowAnswer } from './follow.js';
import { loseKernel, removeGates } from './gates.js';
import { clientBreakpoint } from './ids.js';
import { onInterrupted } from './interrupted.js';
import { onJudgeCondition, onJudgeStack } from './judge.js';
import { rememberFrames, withKernelScope } from './kernel-scope.js';
import { tellLane } from './lane.js';
import { onGreeting, onInitialized } from './launch.js';
import { leaveOutOutput, sayLosses } from './losses.js';
import { isDapMode } from './manners.js';
import {
  type Event,
  isResume,
  type Message,
  numberOf,
  objectOf,
  type Request,
  type Response,
  textOf,
} from './message.js';
import { forgetRemains } from './remains.js';
import { onRestartAnswer, restarted, restartFailed } from './restart.js';
import { resumeCommands } from './resume.js';
import { onSettleStop } from './settle.js';
import { withSnapshots } from './snapshots.js';
import type { Purpose } from './state/purpose.js';
import { onLoadCallers, onProof, onSettleAnswer, onSettleRefused, onStopped, onVerdict, releaseHeld } from './stops.js';
import { rememberTop } from './tops.js';
import { withOwnInstructions } from './true-text.js';
import type { Turn } from './turn.js';
import { refuseLaunch, refuseRest } from './unanswered.js';

/** Delve's error id for what it cannot do while the program runs (service/dap/error_ids.go, DebuggeeIsRunning). */
const debuggeeIsRunning = 4000;

/**
 * Delve answers before the program runs: the stop of an earlier resume that came meanwhile is over. One that it refuses
 * because the program runs leaves it running.
 */
const onResumeAnswer = (turn: Turn, response: Response): void => {
  const isRunning = response.success || objectOf(objectOf(response.body).error).id === debuggeeIsRunning;
  turn.target({ running: isRunning });
};

const onClientAnswer = (turn: Turn, request: Request, response: Response): void => {
  if (isResume(request)) onResumeAnswer(turn, response);
  else if (resumeCommands.has(request.command) && !response.success) turn.target({ running: false });
  if (request.command === 'restart') {
    onRestartAnswer(turn, response);
    if (!response.success) tellLane(turn, { kind: 'restarted' });
  }
  if (request.command === 'pause' && !response.success) turn.update({ pausing: false });
  rememberFrames(turn, request, response);
  rememberTop(turn, request, response);
  const shown = withBpfScope(
    turn.state,
    request,
    withKernelScope(turn.state, request, withOwnInstructions(turn.state, response)),
  );
  turn.toClient(withSnapshots(turn.state, { ...shown, request_seq: request.seq }));
};

const onPurpose = (turn: Turn, purpose: Purpose, response: Response): void => {
  switch (purpose.kind) {
    case 'client':
      onClientAnswer(turn, purpose.request, response);
      return;
    case 'greeting':
      onGreeting(turn, response);
      return;
    case 'lane':
      if (turn.state.ending === undefined) tellLane(turn, { kind: 'answer', response });
      return;
    case 'restarting':
      if (response.success) return;
      restartFailed(turn, response);
      tellLane(turn, { kind: 'restarted' });
      return;
    case 'planted':
      tellLane(turn, { kind: 'planted' });
      return;
    case 'finish-step': {
      const { command, seq } = purpose.request;
      onClientAnswer(turn, purpose.request, { ...response, command, request_seq: seq });
      return;
    }
    case 'silent-resume':
      return;
    case 'follow':
      onFollowAnswer(turn, purpose.request, response);
      return;
    case 'exception-pause':
      if (!response.success) giveUpException(turn);
      return;
    case 'prove-stack':
      onProof(turn, response);
      return;
    case 'judge-stack': {
      const verdict = onJudgeStack(turn, purpose.hit, response);
      if (verdict !== undefined) onVerdict(turn, purpose.hit, verdict.holds, verdict.text);
      return;
    }
    case 'load-callers':
      onLoadCallers(turn, purpose.hit, response);
      return;
    case 'judge-condition': {
      const verdict = onJudgeCondition(response);
      onVerdict(turn, purpose.hit, verdict.holds, verdict.text);
      return;
    }
    case 'settle-look':
      onSettleAnswer(turn, response);
      return;
    case 'settle-step':
      if (!response.success) onSettleRefused(turn);
      return;
    case 'leave':
      onLeaveAnswer(turn, purpose.step, response);
      return;
  }
};

const onResponse = (turn: Turn, response: Response): void => {
  const purpose = turn.state.pending.get(response.request_seq);
  if (purpose === undefined) return;
  // Delve answers `restart` and a few failures twice; the first answer is the one that counts.
  const pending = new Map(turn.state.pending);
  pending.delete(response.request_seq);
  turn.update({ pending });
  onPurpose(turn, purpose, response);
  onAnswerWhileEnding(turn);
};

/** The program is gone: so is everything that was in it. */
const onProgramEnd = (turn: Turn): void => {
  turn.target({ exited: true, running: false });
  sayLosses(turn);
  turn.emit({ kind: 'stop-timer', name: 'hit-without-stop' });
  releaseHeld(turn);
  giveUpException(turn);
  if (turn.state.gates.size > 0 && turn.state.ending === undefined)
    turn.emit({ kind: 'disarm', ticket: turn.ticket(), probes: [] });
  removeGates(turn, [...turn.state.gates.keys()]);
  forgetRemains(turn);
  turn.update({ hits: [], leftovers: new Map(), step: undefined });
  tellLane(turn, { kind: 'planted' });
};

/** What the probes saw last comes before the end that explains why there is no more. */
const holdEnd = (turn: Turn, event: Event): boolean => {
  const { heldEnd, kernel, gates } = turn.state;
  if (heldEnd !== undefined) {
    turn.update({ heldEnd: { ...heldEnd, events: [...heldEnd.events, event] } });
    return true;
  }
  if (kernel.state !== 'ready' || gates.size === 0) return false;
  const ticket = turn.ticket();
  turn.update({ heldEnd: { ticket, events: [event] } });
  turn.emit({ kind: 'drain', ticket });
  return true;
};

/** The kernel has nothing more to tell (or nobody is left to tell it). */
export const releaseEnd = (turn: Turn, ticket?: number): void => {
  const { heldEnd } = turn.state;
  if (heldEnd === undefined || (ticket !== undefined && ticket !== heldEnd.ticket)) return;
  turn.update({ heldEnd: undefined });
  for (const event of heldEnd.events) onEnd(turn, event);
};

const onEnd = (turn: Turn, event: Event): void => {
  onProgramEnd(turn);
  if (event.event === 'terminated') sayTerminated(turn, event);
  else if (isDapMode(turn.state)) turn.update({ heldExit: event });
  else turn.toClient(event);
};

/** dap-mode takes `exited` for the end and closes the connection: there it comes last. */
const sayTerminated = (turn: Turn, event: Event): void => {
  const { heldExit } = turn.state;
  turn.update({ terminated: true, heldExit: undefined });
  turn.toClient(event);
  if (heldExit !== undefined) turn.toClient(heldExit);
};

const onBreakpointEvent = (turn: Turn, event: Event): void => {
  const body = objectOf(event.body);
  const breakpoint = objectOf(body.breakpoint);
  const delveId = numberOf(breakpoint.id);
  if (delveId === undefined) {
    turn.toClient(event);
    return;
  }
  const [ids, id] = clientBreakpoint(turn.state.ids, delveId);
  turn.update({ ids });
  turn.toClient({ ...event, body: { ...body, breakpoint: { ...breakpoint, id } } });
};

const onEvent = (turn: Turn, event: Event): void => {
  const ending = turn.state.ending !== undefined;
  switch (event.event) {
    case 'initialized':
      turn.target({ exited: false });
      restarted(turn);
      tellLane(turn, { kind: 'restarted' });
      onInitialized(turn);
      turn.toClient(event);
      return;
    case 'process': {
      // Later ones are children that Delve follows; gates are for the first.
      const pid = numberOf(objectOf(event.body).systemProcessId);
      if (turn.state.target.pid === undefined || turn.state.target.exited) turn.target({ pid });
      turn.toClient(event);
      return;
    }
    case 'stopped':
      if (ending) {
        onStoppedWhileEnding(turn, event);
        return;
      }
      if (turn.state.held?.stage.kind === 'settling') {
        onSettleStop(turn);
        return;
      }
      onStopped(turn, asFollowed(turn, asException(turn, event)));
      tellLane(turn, { kind: 'planted' });
      return;
    case 'continued': {
      // Delve announces every step; ours that repeat one are nobody's business.
      const ours = [...turn.state.pending.values()].some(
        ({ kind }) => kind === 'silent-resume' || kind === 'settle-step',
      );
      if (!ours) turn.toClient(event);
      return;
    }
    case 'breakpoint':
      onBreakpointEvent(turn, event);
      return;
    case 'output':
      if (onInterrupted(turn, event)) return;
      if (!leaveOutOutput(turn, textOf(objectOf(event.body).output) ?? '')) turn.toClient(event);
      return;
    case 'exited':
    case 'terminated':
      if (!holdEnd(turn, event)) onEnd(turn, event);
      return;
    default:
      turn.toClient(event);
  }
};

export const onDelveMessage = (turn: Turn, message: Message): void => {
  switch (message.type) {
    case 'response':
      onResponse(turn, message);
      return;
    case 'event':
      onEvent(turn, message);
      return;
    case 'request': {
      const seq = turn.state.ids.clientSeq + 1;
      turn.update({ reverse: new Map(turn.state.reverse).set(seq, message.seq) });
      turn.toClient(message);
      return;
    }
  }
};

const delveGone = errors.delveGone();

/** The connection to Delve is closed: its own end, or the end that we asked for. */
export const onDelveClosed = (turn: Turn): void => {
  const { ending, delve } = turn.state;
  if (delve === 'gone') return;
  releaseEnd(turn);
  refuseLaunch(turn, ending === undefined ? delveGone : errors.sessionEnding());
  turn.update({ delve: 'gone' });
  if (ending !== undefined) {
    over(turn);
    return;
  }
  // Also what is in no book yet.
  if (turn.state.kernel.state === 'ready') turn.emit({ kind: 'disarm', ticket: turn.ticket(), probes: [] });
  releaseHeld(turn);
  turn.target({ exited: true, running: false });
  loseKernel(turn, 'Delve has ended.');
  refuseRest(turn, delveGone);
  if (!turn.state.terminated) {
    turn.say(delveGone.message, 'stderr');
    sayTerminated(turn, { seq: 0, type: 'event', event: 'terminated' });
  }
};
