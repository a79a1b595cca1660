/** What is measured, each beside the floor that it cannot beat here. */
import type { ProbePlan } from '@probelens/probes';
import type { Arrivals } from './arrivals.js';
import type { DelveServer } from './delve-server.js';
import { callToEvent, hitToEvent, requestToArmed } from './kernel-path.js';
import { keyToArrival, keyToRequest } from './key-path.js';
import type { Sampler } from './sampler.js';
import { probeOnly, type StopWay, throughDelve, toStopped } from './session-path.js';
import { inputToArrival, type OpenedKey, uinputToArrival, type VirtualKey } from './virtual-key.js';

export type MeasureId =
  | 'pipe-round-trip'
  | 'tracepoint-to-event'
  | 'request-to-armed'
  | 'hit-to-event'
  | 'syscall-to-event'
  | 'hit-to-stopped'
  | 'hit-to-stopped-delve'
  | 'key-to-arrival'
  | 'key-to-request'
  | 'uinput-to-arrival'
  | 'input-to-arrival';

export interface LatencyOptions {
  readonly agentCommand: readonly string[];
  /** Starts the adapter on stdin and stdout. */
  readonly adapterCommand: readonly string[];
  /** `probelens debug` on a process, without a debugger. */
  readonly terminalCommand: (pid: number) => readonly string[];
  /** Path of dlv: the program that is looked at. */
  readonly delve: string;
  /** A key that is pressed in the kernel. */
  readonly openKey: () => Promise<OpenedKey>;
  /** Measurements of the quick kinds; a tenth of that of those that stop or arm. */
  readonly count: number;
}

/** What is measured of one thing, and what else it needs. */
export interface Way {
  readonly id: MeasureId;
  readonly title: string;
  readonly floor: 'pipe-round-trip' | 'tracepoint-to-event' | 'key-to-arrival';
  /** It arms, stops or waits for a person's program: a tenth of the samples. */
  readonly slow: boolean;
  readonly open: () => Promise<Sampler> | Sampler;
}

export const waysOf = (
  arrivals: Arrivals,
  delve: DelveServer,
  plan: ProbePlan,
  options: LatencyOptions,
): readonly Way[] => {
  const stopped = (way: StopWay) => () => toStopped(options.adapterCommand, delve, way);
  const quick = (id: MeasureId, title: string, floor: Way['floor'], open: Way['open']): Way => ({
    ...{ id, title, floor, open },
    slow: false,
  });
  const slow = (...way: Parameters<typeof quick>): Way => ({ ...quick(...way), slow: true });
  const terminal = options.terminalCommand(delve.pid);
  const atClient = 'hit in the kernel to `stopped` at a client';
  return [
    slow('request-to-armed', 'request to armed', 'pipe-round-trip', () => requestToArmed(arrivals, plan, delve.pid)),
    quick('hit-to-event', 'hit in the kernel to event in the adapter', 'tracepoint-to-event', () =>
      hitToEvent(arrivals, plan, delve),
    ),
    quick('syscall-to-event', 'system-call entry to event in the adapter', 'tracepoint-to-event', () =>
      callToEvent(arrivals, delve),
    ),
    slow('hit-to-stopped', `${atClient}, probe-only`, 'tracepoint-to-event', stopped(probeOnly)),
    slow(
      'hit-to-stopped-delve',
      `${atClient}, through Delve`,
      'tracepoint-to-event',
      stopped(throughDelve(options.delve)),
    ),
    quick('key-to-arrival', 'write of a key (tracepoint) to its arrival at the terminal', 'pipe-round-trip', () =>
      keyToArrival(arrivals),
    ),
    slow('key-to-request', 'write of a key to its DAP request', 'key-to-arrival', () =>
      keyToRequest(arrivals, terminal),
    ),
  ];
};

/** Where the machine has uinput. */
export const keyWays = (arrivals: Arrivals, key: VirtualKey): readonly Way[] => [
  {
    id: 'uinput-to-arrival',
    title: 'write of a key to uinput (tracepoint) to its arrival from the keyboard',
    floor: 'pipe-round-trip',
    slow: false,
    open: () => uinputToArrival(arrivals, key),
  },
  {
    id: 'input-to-arrival',
    title: 'input event in the kernel (its own time) to its arrival from the keyboard',
    floor: 'pipe-round-trip',
    slow: false,
    open: () => inputToArrival(key),
  },
];
