/** Exception filters of the kernel: what the client ticked is armed, what it no longer wants is taken out. */
import { addHelpers, helpersOf, spareHelpers, stopsElsewhere } from '../armed-threads.js';
import { removeGates } from '../gates.js';
import type { ArmOutcome, PlanItem, Planned, PlanOutcome } from '../kernel-words.js';
import type { LaneNews, LaneProgress } from '../lane-news.js';
import { listOf, objectOf, type Request, stringOf } from '../message.js';
import type { Gate } from '../state/gate.js';
import type { LaneWork } from '../state/lane-work.js';
import type { Turn } from '../turn.js';
import { filterNamed } from './filters.js';

type WatchWork = LaneWork & { readonly kind: 'watch' };

/** The request as Delve may see it, and which of our filters it names. */
export const splitFilters = (request: Request): { readonly forDelve: Request; readonly ours: readonly string[] } => {
  const args = objectOf(request.arguments);
  const nameOf = (each: unknown): string => stringOf(each) ?? stringOf(objectOf(each).filterId) ?? '';
  const isOurs = (each: unknown): boolean => filterNamed(nameOf(each)) !== undefined;
  const all = [...listOf(args.filters), ...listOf(args.filterOptions)];
  const ours = [...new Set(all.filter(isOurs).map(nameOf))];
  if (ours.length === 0) return { forDelve: request, ours };
  const rest = (name: string): object =>
    args[name] === undefined ? {} : { [name]: listOf(args[name]).filter((each) => !isOurs(each)) };
  return { forDelve: { ...request, arguments: { ...args, ...rest('filters'), ...rest('filterOptions') } }, ours };
};

const watched = (turn: Turn): readonly Gate[] =>
  [...turn.state.gates.values()].filter(({ owner }) => owner.kind === 'filter');

const filterOf = ({ owner }: Gate): string => (owner.kind === 'filter' ? owner.filter : '');

/** To be armed when it is their turn; every one that is not wanted goes. */
export const watchFilters = (turn: Turn, wanted: readonly string[]): void => {
  const { active, queue } = turn.state.lane;
  const underWay = [active, ...queue].some((work) => work?.kind === 'watch');
  // Nothing to do, and nothing to wait for.
  if (wanted.length === 0 && watched(turn).length === 0 && !underWay) return;
  turn.queue({ kind: 'watch', wanted, stage: 'new', filters: [], optional: [], planned: [], helpers: [] });
};

const begin = (turn: Turn, work: WatchWork): LaneProgress => {
  const { kernel } = turn.state;
  if (kernel.state === 'opening') return work;
  if (kernel.state !== 'ready') {
    const labels = work.wanted.map((name) => filterNamed(name)?.label ?? name).join(', ');
    const reason = kernel.reason ?? 'there is no program in its reach.';
    if (work.wanted.length > 0) turn.sayOnce(`The kernel cannot watch for these (${labels}): ${reason}`, 'stderr');
    return undefined;
  }
  const gone = watched(turn).filter((gate) => !work.wanted.includes(filterOf(gate)));
  if (gone.length === 0) return plan(turn, work);
  const leaving = gone.map(({ probe }) => probe);
  const probes = [...leaving, ...(gone.some(stopsElsewhere) ? spareHelpers(turn, leaving) : [])];
  removeGates(turn, probes);
  turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes });
  return { ...work, stage: 'disarming' };
};

const plan = (turn: Turn, work: WatchWork): LaneProgress => {
  const have = new Set(watched(turn).map(filterOf));
  const isDelves = (name: string): boolean =>
    turn.state.probeOnly === undefined && filterNamed(name)?.withoutDelve === true;
  for (const name of work.wanted.filter(isDelves))
    turn.sayOnce(
      `"${filterNamed(name)?.label ?? name}" is for sessions without Delve; here tick Delve's own filters for panics and fatal errors.`,
      'stderr',
    );
  const missing = work.wanted.filter((name) => !have.has(name) && !isDelves(name));
  const sources = missing.flatMap((filter) =>
    (filterNamed(filter)?.sources ?? []).map((source) => ({ filter, source })),
  );
  if (sources.length === 0) return undefined;
  const items = sources.map(({ source }): PlanItem => ({ kind: 'source', ...source }));
  turn.emit({ kind: 'plan', ticket: turn.laneTicket(), items, avoid: { lines: [], functions: [] } });
  return {
    ...work,
    stage: 'planning',
    filters: sources.map(({ filter }) => filter),
    optional: sources.map(({ source }) => source.optional ?? false),
  };
};

const sayRefused = (turn: Turn, filter: string, message: string): void =>
  turn.sayOnce(`"${filterNamed(filter)?.label ?? filter}" cannot be watched for: ${message}`, 'stderr');

const onPlanned = (turn: Turn, work: WatchWork, outcomes: readonly PlanOutcome[]): LaneProgress => {
  const planned: Planned[] = [];
  const filters: string[] = [];
  outcomes.forEach((outcome, index) => {
    const filter = work.filters[index] ?? '';
    if (!outcome.ok) {
      if (work.optional[index] !== true) sayRefused(turn, filter, outcome.message);
      return;
    }
    for (const each of [outcome, ...(outcome.others ?? [])]) {
      planned.push(each);
      filters.push(filter);
    }
  });
  if (planned.length === 0) return undefined;
  const helpers = helpersOf(turn, planned);
  turn.emit({ kind: 'arm', ticket: turn.laneTicket(), plans: [...helpers, ...planned].map((each) => each.plan) });
  return { ...work, stage: 'arming', filters, planned, helpers };
};

const onArmed = (turn: Turn, work: WatchWork, outcomes: readonly ArmOutcome[]): LaneProgress => {
  addHelpers(turn, work.helpers, outcomes);
  const gates = new Map(turn.state.gates);
  outcomes.slice(work.helpers.length).forEach((outcome, index) => {
    const filter = work.filters[index] ?? '';
    const planned = work.planned[index];
    if (!outcome.ok) sayRefused(turn, filter, outcome.message);
    else if (planned !== undefined)
      gates.set(outcome.probe, {
        probe: outcome.probe,
        id: turn.breakpointId(),
        owner: { kind: 'filter', filter },
        planned,
        condition: undefined,
        hitCondition: undefined,
        counted: 0,
        passed: 0,
      });
  });
  turn.update({ gates });
  return undefined;
};

export const advanceWatch = (turn: Turn, work: WatchWork, news: LaneNews): LaneProgress => {
  switch (work.stage) {
    case 'new':
      return news.kind === 'go' ? begin(turn, work) : work;
    case 'disarming':
      return news.kind === 'disarmed' ? plan(turn, work) : work;
    case 'planning':
      return news.kind === 'planned' ? onPlanned(turn, work, news.outcomes) : work;
    case 'arming':
      return news.kind === 'armed' ? onArmed(turn, work, news.outcomes) : work;
  }
};
