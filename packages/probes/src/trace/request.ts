/** What each probe text of a trace turns into before anything is started. */
import type { GoBinary } from '@probelens/gosym';
import type { AgentTarget, ListPlace } from '../agent/protocol.js';
import type { AgentClient } from '../client/client.js';
import { AgentFailure } from '../client/errors.js';
import { historySources } from '../crash/history.js';
import { crashSources } from '../crash/sources.js';
import type { CapturedValue } from '../events.js';
import type { ProbePlan } from '../plan/plan.js';
import type { Planner } from '../plan/planner.js';
import { Refused } from '../plan/refused.js';
import { type SourceOrigin, sourceOrigin } from '../plan/source-origin.js';
import type { ProbeSpec } from '../spec/spec.js';
import { parseProbeText } from '../spec/text.js';
import type { EventNames } from './event.js';
import * as failure from './failure.js';
import { costOf } from './forecast.js';

export interface TraceRequest {
  readonly names: EventNames;
  readonly spec: ProbeSpec;
  /** Undefined for events of the kernel, which have no place in the binary. */
  readonly plan: ProbePlan | undefined;
  /** Of events of the kernel: what of the program they are about. */
  readonly origin: SourceOrigin | undefined;
  /** Among probes that switch each other. */
  readonly place?: ListPlace;
  /** Nanoseconds per hit. */
  readonly cost: number;
  /** What the plan does not see or show: exits, inlined copies, arguments. A sentence each. */
  readonly notes?: readonly string[] | undefined;
  /** Of kernel events that others cause (ArmSourceParams). */
  readonly subject?: string;
  /** It is for reports of crashes, and nobody's own. */
  readonly forCrashes?: true;
  /** It tells what came before: an entry of the report's timeline, and no more. */
  readonly moment?: (values: readonly CapturedValue[]) => string;
  /** A kernel that has no such event is no reason to give up. */
  readonly optional?: boolean;
}

/**
 * Nanoseconds of a program at a tracepoint with a record of some fields, and what a stack and a label take besides: measured
 * on Linux 6.18, virtual machine (the kernel's own count of 1,000,000 runs each: 420, 730 and 1,760 with a label).
 */
const SOURCE_COST = 600;
const STACK_COST = 300;
const LABEL_COST = 1_400;

const sourceCost = ({ action, onMatch, scope }: ProbeSpec): number => {
  const hasStack = action.kind === 'snapshot' || (onMatch ?? []).some(({ kind }) => kind === 'snapshot');
  return SOURCE_COST + (hasStack ? STACK_COST : 0) + (scope.kind === 'label' ? LABEL_COST : 0);
};

const parse = (text: string): ProbeSpec => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw failure.badProbeText(text, parsed.position, parsed.message);
  const { spec } = parsed;
  if (spec.action.kind === 'stop') throw failure.needsDebugger(text);
  if (spec.scope.kind === 'current') throw failure.noCurrentGoroutine(text);
  return spec;
};

const isKernelEvent = (spec: ProbeSpec): boolean =>
  spec.target.kind === 'tracepoint' || spec.target.kind === 'perf-event' || spec.target.kind === 'bpf';

const originOf = (text: string, spec: ProbeSpec, binary: GoBinary): SourceOrigin => {
  try {
    return sourceOrigin(spec, binary);
  } catch (error) {
    if (error instanceof Refused) throw failure.notPlanned(text, error.code, error.message);
    throw error;
  }
};

/** Throws `AgentFailure` with the first text that cannot be had. */
export const traceRequest = (text: string, binary: GoBinary, planner: Planner): TraceRequest => {
  const spec = parse(text);
  const names = { text, template: spec.action.kind === 'log' ? spec.action.template : undefined };
  if (isKernelEvent(spec)) {
    return { names, spec, plan: undefined, origin: originOf(text, spec, binary), cost: sourceCost(spec) };
  }
  const result = planner.plan(spec, binary, { use: 'log' });
  if (!result.ok) throw failure.notPlanned(text, result.refusal.code, result.refusal.message);
  const notes = result.notes?.map(({ message }) => message);
  return { names, spec, plan: result.plan, origin: undefined, cost: costOf(result.plan), notes };
};

/** Whatever tells of crashes; what this program or this kernel has not is left out. Throws `AgentFailure`. */
export const crashRequests = (binary: GoBinary, planner: Planner): readonly TraceRequest[] =>
  crashSources.flatMap(({ name, text, subject, optional }) => {
    try {
      const request = traceRequest(text, binary, planner);
      const names = { text: name, template: undefined };
      return [
        { ...request, names, optional, forCrashes: true, ...(subject === undefined ? {} : { subject }) } as const,
      ];
    } catch (error) {
      if (optional && error instanceof AgentFailure && error.code === 'unknown-function') return [];
      throw error;
    }
  });

/** What the program's goroutines and threads do meanwhile. */
export const historyRequests = (binary: GoBinary, planner: Planner): readonly TraceRequest[] =>
  historySources.map(({ name, text, optional, tell }) => ({
    ...traceRequest(text, binary, planner),
    names: { text: name, template: undefined },
    optional,
    forCrashes: true,
    moment: tell,
  }));

/** Id of the armed probe. Rejects with an `AgentFailure`. */
export const armRequest = async (
  agent: AgentClient,
  request: TraceRequest,
  target: AgentTarget,
  reloadForLog: boolean = false,
): Promise<number> => {
  const { plan, spec, origin } = request;
  const again = reloadForLog && spec.target.kind === 'bpf' && spec.target.what === 'load' ? { reloadForLog } : {};
  const about = request.subject === undefined ? {} : { subject: request.subject };
  const place = request.place === undefined ? {} : { place: request.place };
  const armed =
    plan === undefined
      ? agent.armSource({ spec, target, runtime: undefined, ...origin, ...place, ...about, ...again })
      : agent.arm({ plan, target, ...place });
  return (await armed).probe;
};
