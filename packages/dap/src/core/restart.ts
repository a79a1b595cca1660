/** `restart`: gates out, Delve starts over, and what becomes of a program that it does not start over. */
import { forgetAhead } from './ahead.js';
import { removeGates } from './gates.js';
import type { LaneNews, LaneProgress } from './lane-news.js';
import { openKernel } from './launch.js';
import { isObject, type JsonObject, objectOf, type Request, type Response, textOf } from './message.js';
import { withoutOurs } from './own-arguments.js';
import { addAgain } from './probes.js';
import { forgetRemains } from './remains.js';
import { setAgain } from './set-again.js';
import { noHandOver } from './state/hand-over.js';
import type { LaneWork } from './state/lane-work.js';
import type { Launch } from './state/launch.js';
import { releaseHeld } from './stops.js';
import type { Turn } from './turn.js';

type RestartWork = LaneWork & { readonly kind: 'restart' };

/** Delve builds anew and starts over: gates go first, and come back when the client sets its breakpoints again. */
export const advanceRestart = (turn: Turn, work: RestartWork, news: LaneNews): LaneProgress => {
  switch (work.stage) {
    case 'new': {
      if (news.kind !== 'go') return work;
      const probes = [...turn.state.gates.keys()];
      if (probes.length === 0) return sendRestart(turn, work);
      removeGates(turn, probes);
      turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes });
      return { ...work, stage: 'disarming' };
    }
    case 'disarming':
      return news.kind === 'disarmed' ? sendRestart(turn, work) : work;
    case 'sent':
      return news.kind === 'restarted' ? undefined : work;
  }
};

/**
 * Delve cannot restart a program whose output comes as events (our default) unless it is told the arguments again, nor
 * one that it did not build unless it is told not to build it; Helix sends the bare launch arguments. So all of it is
 * said. The program's output comes through Delve's own then, which the adapter passes on as well.
 */
const restartArguments = (request: Request, launch: Launch | undefined): JsonObject => {
  const given = objectOf(request.arguments);
  const bare = given.program !== undefined || given.mode !== undefined;
  const inner = isObject(given.arguments) ? given.arguments : bare ? given : {};
  const { args, mode } = { ...launch?.forDelve, ...inner };
  const built = mode === undefined || mode === 'debug' || mode === 'test';
  return {
    ...(bare ? {} : given),
    arguments: {
      // Whoever says it all is taken at his word.
      ...(inner.request === 'launch' || launch === undefined ? {} : withoutOurs(launch.forDelve)),
      ...withoutOurs(inner),
      request: 'launch',
      args: Array.isArray(args) ? args : [],
      rebuild: inner.rebuild ?? built,
    },
  };
};

const sendRestart = (turn: Turn, work: RestartWork): LaneProgress => {
  const { request } = work;
  const { launch } = turn.state;
  releaseHeld(turn);
  turn.update({ hits: [], leftovers: new Map() });
  turn.kernel({ state: 'off', focus: undefined });
  // Delve names the new process in no event.
  if (launch?.live !== true) turn.target({ pid: undefined });
  const args = launch?.live === true ? request.arguments : restartArguments(request, launch);
  turn.toDelve('restart', args, { kind: 'client', request });
  // What comes behind it is for the program that begins anew, another restart, too.
  return { ...work, stage: 'sent' };
};

/** What was there before goes on with its gates; one that Delve has started itself it has ended before it said no. */
const goOnAsBefore = (turn: Turn): void => {
  const { launch, target, ending } = turn.state;
  if (launch?.live !== true || launch.kernel === 'off' || target.exited || ending !== undefined) return;
  openKernel(turn, launch);
  for (const group of turn.state.groups.keys()) setAgain(turn, group);
  addAgain(turn);
};

/** Delve says yes before it tries (service/dap/server.go, onRestartRequest), and may say no later under the same number. */
export const onRestartAnswer = (turn: Turn, response: Response): void => {
  if (!response.success) goOnAsBefore(turn);
  else turn.update({ pending: new Map(turn.state.pending).set(response.request_seq, { kind: 'restarting' }) });
};

/** The program has begun anew: nothing is left of what was there before, not even of a step. */
export const restarted = (turn: Turn): void => {
  const pending = new Map([...turn.state.pending].filter(([, { kind }]) => kind !== 'restarting'));
  turn.update({
    pending,
    step: undefined,
    handOver: noHandOver,
    stepCut: false,
    interrupted: undefined,
    pausing: false,
  });
  turn.target({ running: false });
  forgetRemains(turn);
  forgetAhead(turn, undefined);
};

export const restartFailed = (turn: Turn, response: Response): void => {
  const format = textOf(objectOf(objectOf(response.body).error).format);
  turn.say(format ?? textOf(response.message) ?? 'Delve did not restart the program.', 'stderr');
  goOnAsBefore(turn);
};
