/** One thing after the other, each in turn with the floor that it is compared with. */
import { release } from 'node:os';
import { type AgentClient, startAgent } from '@probelens/probes';
import { RequestFailure } from '../terminal/adapter-process.js';
import { Arrivals } from './arrivals.js';
import { DelveServer } from './delve-server.js';
import { type Distribution, distributionOf } from './distribution.js';
import { emptyTracepoint, pipeRoundTrip, requestPlan } from './kernel-path.js';
import { keyToArrival } from './key-path.js';
import { inTurn, type Sampler, type Taken } from './sampler.js';
import type { OpenedKey } from './virtual-key.js';
import { keyWays, type LatencyOptions, type MeasureId, type Way, waysOf } from './ways.js';

export interface Measure extends Distribution {
  readonly id: MeasureId;
  readonly title: string;
  /** What this machine needs for the least that such a thing could be; undefined: it is a floor itself. */
  readonly floor: MeasureId | undefined;
  /** Median of the floor, taken in turn with this. Microseconds; undefined for a floor. */
  readonly floorMedian: number | undefined;
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

/** Of all that was taken beside anything. */
const bareFloors = [
  ['pipe-round-trip', 'a byte to another process and back'],
  ['tracepoint-to-event', 'an empty tracepoint to its event in the adapter'],
] as const;

type Floors = ReadonlyMap<MeasureId, () => Promise<Sampler> | Sampler>;

/** Both ends open, both closed again whatever happens. */
const measured = async (way: Way, floors: Floors, count: number): Promise<Taken> => {
  const openFloor = floors.get(way.floor);
  if (openFloor === undefined) throw new Error(`${way.floor} is no floor`);
  const floor = await openFloor();
  try {
    const sampler = await way.open();
    try {
      return way.slow
        ? await inTurn(floor, sampler, 1, Math.max(3, Math.floor(count / 10)))
        : await inTurn(floor, sampler, 5, count);
    } finally {
      await sampler.end();
    }
  } finally {
    await floor.end();
  }
};

interface Measured {
  readonly measures: readonly Measure[];
  readonly left: readonly string[];
}

const measuredAll = async (ways: readonly Way[], floors: Floors, count: number): Promise<Measured> => {
  const least = new Map<MeasureId, bigint[]>();
  const measures: Measure[] = [];
  const left: string[] = [];
  for (const way of ways) {
    const { id, title, floor } = way;
    try {
      const taken = await measured(way, floors, count);
      least.set(floor, [...(least.get(floor) ?? []), ...taken.floor]);
      measures.push({
        id,
        title,
        floor,
        floorMedian: distributionOf(taken.floor).median,
        ...distributionOf(taken.samples),
      });
    } catch (error) {
      // Delve may not be allowed to attach to a program that it has not started (ptrace_scope).
      if (!(error instanceof RequestFailure)) throw error;
      left.push(`${title}: ${error.message}`);
    }
  }
  const rows = bareFloors.map(
    ([id, title]): Measure => ({
      ...{ id, title, floor: undefined, floorMedian: undefined },
      ...distributionOf(least.get(id) ?? []),
    }),
  );
  return { measures: [...rows, ...measures], left };
};

/** Rejects with an `AgentFailure` or a sentence; nothing is left running or armed then. */
export const measureLatency = async (options: LatencyOptions): Promise<LatencyReport> => {
  const plan = await requestPlan(options.delve);
  const delve = await DelveServer.start(options.delve);
  let agent: AgentClient | undefined;
  let uinput: OpenedKey | undefined;
  try {
    uinput = await options.openKey();
    agent = await startAgent({ command: options.agentCommand, asRoot: true });
    const arrivals = new Arrivals(agent);
    const floors: Floors = new Map<MeasureId, () => Promise<Sampler> | Sampler>([
      ['pipe-round-trip', pipeRoundTrip],
      ['tracepoint-to-event', () => emptyTracepoint(arrivals)],
      ['key-to-arrival', () => keyToArrival(arrivals)],
    ]);
    const ways = [...waysOf(arrivals, delve, plan, options), ...(uinput.ok ? keyWays(arrivals, uinput.key) : [])];
    const { measures, left } = await measuredAll(ways, floors, options.count);
    return {
      ...{ at: new Date().toISOString(), kernel: release(), node: process.version },
      measures,
      left: uinput.ok ? left : [...left, `uinput: ${uinput.reason}`],
    };
  } finally {
    if (uinput?.ok === true) await uinput.key.close();
    await agent?.dispose();
    await delve.end();
  }
};
