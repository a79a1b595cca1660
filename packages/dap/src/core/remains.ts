/** The books on places where a killed agent may have left breakpoints (mending.ts). */
import type { PlannedSite } from '@probelens/probes';
import type { Planned } from './kernel-words.js';
import type { LaneWork, SetStage } from './state/lane-work.js';
import { noRemains, type Remains } from './state/remains.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';

export const changeRemains = (turn: Turn, difference: Partial<Remains>): void =>
  turn.update({ remains: { ...turn.state.remains, ...difference } });

export const isInDoubt = ({ remains }: SessionState): boolean => remains.doubtful.size > 0;

/** Not what was only planned: until Delve has answered it may have a breakpoint of its own there. */
const armedBy = ({ kind, outcomes, arming, armed }: SetStage): readonly Planned[] => {
  const indexes = new Set([...armed.keys(), ...(kind === 'arming' ? arming : [])]);
  return [...indexes].flatMap((index) => {
    const outcome = outcomes.get(index);
    return outcome?.ok === true ? [outcome] : [];
  });
};

/** Something that a work of the lane has asked the kernel for. */
const asked = (work: LaneWork | undefined): readonly Planned[] => {
  switch (work?.kind) {
    case 'set':
      return armedBy(work.stage);
    case 'add-probe':
      return [...work.helpers, ...(work.planned === undefined ? [] : [work.planned])];
    case 'watch':
      return [...work.helpers, ...work.planned];
    default:
      return [];
  }
};

/** The agent is gone, and the books still have what it had in the kernel: what was going in or out may be there still. */
export const doubt = (turn: Turn): void => {
  const { gates, losses, lane, remains } = turn.state;
  const known = [...gates.values(), ...losses.leaving.values()].map(({ planned }) => planned);
  const doubtful = new Map<string, PlannedSite>(remains.doubtful);
  for (const { plan } of [...known, ...asked(lane.active)])
    for (const site of plan.sites) doubtful.set(site.address, site);
  if (doubtful.size === 0) return;
  changeRemains(turn, { doubtful });
  const { queue } = turn.state.lane;
  turn.update({
    lane: { ...turn.state.lane, queue: [{ kind: 'mend', stage: 'new', looks: 0, tried: false }, ...queue] },
  });
};

/** The program is gone, and everything that was in it. */
export const forgetRemains = (turn: Turn): void => turn.update({ remains: noRemains });

/** The work comes again, from its beginning, when all of it has been looked at, and what else is to come `first` is done. */
export const behindMending = (
  turn: Turn,
  work: LaneWork,
  first: (queued: LaneWork) => boolean = () => false,
): undefined => {
  const { queue } = turn.state.lane;
  const mending = queue.findIndex(({ kind }) => kind === 'mend');
  const rest = queue.slice(mending + 1);
  const place = rest.findIndex((queued) => !first(queued));
  const at = mending + 1 + (place === -1 ? rest.length : place);
  turn.update({ lane: { ...turn.state.lane, queue: [...queue.slice(0, at), work, ...queue.slice(at)] } });
};
