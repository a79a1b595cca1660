/**
 * An agent that is killed while it takes probes out may leave some of their breakpoints in the program's text (bpf,
 * link/close-together.ts). There they do no harm. But Delve, asked for a breakpoint at such a place, takes the byte for the
 * program's own, never stops there, and writes it back later, when the kernel knows nothing of it any more: the program
 * dies. So before Delve is sent anything, what an agent that is gone had in the text is compared with the file, a new agent
 * takes out what is left, and where that does not help Delve is given no breakpoint.
 */
import type { PlannedSite } from '@probelens/probes';
import type { LaneNews, LaneProgress } from './lane-news.js';
import { changeRemains } from './remains.js';
import type { LaneWork } from './state/lane-work.js';
import type { Turn } from './turn.js';

type MendWork = LaneWork & { readonly kind: 'mend' };

/** An agent behind a command of its own may outlive that by some moments, and takes everything out then. */
const lookMs = 200;
const lookLimit = 10;

const placeOf = ({ function: fn, file, line }: PlannedSite): string =>
  `${fn} (${file.slice(file.lastIndexOf('/') + 1)}:${line})`;

export const whyWithheld =
  "Not set: a breakpoint of the probe agent that was killed is still in the program's code here, and one of Delve's on top of it would damage the program. Restart the program, or choose another line.";

const offsetsOf = ({ offset, sentinel }: PlannedSite): readonly number[] =>
  sentinel === undefined ? [Number(offset)] : [Number(offset), Number(sentinel)];

const finish = (turn: Turn, sites: readonly PlannedSite[]): LaneProgress => {
  const left = new Map(turn.state.remains.left);
  for (const site of sites) left.set(site.address, site);
  changeRemains(turn, { doubtful: new Map(), left });
  if (sites.length > 0) {
    const places = [...new Set(sites.map(placeOf))].join(', ');
    turn.say(
      `The probe agent was killed while it took its breakpoints out, and what it left cannot be taken out now: ${places}. Delve gets no line or function breakpoint there; restart the program to have it again, and set no instruction breakpoint there before.`,
      'stderr',
    );
  }
  return undefined;
};

const look = (turn: Turn, work: MendWork): LaneProgress => {
  const { remains, kernel, target, launch } = turn.state;
  const sites = [...remains.doubtful.values()];
  const pid = target.pid ?? launch?.pid;
  const { bias } = kernel;
  // Of such a program nothing can be said.
  if (sites.length === 0 || pid === undefined || bias === undefined) return finish(turn, []);
  const places = sites.map(({ address, instruction }) => ({ address: BigInt(address) + bias, bytes: instruction }));
  turn.emit({ kind: 'compare-text', ticket: turn.laneTicket(), pid, places });
  return { ...work, stage: 'looking', looks: work.looks + 1 };
};

const onCompared = (turn: Turn, work: MendWork, changed: readonly number[]): LaneProgress => {
  const sites = [...turn.state.remains.doubtful.values()].filter((_, index) => changed.includes(index));
  const pid = turn.state.target.pid ?? turn.state.launch?.pid;
  if (sites.length === 0 || pid === undefined || work.looks >= lookLimit) return finish(turn, sites);
  changeRemains(turn, { doubtful: new Map(sites.map((site) => [site.address, site])) });
  if (work.tried) {
    turn.emit({ kind: 'start-timer', name: 'text', milliseconds: lookMs });
    return { ...work, stage: 'waiting' };
  }
  turn.emit({ kind: 'mend-text', ticket: turn.laneTicket(), pid, offsets: sites.flatMap(offsetsOf) });
  return { ...work, stage: 'mending', tried: true };
};

export const advanceMend = (turn: Turn, work: MendWork, news: LaneNews): LaneProgress => {
  switch (work.stage) {
    case 'new':
      return news.kind === 'go' ? look(turn, work) : work;
    case 'looking':
      return news.kind === 'compared' ? onCompared(turn, work, news.changed) : work;
    case 'mending':
      return news.kind === 'mended' ? look(turn, work) : work;
    case 'waiting':
      return news.kind === 'time' ? look(turn, work) : work;
  }
};
