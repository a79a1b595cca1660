/** Launch and attach without a debugger. */
import { errors, type UserError } from '../../errors.js';
import { differences } from '../capabilities.js';
import { kernelWish, textList } from '../launch-arguments.js';
import { isObject, type JsonObject, numberOf, objectOf, type Request, textOf } from '../message.js';
import type { TargetStart } from '../output.js';
import { addProbe } from '../probes.js';
import type { Launch } from '../state/launch.js';
import type { Turn } from '../turn.js';
import { set } from './state.js';

const isError = (value: unknown): value is UserError => isObject(value) && 'showUser' in value;

/** As Delve reads it: null takes a variable away. */
const environment = (value: unknown): Readonly<Record<string, string | undefined>> | UserError => {
  const env: Record<string, string | undefined> = {};
  for (const [name, each] of Object.entries(objectOf(value))) {
    if (each !== null && typeof each !== 'string') return errors.badArgument('env', 'an object of strings');
    env[name] = each ?? undefined;
  }
  return env;
};

const readStart = (request: Request): TargetStart | UserError => {
  const args = objectOf(request.arguments);
  if (request.command === 'attach') {
    const pid = numberOf(args.processId);
    if (pid === undefined || !Number.isInteger(pid) || pid <= 0)
      return errors.badArgument('processId', 'the id of a running process (mode "probe")');
    return { kind: 'attach', pid };
  }
  const program = textOf(args.program);
  if (program === undefined) return errors.badArgument('program', 'the path of a built program (mode "probe")');
  const list = textList(args.args, 'args');
  if (isError(list)) return list;
  const env = environment(args.env);
  if (isError(env)) return env;
  return { kind: 'launch', program, args: list, cwd: textOf(args.cwd), stdin: textOf(args.stdinFrom), env };
};

/** What Delve would have offered and nobody here can do. */
const capabilities: JsonObject = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsEvaluateForHovers: true,
  supportsLogPoints: true,
  supportsDelayedStackTraceLoading: true,
  supportsClipboardContext: true,
};

export const beginProbeOnly = (turn: Turn, request: Request, launch: Launch): void => {
  const start = readStart(request);
  if (isError(start)) {
    turn.refuse(request, start);
    return;
  }
  if (launch.kernel === 'off') {
    turn.refuse(request, errors.badArgument('kernel', '"auto" in mode "probe", where nobody else could look'));
    return;
  }
  turn.update({
    launch,
    probeOnly: {
      request,
      started: start.kind === 'launch',
      configured: false,
      phase: { kind: 'opening' },
      hits: [],
      early: [],
      focus: undefined,
      leaving: undefined,
    },
  });
  turn.kernel({ state: 'opening', reason: undefined });
  turn.emit({ kind: 'open-target', start, kernel: kernelWish(launch) });
};

export const onTargetFound = (turn: Turn, pid: number): void => turn.target({ pid, exited: false });

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Breakpoints may be set from now on; those of a running program may halt it at once. */
export const onOpened = (turn: Turn): void => {
  const { probeOnly, target, launch } = turn.state;
  if (probeOnly?.phase.kind !== 'opening') return;
  turn.kernel({ state: 'ready', reason: undefined });
  set(turn, { phase: { kind: 'running' } });
  const { request, started } = probeOnly;
  turn.target({ running: !started });
  const changed = differences(capabilities);
  if (changed !== undefined) turn.event('capabilities', { capabilities: changed });
  const program = textOf(objectOf(request.arguments).program);
  turn.event('process', {
    name: program === undefined ? `process ${target.pid ?? 0}` : baseName(program),
    systemProcessId: target.pid,
    isLocalProcess: true,
    startMethod: started ? 'launch' : 'attach',
  });
  turn.event('initialized');
  turn.answer(request);
  for (const text of launch?.probes ?? []) addProbe(turn, text, undefined, undefined);
};

/** Nothing has begun: the client may try again with other arguments. */
export const onUnavailable = (turn: Turn, reason: string): void => {
  const { probeOnly } = turn.state;
  if (probeOnly?.phase.kind !== 'opening') return;
  // One that ran before is the person's, and runs on.
  if (probeOnly.started) turn.emit({ kind: 'end-target' });
  turn.kernel({ state: 'off', reason: undefined });
  turn.update({ probeOnly: undefined, launch: undefined });
  turn.target({ pid: undefined });
  turn.refuse(probeOnly.request, errors.noProbeMode(reason));
};
