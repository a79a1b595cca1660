/** Launch and attach: Delve is started or reached, and the kernel side opened when it has the program. */
import { errors, type UserError } from '../errors.js';
import { differences, filtersIn, initializeForDelve } from './capabilities.js';
import { beginEnding } from './endings.js';
import { isError, kernelWish, readLaunch, textList } from './launch-arguments.js';
import type { Request, Response } from './message.js';
import { numberOf, objectOf, textOf } from './message.js';
import { beginProbeOnly } from './probe-only/begin.js';
import { addAgain, addProbe } from './probes.js';
import type { Launch } from './state/launch.js';
import type { Turn } from './turn.js';

export const onLaunch = (turn: Turn, request: Request): void => {
  const { state } = turn;
  if (state.delve === 'starting' || state.delve === 'greeting') {
    turn.refuse(request, errors.alreadyStarted());
    return;
  }
  if (state.delve === 'gone') {
    turn.refuse(request, errors.delveGone());
    return;
  }
  const launch = readLaunch(request);
  if (isError(launch)) {
    turn.refuse(request, launch);
    return;
  }
  const args = objectOf(request.arguments);
  if (args.mode === 'probe') {
    if (state.delve === 'ready') turn.refuse(request, errors.alreadyStarted());
    else beginProbeOnly(turn, request, launch);
    return;
  }
  if (state.delve === 'ready') {
    // A second try after a launch that failed; Delve itself refuses when there is a program already.
    if (state.target.pid === undefined) turn.update({ launch });
    turn.toDelve(request.command, launch.forDelve, { kind: 'client', request });
    return;
  }
  const port = numberOf(args.port);
  if (launch.remote && port === undefined) {
    turn.refuse(request, errors.remoteWithoutPort());
    return;
  }
  turn.update({ launch, delve: 'starting' });
  // A program that may run only under the kernel's eyes does not run at all without them.
  if (launch.kernel === 'required') turn.emit({ kind: 'check-kernel', agent: launch.agent });
  else startDelve(turn, launch);
};

const startDelve = (turn: Turn, launch: Launch): void => {
  const args = objectOf(launch.request.arguments);
  const port = numberOf(args.port);
  const flags = textList(args.dlvFlags, 'dlvFlags');
  if (launch.remote && port !== undefined) {
    turn.emit({ kind: 'connect-delve', host: textOf(args.host) ?? '127.0.0.1', port });
    return;
  }
  if (launch.kernel !== 'off') turn.emit({ kind: 'prepare-kernel', agent: launch.agent });
  turn.emit({ kind: 'start-delve', path: textOf(args.delve), flags: isError(flags) ? [] : flags });
};

export const onKernelChecked = (turn: Turn, reason: string | undefined): void => {
  const { launch, delve, ending } = turn.state;
  if (launch === undefined || delve !== 'starting' || ending !== undefined) return;
  if (reason === undefined) startDelve(turn, launch);
  else onDelveFailed(turn, errors.kernelRequired(reason));
};

export const onDelveConnected = (turn: Turn): void => {
  turn.update({ delve: 'greeting' });
  turn.toDelve('initialize', initializeForDelve(turn.state.client.initialize), { kind: 'greeting' });
};

/** Delve's answer to our `initialize`: now the launch request may follow. */
export const onGreeting = (turn: Turn, response: Response): void => {
  const { launch, backlog } = turn.state;
  const changed = response.success ? differences(response.body) : undefined;
  if (changed !== undefined) turn.event('capabilities', { capabilities: changed });
  turn.update({ delve: 'ready', backlog: [], delveFilters: filtersIn(response.body) });
  if (launch !== undefined)
    turn.toDelve(launch.request.command, launch.forDelve, { kind: 'client', request: launch.request });
  for (const request of backlog) turn.forward(request);
};

export const onDelveFailed = (turn: Turn, error: UserError): void => {
  const { launch, backlog } = turn.state;
  turn.update({ delve: 'none', launch: undefined, backlog: [] });
  if (launch !== undefined) turn.refuse(launch.request, error);
  for (const request of backlog) turn.refuse(request, errors.notPrepared());
};

export const openKernel = (turn: Turn, launch: Launch): void => {
  turn.kernel({ state: 'opening', reason: undefined });
  turn.emit({ kind: 'open-kernel', pid: turn.state.target.pid ?? launch.pid, kernel: kernelWish(launch) });
};

/** Delve takes breakpoints from now on; so may the kernel, once its side has been opened. */
export const onInitialized = (turn: Turn): void => {
  const { launch, kernel } = turn.state;
  if (launch === undefined || launch.kernel === 'off') return;
  if (kernel.state !== 'opening') openKernel(turn, launch);
  if (turn.state.asked.size > 0) addAgain(turn);
  else for (const text of launch.probes) addProbe(turn, text, undefined, undefined);
};

/** Everything goes on with Delve alone, and one line says why; where the kernel was demanded, the session ends. */
export const noKernel = (turn: Turn, reason: string): void => {
  turn.kernel({ state: 'unavailable', reason });
  if (turn.state.launch?.kernel !== 'required') {
    turn.sayOnce(`Breakpoints stay with Delve: ${reason}`);
    return;
  }
  turn.say(errors.kernelRequired(reason).message, 'stderr');
  beginEnding(turn, 'given-up', undefined);
};
