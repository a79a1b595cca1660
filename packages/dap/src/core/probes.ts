/** Probes that were asked for by text: in the launch arguments, the console, or through the control socket. */

import { errors } from '../errors.js';
import { addHelpers, helpersOf, spareHelpers, stopsElsewhere } from './armed-threads.js';
import { removeGates } from './gates.js';
import type { PlanItem, Planned } from './kernel-words.js';
import type { LaneNews, LaneProgress } from './lane-news.js';
import type { ProbeView } from './output.js';
import type { Asked } from './state/asked.js';
import type { LaneWork } from './state/lane-work.js';
import type { Turn } from './turn.js';
import { delvePlaces } from './wants.js';

type AddWork = LaneWork & { readonly kind: 'add-probe' };
type RemoveWork = LaneWork & { readonly kind: 'remove-probe' };

export const view = ({ id, text, function: fn, state, message, hits }: Asked): ProbeView => ({
  id,
  text,
  function: fn,
  state,
  message,
  hits,
});

const itemOf = (turn: Turn, id: number, text: string, where: { file: string; line: number } | undefined): PlanItem => ({
  kind: 'text',
  text,
  where,
  goroutine: turn.state.target.goroutine,
  number: id,
  list: new Map([...turn.state.asked.values()].map((asked) => [asked.id, asked.text])),
});

/** Told at once: a number that nobody has may be a slip. */
const missingOf = (turn: Turn, { plan }: Planned): string => {
  const numbers = (plan.spec.onMatch ?? []).flatMap((each) => (each.kind === 'snapshot' ? [] : [each.probe]));
  const missing = [...new Set(numbers)].filter((number) => !turn.state.asked.has(number));
  return missing.length === 0 ? '' : ` There is no probe ${missing.join(', ')} yet that it could switch.`;
};

export const addProbe = (
  turn: Turn,
  text: string,
  where: { readonly file: string; readonly line: number } | undefined,
  waiting: Asked['waiting'],
): void => {
  const id = turn.breakpointId();
  const asked: Asked = {
    id,
    text,
    function: undefined,
    state: 'planning',
    message: undefined,
    hits: 0,
    matches: 0,
    probe: undefined,
    waiting,
  };
  turn.update({ asked: new Map(turn.state.asked).set(id, asked) });
  turn.queue({
    kind: 'add-probe',
    id,
    item: itemOf(turn, id, text, where),
    stage: 'new',
    planned: undefined,
    helpers: [],
    refusal: undefined,
  });
};

/** After a restart: the program may be another one, so everything is planned again by name. */
export const addAgain = (turn: Turn): void => {
  for (const asked of turn.state.asked.values()) if (asked.state !== 'refused') addOneAgain(turn, asked.id);
};

export const addOneAgain = (turn: Turn, id: number): void => {
  const asked = change(turn, id, { state: 'planning', probe: undefined });
  if (asked === undefined) return;
  const item = itemOf(turn, id, asked.text, undefined);
  turn.queue({ kind: 'add-probe', id, item, stage: 'new', planned: undefined, helpers: [], refusal: undefined });
};

const change = (turn: Turn, id: number, difference: Partial<Asked>): Asked | undefined => {
  const asked = turn.state.asked.get(id);
  if (asked === undefined) return undefined;
  const next = { ...asked, ...difference };
  turn.update({ asked: new Map(turn.state.asked).set(id, next) });
  return next;
};

const shown = (asked: Asked): string => `[${asked.id}] ${asked.text}: ${asked.message ?? asked.state}`;

/** Whoever asked learns what became of it; the launch arguments have the console. */
const settle = (turn: Turn, id: number, difference: Partial<Asked>, asker?: Asked['waiting']): void => {
  const asked = turn.state.asked.get(id);
  const next = change(turn, id, { ...difference, waiting: undefined });
  if (asked === undefined || next === undefined) return;
  const waiting = asker ?? asked.waiting;
  if (waiting === undefined) turn.say(shown(next), next.state === 'refused' ? 'stderr' : 'console');
  else if (waiting.kind === 'console') {
    if (next.state === 'refused')
      turn.refuse(waiting.request, errors.console(next.message ?? 'The probe was refused.'));
    else turn.answer(waiting.request, { result: shown(next), variablesReference: 0 });
  } else if (next.state === 'refused') {
    turn.emit({ kind: 'control-refusal', ticket: waiting.ticket, message: next.message ?? 'The probe was refused.' });
  } else turn.emit({ kind: 'control-answer', ticket: waiting.ticket, probes: [view(next)] });
  turn.emit({ kind: 'control-changed', probes: [view(next)] });
  if (next.state === 'refused') {
    const rest = new Map(turn.state.asked);
    rest.delete(id);
    turn.update({ asked: rest });
  }
};

const refuse = (turn: Turn, work: AddWork, message: string): LaneProgress => {
  settle(turn, work.id, { state: 'refused', message });
  return undefined;
};

