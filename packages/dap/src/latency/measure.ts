/** All of it, one after the other: each measurement has the machine for itself. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { type AgentClient, startAgent } from '@probelens/probes';
import { DelveServer } from './delve-server.js';
import { type Distribution, distributionOf } from './distribution.js';
import {
  callToEvent,
  emptyTracepoint,
  hitToEvent,
  pipeRoundTrips,
  requestPlan,
  requestToArmed,
  type Samples,
} from './kernel-path.js';
import { keyToArrival, keyToRequest } from './key-path.js';
import { hitToStopped } from './session-path.js';

export type MeasureId =
  | 'pipe-round-trip'
  | 'tracepoint-to-event'
  | 'request-to-armed'
  | 'hit-to-event'
  | 'syscall-to-event'
  | 'hit-to-stopped'
  | 'key-to-arrival'
  | 'key-to-request';

export interface Measure extends Distribution {
  readonly id: MeasureId;
  readonly title: string;
  /** What this machine needs for the least that such a thing could be; undefined: it is a floor itself. */
  readonly floor: MeasureId | undefined;
}

export interface LatencyReport {
  /** ISO 8601. */
  readonly at: string;
  readonly kernel: string;
  readonly node: string;
  readonly measures: readonly Measure[];
  /** What was not measured, and why. */
  readonly left: readonly string[];
}

export interface LatencyOptions {
  readonly agentCommand: readonly string[];
  /** Starts the adapter on stdin and stdout. */
  readonly adapterCommand: readonly string[];
  /** `probelens debug` on a process, without a debugger. */
  readonly terminalCommand: (pid: number) => readonly string[];
  /** Path of dlv: the program that is looked at. */
  readonly delve: string;
  /** Measurements of the quick kinds; a tenth of that of those that stop or arm. */
  readonly count: number;
}

const uinput = (): string =>
  existsSync('/dev/uinput')
    ? 'uinput: a key through it would go to whichever window has the focus, so keys are injected at the pseudo-terminal only.'
    : 'uinput: this machine has none (/dev/uinput), so keys are injected at the pseudo-terminal only.';

/** The first is the slowest by far: code is compiled, pages are read. */
const warmed = async (warm: number, count: number, take: (count: number) => Promise<Samples>): Promise<Distribution> =>
  distributionOf((await take(count + warm)).slice(warm));

/** Rejects with an `AgentFailure` or a sentence; nothing is left running or armed then. */
export const measureLatency = async (options: LatencyOptions): Promise<LatencyReport> => {
  const { count } = options;
  const few = Math.max(3, Math.floor(count / 10));
  const measures: Measure[] = [];
  const add = (id: MeasureId, title: string, floor: MeasureId | undefined, measured: Distribution): void => {
    measures.push({ id, title, floor, ...measured });
  };
  const plan = await requestPlan(options.delve);
  const delve = await DelveServer.start(options.delve);
  let agent: AgentClient | undefined;
  try {
    const started = await startAgent({ command: options.agentCommand });
    agent = started;
    add('pipe-round-trip', 'a byte to another process and back', undefined, await warmed(5, count, pipeRoundTrips));
    const empty = await warmed(5, count, (n) => emptyTracepoint(started, n));
    add('tracepoint-to-event', 'an empty tracepoint to its event in the adapter', undefined, empty);
    const armed = await warmed(1, few, (n) => requestToArmed(started, plan, delve.pid, n));
    add('request-to-armed', 'request to armed', 'pipe-round-trip', armed);
    const hit = await warmed(5, count, (n) => hitToEvent(started, plan, delve, n));
    add('hit-to-event', 'hit in the kernel to event in the adapter', 'tracepoint-to-event', hit);
    const call = await warmed(5, count, (n) => callToEvent(started, delve, n));
    add('syscall-to-event', 'system-call entry to event in the adapter', 'tracepoint-to-event', call);
    const stopped = await warmed(1, few, (n) => hitToStopped(options.adapterCommand, delve, n));
    add('hit-to-stopped', 'hit in the kernel to `stopped` at a client', 'tracepoint-to-event', stopped);
    const key = await warmed(5, count, (n) => keyToArrival(started, n));
    add('key-to-arrival', 'write of a key (tracepoint) to its arrival at the terminal', 'pipe-round-trip', key);
    const terminal = options.terminalCommand(delve.pid);
    const request = await warmed(1, few, (n) => keyToRequest(started, terminal, n));
    add('key-to-request', 'write of a key to its DAP request', 'key-to-arrival', request);
  } finally {
    await agent?.dispose();
    await delve.end();
  }
  return { at: new Date().toISOString(), kernel: release(), node: process.version, measures, left: [uinput()] };
};
