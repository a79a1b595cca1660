/**
 * Leaving. Always: gates out of the kernel before Delve lets go. A target that lives on is left in an order that does
 * not kill it (measured: Delve alone loses a hot target when it disconnects while running): Delve's breakpoints are
 * cleared, the program is paused, and no SIGTRAP may be waiting for a thread when Delve detaches.
 */
import { errors } from '../errors.js';
import { removeGates } from './gates.js';
import { type Event, isResume, objectOf, type Request, type Response, textOf } from './message.js';
import type { LaneWork } from './state/lane-work.js';
import type { Purpose } from './state/purpose.js';
import type { Ending } from './state/state.js';
import type { Turn } from './turn.js';
import { clearLane, isSent, refuseLaunch, refuseRest, requestOf } from './unanswered.js';
import { functionsGroup, pathOfGroup } from './wants.js';

/** One step of leaving; then the connection is cut and Delve left to itself. */
const deadlineMs = 8_000;

/**
 * Taking the gates out: some 20 ms for each, on a busy machine many times that. Delve that is left to itself before the
 * last of them is out kills the program. After the first time the person is told, after the second the agent is killed,
 * and the kernel takes out what is left; the third is for an agent that cannot be killed from here.
 */
const agentSilentMs = 2_000;

const agentLostMs = 8_000;

const disarmingMs = 60_000;

/** Rounds of continue and pause to get rid of pending traps; ten of ten targets needed at most two. */
const roundLimit = 8;

/**
 * A trap that waits for its thread reaches it as soon as that runs. A pause before that sends another one, and the first
 * satisfies it: so nobody is paused while one is waiting, for a second at the most.
 */
const lookMs = 20;

const lookLimit = 50;

const set = (turn: Turn, change: Partial<Ending>): void => {
  const { ending } = turn.state;
  if (ending === undefined) return;
  turn.update({ ending: { ...ending, ...change } });
  // A busy machine is slow, not stuck: letting go of Delve halfway kills the program that was to live on.
  if (change.stage !== undefined && change.stage !== 'over') startDeadline(turn);
};

const startDeadline = (turn: Turn): void => {
  const { ending, target } = turn.state;
  const mayKill = ending?.terminateTarget === true || target.exited;
  const disarming = ending?.stage === 'quiet' || ending?.stage === 'disarming';
  turn.emit({ kind: 'start-timer', name: 'ending', milliseconds: disarming && !mayKill ? disarmingMs : deadlineMs });
  if (ending === undefined || !awaitsAgent(turn)) return;
  const milliseconds = ending.awaited === 0 ? agentSilentMs : agentLostMs - agentSilentMs;
  turn.emit({ kind: 'start-timer', name: 'agent-silent', milliseconds: mayKill ? agentSilentMs : milliseconds });
};

const awaitsAgent = ({ state: { ending, lane } }: Turn): boolean =>
  ending?.stage === 'disarming' || (ending?.stage === 'quiet' && writesKernel(lane.active));

export const agentIsSilent = 'The probe agent does not answer: it is ended, and the kernel takes the probes out.';

/** `awaited`: how often the agent's silence has been noticed. */
export const onAgentSilent = (turn: Turn): void => {
  const { ending } = turn.state;
  if (ending === undefined || !awaitsAgent(turn)) return;
  if (ending.awaited > 0) {
    turn.emit({ kind: 'end-agent' });
    return;
  }
  turn.say(agentIsSilent, 'stderr');
  set(turn, { stage: ending.stage, awaited: 1 });
};

export const beginEnding = (turn: Turn, cause: Ending['cause'], request: Request | undefined): void => {
  const { ending, delve, launch, target } = turn.state;
  if (ending !== undefined) {
    // A second one (terminate, then disconnect): it is answered when all is over.
    if (request !== undefined) {
      if (ending.stage === 'over') turn.answer(request);
      else if (ending.request === undefined) set(turn, { request });
      else turn.answer(request);
      if (ending.stage === 'over' && request.command === 'disconnect') turn.emit({ kind: 'finish' });
    } else if (ending.stage === 'over') turn.emit({ kind: 'finish' });
    // Answered or not, it is the client's last word: nobody is waited for when all is over.
    const leaves = cause === 'client-closed' || request?.command === 'disconnect';
    turn.update({ client: { ...turn.state.client, closed: turn.state.client.closed || leaves } });
    return;
  }
  const args = objectOf(request?.arguments);
  const terminateTarget = cause === 'terminate' || args.terminateDebuggee === true || launch?.live !== true;
  turn.update({
    client: { ...turn.state.client, closed: cause === 'client-closed' },
    ending: { cause, request, terminateTarget, stage: 'quiet', awaited: 0, rounds: 0 },
    held: undefined,
    step: undefined,
    stepCut: turn.state.stepCut || turn.state.step !== undefined,
    hits: [],
  });
  clearLane(turn);
  if (delve !== 'ready') {
    over(turn);
    return;
  }
  startDeadline(turn);
  if (target.exited) leave(turn);
  else quiet(turn);
};

