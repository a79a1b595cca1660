/** Everything that sets the program going: configurationDone, continue, steps. */
import { askAhead, forgetAhead, onJudged, onStanding } from './ahead.js';
import { anyStops } from './gates.js';
import { lendForStep, notePlanted, takeBack } from './hand-over.js';
import type { LaneNews, LaneProgress } from './lane-news.js';
import { isInstructionStep, numberOf, objectOf, type Request, stringOf } from './message.js';
import type { Focus } from './output.js';
import { passOver } from './passed.js';
import { behindMending, isInDoubt } from './remains.js';
import { markRunning } from './silent.js';
import type { LaneWork } from './state/lane-work.js';
import type { SessionState } from './state/state.js';
import { showWaiting } from './stops.js';
import type { Turn } from './turn.js';

type ResumeWork = LaneWork & { readonly kind: 'resume' };

const stepCommands = new Set(['next', 'stepIn', 'stepOut', 'stepBack']);
export const resumeCommands: ReadonlySet<string> = new Set([
  'configurationDone',
  'continue',
  'reverseContinue',
  ...stepCommands,
]);

/**
 * Delve plants a step's breakpoints and tells nobody when it has; a step over a long call may run for hours. Meanwhile
 * nothing is armed. But it reads no further request before the program runs (service/dap/server.go, resumeRequestLoop;
 * ResumeNotify), so the answer to any other says so: here to one that costs nothing, whose frame there is not.
 */
const askPlanted = (turn: Turn): void => turn.toDelve('scopes', { frameId: 0 }, { kind: 'planted' });

const threadOf = (request: Request): number | undefined => numberOf(objectOf(request.arguments).threadId);

/** Whom the person resumes; Delve resumes everybody, and what others stop at is passed over. */
const onlyFor = (turn: Turn, request: Request): number | undefined => {
  if (objectOf(request.arguments).singleThread === true) return threadOf(request);
  return turn.state.kernel.scope === 'process' ? undefined : turn.state.kernel.scope;
};

/** Which goroutine alone may make gates fire while this request runs; undefined = all. */
const focusFor = (turn: Turn, request: Request): number | undefined => {
  const stepsAlone = turn.state.launch?.steps !== 'process' && stepCommands.has(request.command);
  return stepsAlone ? threadOf(request) : onlyFor(turn, request);
};

/** `call f(2)` in the console: Delve resumes the program for it, and shows no stop of ours meanwhile. */
export const isCall = (request: Request): boolean =>
  request.command === 'evaluate' && /^\s*call\s+\S/.test(stringOf(objectOf(request.arguments).expression) ?? '');

/** What an injected call passed was the person's own doing. */
const forgetPassed = (turn: Turn): void => {
  const gates = new Map(turn.state.gates);
  for (const gate of gates.values()) gates.set(gate.probe, { ...gate, passed: 0 });
  turn.update({ gates });
};

const setFocus = (turn: Turn, work: ResumeWork, focus: Focus): LaneProgress => {
  const { kernel } = turn.state;
  if (kernel.state !== 'ready' || focus === kernel.focus) return send(turn, work);
  turn.emit({ kind: 'focus', ticket: turn.laneTicket(), goroutine: focus });
  turn.kernel({ focus });
  return { ...work, stage: 'focusing' };
};

const begin = (turn: Turn, work: ResumeWork): LaneProgress => {
  const { request } = work;
  if (isCall(request)) return setFocus(turn, work, 'nobody');
  if (stepCommands.has(request.command) && lendForStep(turn, request)) return undefined;
  const wanted = focusFor(turn, request);
  const focus = anyStops(turn) ? wanted : undefined;
  if (focus !== undefined) passOver(turn, focus);
  if (request.command === 'continue' && turn.state.hits.length > 0 && turn.state.held === undefined) {
    turn.answer(request, { allThreadsContinued: true });
    showWaiting(turn);
    return undefined;
  }
  if (stepCommands.has(request.command)) passOver(turn, undefined);
  else if (request.command === 'continue' && work.stage === 'new' && takeBack(turn, request)) return undefined;
  if (focus !== undefined) forgetAhead(turn, focus);
  return askAhead(turn, work) ?? goOn(turn, work);
};

/** Nothing is left to be asked. */
const goOn = (turn: Turn, work: ResumeWork): LaneProgress =>
  setFocus(turn, work, anyStops(turn) ? focusFor(turn, work.request) : undefined);

const isRest = (interrupted: SessionState['interrupted'], request: Request): boolean =>
  interrupted?.resumable === true &&
  interrupted.goroutine === threadOf(request) &&
  interrupted.request.command === request.command &&
  !isInstructionStep(request);

const isSetAgain = (work: LaneWork): boolean => work.kind === 'set' && work.request === undefined;

const send = (turn: Turn, work: ResumeWork): LaneProgress => {
  const { request } = work;
  // Delve writes for a step and for a call, and is to have what was the kernel's before anything runs.
  if (isInDoubt(turn.state)) return behindMending(turn, { kind: 'resume', request, stage: 'new' }, isSetAgain);
  if (isCall(request)) {
    turn.toDelve(request.command, request.arguments, { kind: 'lane' });
    return { ...work, stage: 'calling' };
  }
  const goroutine = threadOf(request);
  const isStep = stepCommands.has(request.command);
  turn.update({
    step: isStep && goroutine !== undefined ? { request, goroutine } : undefined,
    only: onlyFor(turn, request),
  });
  if (isStep) notePlanted(turn, goroutine ?? 0, request);
  const { interrupted } = turn.state;
  markRunning(turn);
  // Delve goes on with a step that was cut short when it is told to continue, and refuses to begin another.
  if (isStep && isRest(interrupted, request))
    turn.toDelve('continue', request.arguments, { kind: 'finish-step', request });
  else turn.forward(request);
  if (!isStep || turn.state.gates.size + turn.state.handOver.lent.size === 0) return undefined;
  askPlanted(turn);
  return { ...work, stage: 'planting' };
};

export const advanceResume = (turn: Turn, work: ResumeWork, news: LaneNews): LaneProgress => {
  switch (work.stage) {
    case 'new':
    case 'returned':
      return news.kind === 'go' ? begin(turn, work) : work;
    case 'standing':
      return news.kind === 'answer' ? (onStanding(turn, work, news.response) ?? goOn(turn, work)) : work;
    case 'judging':
      if (news.kind !== 'answer') return work;
      onJudged(turn, work, news.response);
      return goOn(turn, work);
    case 'focusing':
      return news.kind === 'focused' ? send(turn, work) : work;
    case 'planting':
      return news.kind === 'planted' ? undefined : work;
    case 'calling':
      if (news.kind !== 'answer') return work;
      forgetPassed(turn);
      turn.toClient({ ...news.response, request_seq: work.request.seq });
      return undefined;
  }
};
