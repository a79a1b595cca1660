/**
 * What a probe will cost, before it does harm and while it runs. Costs are the planner's: nanoseconds per hit as
 * measured for each kind of site, so a forecast is an estimate and says so by being rounded.
 */
import type { AgentTarget } from '../agent/protocol.js';
import type { AgentClient } from '../client/client.js';
import type { ProbePlan } from '../plan/plan.js';

export interface Forecast {
  readonly hitsPerSecond: number;
  /** Of one hit. */
  readonly nanoseconds: number;
  /** Of one processor core: 0.84 = 84 %. */
  readonly share: number;
}

/** Long enough for a rate, short enough that nobody waits. Milliseconds. */
const COUNT_FOR_MS = 200;

/** The dearest of a plan's sites. Nanoseconds. */
export const costOf = (plan: ProbePlan): number => Math.max(0, ...plan.sites.map((site) => site.cost));

export const forecastOf = (hits: number, seconds: number, nanoseconds: number): Forecast => {
  const hitsPerSecond = seconds > 0 ? hits / seconds : 0;
  return { hitsPerSecond, nanoseconds, share: (hitsPerSecond * nanoseconds) / 1e9 };
};

/** Arms the plan to count and nothing else, for a moment. Rejects with an `AgentFailure` as `arm` does. */
export const forecast = async (
  agent: AgentClient,
  plan: ProbePlan,
  target: AgentTarget,
  milliseconds: number = COUNT_FOR_MS,
): Promise<Forecast> => {
  const { tracer: _tracer, halt: _halt, ...place } = target;
  // Who only counts switches nobody.
  const { onMatch: _onMatch, initially: _initially, ...spec } = plan.spec;
  const counting: ProbePlan = {
    ...plan,
    spec: { ...spec, condition: undefined, scope: { kind: 'process' }, action: { kind: 'count' } },
    condition: undefined,
    captures: [],
  };
  const { probe } = await agent.arm({ plan: counting, target: { ...place, tracer: undefined } });
  const started = process.hrtime.bigint();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const { hits } = await agent.disarm(probe);
  return forecastOf(hits, Number(process.hrtime.bigint() - started) / 1e9, costOf(plan));
};

const count = (value: number): string => {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} million`;
  return value >= 100 ? Math.round(value).toString() : value.toFixed(1);
};

/** "1.2 million a second x 0.7 us = 84 % of a core". */
export const formatForecast = (found: Forecast): string =>
  `${count(found.hitsPerSecond)} a second x ${(found.nanoseconds / 1000).toFixed(2)} us = ${(found.share * 100).toFixed(
    found.share < 0.1 ? 1 : 0,
  )} % of a core`;