/** The kernel is being written to on this work's account. */
export const writesKernel = (work: LaneWork | undefined): boolean => {
  switch (work?.kind) {
    case 'set':
      return ['arming', 'disarming', 'undoing'].includes(work.stage.kind);
    case 'add-probe':
      return work.stage === 'arming' || work.stage === 'giving-up';
    case 'mend':
      return work.stage === 'mending';
    case 'remove-probe':
    case 'restart':
    case 'follow':
      return work.stage === 'disarming';
    case 'watch':
      return work.stage === 'disarming' || work.stage === 'arming';
    default:
      return false;
  }
};

/** Waits for an answer that is on its way: the kernel must not write while Delve does, nor arm after the last disarm. */
const quiet = (turn: Turn): void => {
  const { active } = turn.state.lane;
  const delveWrites = [...turn.state.pending.values()].some((purpose) => purpose.kind === 'lane');
  if (!delveWrites && !writesKernel(active)) takeOut(turn);
};

const takeOut = (turn: Turn): void => {
  const { active } = turn.state.lane;
  const request = active === undefined ? undefined : requestOf(active);
  if (request !== undefined && !isSent(active)) turn.refuse(request, errors.sessionEnding());
  turn.update({ lane: { active: undefined, ticket: undefined, queue: [] } });
  removeGates(turn, [...turn.state.gates.keys()]);
  if (turn.state.kernel.state !== 'ready') {
    afterGates(turn);
    return;
  }
  set(turn, { stage: 'disarming', awaited: 0 });
  // No list: everything of this session.
  turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes: [] });
};

/** Armed or disarmed, asked for before the end began or by it. */
export const onKernelWhileEnding = (turn: Turn, ticket: number): void => {
  const { ending, lane } = turn.state;
  if (ticket !== lane.ticket) return;
  if (ending?.stage === 'quiet') takeOut(turn);
  else onEndingDisarmed(turn);
};

export const onEndingDisarmed = (turn: Turn): void => {
  if (turn.state.ending?.stage === 'disarming') afterGates(turn);
};

const afterGates = (turn: Turn): void => {
  const { ending } = turn.state;
  if (ending === undefined) return;
  if (ending.terminateTarget || turn.state.target.exited) leave(turn);
  else clearBreakpoints(turn);
};

const clearBreakpoints = (turn: Turn): void => {
  let awaited = 0;
  const send = (command: string, args: unknown): void => {
    turn.toDelve(command, args, { kind: 'leave', step: 'clear' });
    awaited += 1;
  };
  for (const group of turn.state.groups.values()) {
    if (!group.placed.some((placed) => placed.home === 'delve')) continue;
    const path = pathOfGroup(group.key);
    if (group.key === functionsGroup) send('setFunctionBreakpoints', { breakpoints: [] });
    else if (path !== undefined) send('setBreakpoints', { ...group.base, breakpoints: [] });
  }
  if (turn.state.instructions.length > 0 || turn.state.stepping.follow !== undefined)
    send('setInstructionBreakpoints', { breakpoints: [] });
  set(turn, { stage: 'clearing', awaited });
  if (awaited === 0) pauseFirst(turn);
};

const isPause = (purpose: Purpose): boolean =>
  purpose.kind === 'exception-pause' || (purpose.kind === 'client' && purpose.request.command === 'pause');

/** `awaited` while pausing: whether a pause of our own has been sent. */
const pause = (turn: Turn): void => {
  set(turn, { stage: 'pausing', awaited: 1 });
  turn.toDelve('pause', { threadId: turn.state.target.goroutine ?? 1 }, { kind: 'leave', step: 'pause' });
};

/**
 * The program stands still. While a pause has no answer Delve may be about to send its SIGTRAP, although the program has
 * stopped for another reason meanwhile; behind the answer it has been sent, and is seen where it waits. One of the
 * client's may never be answered (onPauseRequest, CancelDownloads), but one behind it is, and does nothing to a program
 * that stands still.
 */
const onStill = (turn: Turn): void => {
  const open = [...turn.state.pending.values()];
  if (open.some((purpose) => purpose.kind === 'leave' && purpose.step === 'pause')) set(turn, { stage: 'pausing' });
  // It has stopped for an earlier one, and Delve is about to let it run again.
  else if (open.some((purpose) => purpose.kind === 'client' && isResume(purpose.request)))
    set(turn, { stage: 'pausing', awaited: 0 });
  else if (turn.state.ending?.stage !== 'pausing' && open.some(isPause)) pause(turn);
  else readSignals(turn);
};

const pauseFirst = (turn: Turn): void => {
  if (turn.state.target.running) pause(turn);
  else onStill(turn);
};

const readSignals = (turn: Turn): void => {
  const pid = turn.state.target.pid ?? turn.state.launch?.pid;
  const { ending } = turn.state;
  if (pid === undefined || ending === undefined || ending.rounds >= roundLimit) {
    leave(turn);
    return;
  }
  set(turn, { stage: 'signals' });
  turn.emit({ kind: 'read-signals', ticket: turn.laneTicket(), pid });
};

