/** What the client sends. A command without a case here is Delve's and passes as it came. */
import { errors } from '../errors.js';
import { changeBpf } from './bpf/calls.js';
import { onPauseAtNextLoad, onVerifierSummary, wantedFilters } from './bpf/console.js';
import { onBpfDisassemble, onBpfVariables, onShownLoad } from './bpf/scope.js';
import { onInitialize } from './capabilities.js';
import { onCompletions, onEvaluate } from './console.js';
import { beginEnding } from './endings.js';
import { filterNames } from './exceptions/answers.js';
import { onExceptionInfo } from './exceptions/show.js';
import { splitFilters, watchFilters } from './exceptions/watch.js';
import { onStepInTargets, targetOf } from './follow.js';
import { anyStops } from './gates.js';
import { onKernelVariables } from './kernel-scope.js';
import { onLaunch } from './launch.js';
import { listOf, type Message, objectOf, type Request } from './message.js';
import { onMomentEvaluate, onMomentScopes, onMomentVariables } from './moment-values.js';
import { isCall, resumeCommands } from './resume.js';
import { setWork } from './set-breakpoints.js';
import { misshapen } from './shape.js';
import { onSnapshotStack, onSnapshotsRequest } from './snapshots.js';
import { onTimelineRequest } from './timeline.js';
import type { Turn } from './turn.js';

/** Delve writes to the program's text while it answers these. */
const writing = new Set(['setInstructionBreakpoints', 'setDataBreakpoints', 'setExceptionBreakpoints']);

/** Delve is not there yet, or not any more. */
const withoutDelve = (turn: Turn, request: Request): boolean => {
  switch (turn.state.delve) {
    case 'ready':
      return false;
    case 'starting':
    case 'greeting':
      turn.update({ backlog: [...turn.state.backlog, request] });
      return true;
    case 'none':
      turn.refuse(request, errors.notPrepared());
      return true;
    case 'gone':
      turn.refuse(request, errors.delveGone());
      return true;
  }
};

/** Frames, scopes and values of a snapshot: Delve knows nothing of them. */
const onMoment = (turn: Turn, request: Request): boolean => {
  switch (request.command) {
    case 'stackTrace':
      return onSnapshotStack(turn, request);
    case 'scopes':
      return onMomentScopes(turn, request);
    case 'variables':
      return onMomentVariables(turn, request);
    case 'evaluate':
      return onMomentEvaluate(turn, request);
    default:
      return false;
  }
};

const onRequest = (turn: Turn, request: Request): void => {
  const wrong = misshapen(request);
  if (wrong !== undefined) turn.refuse(request, errors.misshapen(request.command, wrong));
  else if (request.command === 'initialize') onInitialize(turn, request);
  else if (request.command === 'disconnect') beginEnding(turn, 'disconnect', request);
  else if (request.command === 'terminate') beginEnding(turn, 'terminate', request);
  else if (turn.state.ending !== undefined) turn.refuse(request, errors.sessionEnding());
  else if (request.command === 'launch' || request.command === 'attach') onLaunch(turn, request);
  else if (request.command === 'probelens/timeline') onTimelineRequest(turn, request);
  else if (request.command === 'probelens/snapshots') onSnapshotsRequest(turn, request);
  else if (request.command === 'probelens/verifierSummary') onVerifierSummary(turn, request);
  else if (request.command === 'probelens/pauseAtNextLoad') onPauseAtNextLoad(turn, request);
  else if (request.command === 'probelens/shownLoad') onShownLoad(turn, request);
  else if (request.command === 'disassemble' && onBpfDisassemble(turn, request)) return;
  else if (request.command === 'variables' && onBpfVariables(turn, request)) return;
  else if (request.command === 'completions') onCompletions(turn, request);
  else if (onMoment(turn, request)) return;
  else if (request.command === 'exceptionInfo' && onExceptionInfo(turn, request)) return;
  else if (request.command === 'variables' && onKernelVariables(turn, request)) return;
  else if (request.command === 'evaluate' && onEvaluate(turn, request)) return;
  else if (!withoutDelve(turn, request)) toLane(turn, request);
};

/** Delve's share is answered by Delve; ours is armed behind it, before anything that was asked for later. */
const setFilters = (turn: Turn, request: Request): void => {
  const { forDelve, ours } = splitFilters(request);
  turn.queue({ kind: 'forward', request: forDelve, sent: false, filters: filterNames(request) });
  changeBpf(turn, { ticked: ours });
  watchFilters(turn, wantedFilters(turn.state));
};

const stepTo = (turn: Turn, request: Request): void => {
  const target = targetOf(turn, request);
  const { targetId: _, ...args } = objectOf(request.arguments);
  if (target?.statement === undefined)
    turn.queue({ kind: 'resume', request: { ...request, arguments: args }, stage: 'new' });
  else {
    const { statement } = target;
    turn.queue({ kind: 'follow', request, target, statement, stage: 'new', known: new Set() });
  }
};

/** Behind a resume that Delve has not been sent: one that stands still has nothing to pause. */
const pause = (turn: Turn, request: Request): void => {
  const { held, lane, target } = turn.state;
  const waiting = [lane.active, ...lane.queue].some(
    (work) => work?.kind === 'resume' && work.stage !== 'planting' && work.stage !== 'calling',
  );
  if (waiting || held !== undefined || target.running) turn.update({ pausing: true });
  if (waiting) turn.queue({ kind: 'forward', request, sent: false });
  else turn.forward(request);
};

/** In the client's order where order matters, at once where it does not. */
const toLane = (turn: Turn, request: Request): void => {
  if (request.command === 'setBreakpoints' || request.command === 'setFunctionBreakpoints') {
    turn.queue(setWork(turn, request) ?? { kind: 'forward', request, sent: false });
  } else if (writing.has(request.command)) {
    if (request.command === 'setInstructionBreakpoints')
      turn.update({ instructions: listOf(objectOf(request.arguments).breakpoints) });
    if (request.command === 'setExceptionBreakpoints') setFilters(turn, request);
    else turn.queue({ kind: 'forward', request, sent: false });
  } else if (request.command === 'stepInTargets') {
    onStepInTargets(turn, request);
  } else if (targetOf(turn, request) !== undefined) {
    stepTo(turn, request);
  } else if (resumeCommands.has(request.command) || (isCall(request) && anyStops(turn))) {
    turn.queue({ kind: 'resume', request, stage: 'new' });
  } else if (request.command === 'pause') {
    pause(turn, request);
  } else if (request.command === 'restart') {
    turn.queue({ kind: 'restart', request, stage: 'new' });
  } else {
    turn.forward(request);
  }
};

export const onClientMessage = (turn: Turn, message: Message): void => {
  switch (message.type) {
    case 'request':
      onRequest(turn, message);
      return;
    case 'response':
      // Answers to requests of Delve's (runInTerminal): it numbered them, and the client repeats our number.
      if (turn.state.delve === 'ready') {
        const seq = turn.state.reverse.get(message.request_seq);
        if (seq !== undefined) turn.emit({ kind: 'to-delve', message: { ...message, request_seq: seq } });
      }
      return;
    case 'event':
      // Clients have no events; nothing waits for one.
      return;
  }
};
