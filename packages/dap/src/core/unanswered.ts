/** Requests that nobody will carry out any more: each is answered all the same. */

import type { UserError } from '../errors.js';
import { errors } from '../errors.js';
import type { Request } from './message.js';
import type { LaneWork } from './state/lane-work.js';
import type { Turn } from './turn.js';

export const requestOf = (work: LaneWork): Request | undefined => {
  if (work.kind === 'remove-probe') return work.waiting?.kind === 'console' ? work.waiting.request : undefined;
  return 'request' in work ? work.request : undefined;
};

/** It has its answer from Delve. */
export const isSent = (work: LaneWork | undefined): boolean =>
  (work?.kind === 'resume' && work.stage === 'planting') || (work?.kind === 'restart' && work.stage === 'sent');

/** Nothing of the lane's queue starts any more; whoever waits gets an answer. */
export const clearLane = (turn: Turn): void => {
  for (const work of turn.state.lane.queue) {
    const request = requestOf(work);
    if (request !== undefined) turn.refuse(request, errors.sessionEnding());
  }
  turn.update({ lane: { ...turn.state.lane, queue: [] } });
};

/** Whoever still waits for Delve waits in vain. */
export const refuseRest = (turn: Turn, error: UserError): void => {
  const { pending, lane, backlog } = turn.state;
  for (const purpose of pending.values())
    if (purpose.kind === 'client' || purpose.kind === 'finish-step') turn.refuse(purpose.request, error);
  const { active } = lane;
  // What was forwarded is among the pending ones.
  const works = active === undefined || isSent(active) ? lane.queue : [active, ...lane.queue];
  const waiting = works.map(requestOf).filter((request) => request !== undefined);
  const { completing, listing } = turn.state;
  for (const request of [...waiting, ...backlog, ...completing.values(), ...listing.values()])
    turn.refuse(request, error);
  const asked = new Map(turn.state.asked);
  for (const probe of asked.values()) {
    if (probe.waiting?.kind === 'console') turn.refuse(probe.waiting.request, error);
    else if (probe.waiting !== undefined)
      turn.emit({ kind: 'control-refusal', ticket: probe.waiting.ticket, message: error.message });
    asked.set(probe.id, { ...probe, waiting: undefined });
  }
  turn.update({
    asked,
    pending: new Map(),
    backlog: [],
    completing: new Map(),
    listing: new Map(),
    lane: { active: undefined, ticket: undefined, queue: [] },
  });
};

/** A launch that Delve has not been sent yet, and never will be. */
export const refuseLaunch = (turn: Turn, error: UserError): void => {
  const { launch, delve } = turn.state;
  if (launch === undefined || (delve !== 'starting' && delve !== 'greeting')) return;
  turn.update({ launch: undefined });
  turn.refuse(launch.request, error);
};