export const advanceAddProbe = (turn: Turn, work: AddWork, news: LaneNews): LaneProgress => {
  switch (work.stage) {
    case 'new': {
      if (news.kind !== 'go') return work;
      const { kernel } = turn.state;
      if (kernel.state === 'opening') return work;
      if (kernel.state !== 'ready')
        return refuse(
          turn,
          work,
          kernel.reason ?? "There is no program in the kernel's reach yet: launch or attach first.",
        );
      turn.emit({
        kind: 'plan',
        ticket: turn.laneTicket(),
        items: [work.item],
        avoid: delvePlaces(turn.state, '', []),
      });
      return { ...work, stage: 'planning' };
    }
    case 'planning': {
      const outcome = news.kind === 'planned' ? news.outcomes[0] : undefined;
      if (outcome === undefined) return work;
      if (!outcome.ok) return refuse(turn, work, outcome.message);
      const helpers = helpersOf(turn, [outcome]);
      const plans = [...helpers, outcome].map(({ plan }) => plan);
      turn.emit({ kind: 'arm', ticket: turn.laneTicket(), plans });
      return { ...work, stage: 'arming', planned: outcome, helpers };
    }
    case 'arming': {
      if (news.kind !== 'armed' || work.planned === undefined) return work;
      addHelpers(turn, work.helpers, news.outcomes);
      const outcome = news.outcomes[work.helpers.length];
      if (outcome?.ok !== true) return giveUp(turn, work, outcome?.message ?? 'the probe agent did not answer.');
      const { planned, id } = work;
      turn.update({
        gates: new Map(turn.state.gates).set(outcome.probe, {
          probe: outcome.probe,
          id,
          owner: { kind: 'probe' },
          planned,
          condition: planned.plan.spec.condition,
          hitCondition: undefined,
          counted: 0,
          passed: 0,
        }),
      });
      const message = `${planned.message}${missingOf(turn, planned)}`;
      settle(turn, id, { state: 'armed', probe: outcome.probe, function: planned.function, message });
      return undefined;
    }
    case 'giving-up':
      return news.kind === 'disarmed' ? refuse(turn, work, work.refusal ?? '') : work;
  }
};

/** What was armed for it goes first. */
const giveUp = (turn: Turn, work: AddWork, message: string): LaneProgress => {
  const spare = spareHelpers(turn, []);
  if (spare.length === 0) return refuse(turn, work, message);
  removeGates(turn, spare);
  turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes: spare });
  return { ...work, stage: 'giving-up', refusal: message };
};

export const advanceRemoveProbe = (turn: Turn, work: RemoveWork, news: LaneNews): LaneProgress => {
  const asked = turn.state.asked.get(work.id);
  if (asked === undefined) return alreadyGone(turn, work);
  if (work.stage === 'new') {
    if (asked.probe === undefined) return forget(turn, asked, asked, work.waiting);
    const own = turn.state.gates.get(asked.probe);
    const spare = own !== undefined && stopsElsewhere(own) ? spareHelpers(turn, [asked.probe]) : [];
    const probes = [asked.probe, ...spare];
    removeGates(turn, probes);
    turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes });
    return { ...work, stage: 'disarming' };
  }
  if (news.kind !== 'disarmed') return work;
  return forget(turn, asked, news.counters.find((one) => one.probe === asked.probe) ?? asked, work.waiting);
};

/** It was refused, or removed, since it was asked to be removed. */
const alreadyGone = (turn: Turn, { id, waiting }: RemoveWork): LaneProgress => {
  const error = errors.console(`There is no probe ${id} any more.`);
  if (waiting?.kind === 'console') turn.refuse(waiting.request, error);
  else if (waiting !== undefined)
    turn.emit({ kind: 'control-refusal', ticket: waiting.ticket, message: error.message });
  return undefined;
};

/** With a condition the hits alone say little. */
export const countText = ({ hits, matches }: Pick<Asked, 'hits' | 'matches'>): string =>
  matches === hits ? `${hits} hits` : `${hits} hits, ${matches} of them matched`;

const forget = (
  turn: Turn,
  asked: Asked,
  last: Pick<Asked, 'hits' | 'matches'>,
  asker: Asked['waiting'],
): LaneProgress => {
  const { hits, matches } = last;
  const message = `removed after ${countText(last)}`;
  settle(turn, asked.id, { state: 'gone', probe: undefined, hits, matches, message }, asker);
  const rest = new Map(turn.state.asked);
  rest.delete(asked.id);
  turn.update({ asked: rest });
  return undefined;
};

/** Undefined when there is no such probe. */
export const removeProbe = (turn: Turn, id: number, waiting: Asked['waiting']): boolean => {
  if (!turn.state.asked.has(id)) return false;
  turn.queue({ kind: 'remove-probe', id, stage: 'new', waiting });
  return true;
};
