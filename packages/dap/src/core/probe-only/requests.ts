/** What the client may ask of a session without a debugger; everything else is refused with what would help. */
import { errors } from '../../errors.js';
import { changeBpf } from '../bpf/calls.js';
import { onPauseAtNextLoad, onVerifierSummary, wantedFilters } from '../bpf/console.js';
import { onBpfDisassemble, onBpfVariables, onShownLoad } from '../bpf/scope.js';
import { onInitialize } from '../capabilities.js';
import { onCompletions, onEvaluate } from '../console.js';
import { filterAnswers, filterNames } from '../exceptions/answers.js';
import { onExceptionInfo } from '../exceptions/show.js';
import { splitFilters, watchFilters } from '../exceptions/watch.js';
import { listOf, numberOf, objectOf, type Request, stringOf } from '../message.js';
import { evaluateInMoment, onMomentEvaluate, onMomentScopes, onMomentVariables } from '../moment-values.js';
import { answerFrames, askFrames } from '../moments.js';
import { setWork } from '../set-breakpoints.js';
import { onSnapshotStack, onSnapshotsRequest, snapshotThreads } from '../snapshots.js';
import { onTimelineRequest } from '../timeline.js';
import type { Turn } from '../turn.js';
import { haltedThreads, momentOfHalt } from './halt.js';
import { leave } from './leave.js';

type Handler = (turn: Turn, request: Request) => void;

/** Helix indexes its table of stacks after a failed request, and panics: it is answered always. */
const onStackTrace: Handler = (turn, request) => {
  if (onSnapshotStack(turn, request)) return;
  const moment = momentOfHalt(turn, numberOf(objectOf(request.arguments).threadId) ?? 0);
  if (moment === undefined) turn.answer(request, { stackFrames: [], totalFrames: 0 });
  else if (moment.frames !== undefined) answerFrames(turn, request, moment, moment.frames);
  else askFrames(turn, moment, { request, as: 'stack' });
};

const onScopes: Handler = (turn, request) => {
  if (!onMomentScopes(turn, request)) turn.refuse(request, errors.staleReference());
};

const onVariables: Handler = (turn, request) => {
  if (!onBpfVariables(turn, request) && !onMomentVariables(turn, request))
    turn.refuse(request, errors.staleReference());
};

const onExpression: Handler = (turn, request) => {
  if (onEvaluate(turn, request) || onMomentEvaluate(turn, request)) return;
  const { goroutine } = turn.state.target;
  const moment = goroutine === undefined ? undefined : momentOfHalt(turn, goroutine);
  const expression = stringOf(objectOf(request.arguments).expression) ?? '';
  if (moment === undefined) turn.refuse(request, errors.notCaptured(expression, []));
  else evaluateInMoment(turn, request, moment);
};

const onBreakpoints: Handler = (turn, request) => {
  const work = setWork(turn, request);
  if (work === undefined) turn.refuse(request, errors.badArgument('source.path', 'the path of a file'));
  else turn.queue(work);
};

/** Nothing wanted is nothing refused: dape sends its whole configuration, empty lists too. */
const onOtherBreakpoints: Handler = (turn, request) => {
  const wanted = listOf(objectOf(request.arguments).breakpoints);
  if (wanted.length > 0) turn.refuse(request, errors.withoutDebugger(request.command));
  else turn.answer(request, { breakpoints: [] });
};

const onResumeRequest: Handler = (turn, request) => turn.queue({ kind: 'go-on', request });

const handlers: Readonly<Record<string, Handler>> = {
  initialize: onInitialize,
  launch: (turn, request) => turn.refuse(request, errors.alreadyStarted()),
  attach: (turn, request) => turn.refuse(request, errors.alreadyStarted()),
  configurationDone: onResumeRequest,
  setBreakpoints: onBreakpoints,
  setFunctionBreakpoints: onBreakpoints,
  setInstructionBreakpoints: onOtherBreakpoints,
  setDataBreakpoints: onOtherBreakpoints,
  // Delve's filters are for panics that it catches; here a panic ends the program as it always does.
  setExceptionBreakpoints: (turn, request) => {
    changeBpf(turn, { ticked: splitFilters(request).ours });
    watchFilters(turn, wantedFilters(turn.state));
    turn.answer(request, { breakpoints: filterAnswers(filterNames(request), turn.state) });
  },
  exceptionInfo: (turn, request) => {
    if (!onExceptionInfo(turn, request)) turn.refuse(request, errors.withoutDebugger('exceptionInfo'));
  },
  threads: (turn, request) =>
    turn.answer(request, { threads: [...haltedThreads(turn), ...snapshotThreads(turn.state)] }),
  stackTrace: onStackTrace,
  scopes: onScopes,
  variables: onVariables,
  evaluate: onExpression,
  completions: onCompletions,
  continue: onResumeRequest,
  'probelens/timeline': onTimelineRequest,
  'probelens/snapshots': onSnapshotsRequest,
  'probelens/pauseAtNextLoad': onPauseAtNextLoad,
  'probelens/verifierSummary': onVerifierSummary,
  'probelens/shownLoad': onShownLoad,
  disassemble: (turn, request) => {
    if (!onBpfDisassemble(turn, request)) turn.refuse(request, errors.withoutDebugger('disassemble'));
  },
};

export const onProbeOnlyRequest = (turn: Turn, request: Request): void => {
  const { command } = request;
  if (command === 'disconnect' || command === 'terminate') {
    leave(turn, request);
    return;
  }
  const { leaving, phase } = turn.state.probeOnly ?? {};
  const handler = Object.hasOwn(handlers, command) ? handlers[command] : undefined;
  if (leaving !== undefined) turn.refuse(request, errors.sessionEnding());
  else if (handler === undefined) turn.refuse(request, errors.withoutDebugger(command));
  else if (phase?.kind === 'opening' && command !== 'launch' && command !== 'attach' && command !== 'initialize')
    turn.refuse(request, errors.notPrepared());
  else handler(turn, request);
};