const readAgain = (turn: Turn): void => {
  const pid = turn.state.target.pid ?? turn.state.launch?.pid;
  if (pid === undefined) pauseFirst(turn);
  else turn.emit({ kind: 'read-signals', ticket: turn.laneTicket(), pid });
};

export const lookAgain = (turn: Turn): void => {
  if (turn.state.ending?.stage === 'shaking') readAgain(turn);
};

const onSignalsWhileShaking = (turn: Turn, isAtRest: boolean): void => {
  const { awaited = 0 } = turn.state.ending ?? {};
  if (isAtRest || awaited === 0) {
    pauseFirst(turn);
    return;
  }
  set(turn, { awaited: awaited - 1 });
  turn.emit({ kind: 'start-timer', name: 'shaken', milliseconds: lookMs });
};

/**
 * While a program is being shaken a trap that has left the signals is not over yet: the thread that took it stands until
 * Delve has looked at it and lets the program run on. A pause before that is satisfied by it, and leaves another trap.
 */
export const onSignalsRead = (turn: Turn, trapPending: boolean, standing: boolean): void => {
  const { ending } = turn.state;
  if (ending?.stage === 'shaking') onSignalsWhileShaking(turn, !trapPending && !standing);
  if (ending?.stage !== 'signals') return;
  if (!trapPending && !turn.state.stepCut) {
    leave(turn);
    return;
  }
  set(turn, { stage: 'shaking', rounds: ending.rounds + 1, awaited: lookLimit });
  turn.target({ running: true });
  turn.toDelve('continue', { threadId: turn.state.target.goroutine ?? 1 }, { kind: 'leave', step: 'continue' });
};

const leave = (turn: Turn): void => {
  const { ending } = turn.state;
  if (ending === undefined) return;
  set(turn, { stage: 'leaving' });
  const own = ending.request?.command === 'disconnect' ? objectOf(ending.request.arguments) : {};
  const args = ending.cause === 'terminate' ? { ...own, terminateDebuggee: true } : own;
  turn.toDelve('disconnect', args, { kind: 'leave', step: 'disconnect' });
};

/**
 * A stop while leaving is never shown. Delve forgets its breakpoints of a step that was cut short when it lets go of the
 * program (target_group.go, detachTarget: ClearBreakpoint knows a person's only), and they kill it; a pause takes them out.
 */
export const onStoppedWhileEnding = (turn: Turn, event: Event): void => {
  turn.target({ running: false });
  const reason = textOf(objectOf(event.body).reason);
  if (reason === 'pause' || reason === 'step') turn.update({ stepCut: false });
  const stage = turn.state.ending?.stage;
  if (stage === 'pausing' || stage === 'shaking') onStill(turn);
};

export const onLeaveAnswer = (
  turn: Turn,
  step: 'clear' | 'pause' | 'continue' | 'disconnect',
  response: Response,
): void => {
  const { ending } = turn.state;
  if (ending === undefined) return;
  switch (step) {
    case 'clear': {
      const awaited = ending.awaited - 1;
      set(turn, { awaited });
      if (awaited === 0 && ending.stage === 'clearing') pauseFirst(turn);
      return;
    }
    case 'pause':
      // A program that ended meanwhile cannot be paused.
      if (!response.success) leave(turn);
      return;
    case 'continue':
      // The traps arrive while it runs; the pause ends the round.
      if (ending.stage === 'shaking') readAgain(turn);
      return;
    case 'disconnect': {
      const { request } = ending;
      if (request?.command === 'disconnect') turn.toClient({ ...response, request_seq: request.seq });
      else if (request !== undefined) turn.answer(request);
      set(turn, { request: undefined });
      return;
    }
  }
};

/** An answer of Delve came in: what waited for quiet may go on, and a resume that failed will bring no stop. */
export const onAnswerWhileEnding = (turn: Turn): void => {
  const { stage, awaited } = turn.state.ending ?? {};
  if (stage === 'quiet') quiet(turn);
  if (stage !== 'pausing') return;
  if (!turn.state.target.running) onStill(turn);
  else if (awaited === 0) pause(turn);
};

/** Delve is gone, wished or not. */
export const over = (turn: Turn): void => {
  const { ending, client } = turn.state;
  if (ending === undefined || ending.stage === 'over') return;
  refuseRest(turn, errors.sessionEnding());
  refuseLaunch(turn, errors.sessionEnding());
  if (ending.request !== undefined) turn.answer(ending.request);
  set(turn, { stage: 'over', request: undefined });
  turn.emit({ kind: 'stop-timer', name: 'ending' });
  // After `terminate` the client still sends `disconnect`, or closes; both end it.
  const waits = ending.cause === 'terminate' || ending.cause === 'given-up';
  const leaving = !waits || client.closed || ending.request?.command === 'disconnect';
  if (leaving) turn.emit({ kind: 'finish' });
};

export const onEndingDeadline = (turn: Turn): void => {
  const { ending } = turn.state;
  if (ending === undefined || ending.stage === 'over') return;
  turn.emit({ kind: 'close-delve' });
  over(turn);
};
