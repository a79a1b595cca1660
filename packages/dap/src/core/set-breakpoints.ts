/**
 * setBreakpoints and setFunctionBreakpoints: plan, disarm what is no longer wanted, let Delve set its share, arm the
 * rest, answer in the client's order. What the agent refuses to arm goes to Delve in a second round.
 */
import { comeBack, isBeside, newInDelve } from './clash.js';
import { removeGates } from './gates.js';
import { forgetChanged, lend, mayHoldSteps, yields } from './hand-over.js';
import { counted, countingOn } from './hit-counts.js';
import type { ArmOutcome, PlanItem, PlanOutcome } from './kernel-words.js';
import type { LaneNews, LaneProgress } from './lane-news.js';
import { isLent } from './lent.js';
import type { JsonObject, Request, Response } from './message.js';
import { listOf, objectOf } from './message.js';
import { fallenKey, finish, interrupted, isWithheld, refused, withoutDelve } from './placing.js';
import { behindMending, isInDoubt } from './remains.js';
import { wantsAgain } from './set-again.js';
import type { Placed, Want } from './state/breakpoints.js';
import { newSet, type SetStage, type SetWork } from './state/lane-work.js';
import { lookForStrangers } from './strangers.js';
import type { Turn } from './turn.js';
import { delvePlaces, groupOf, sameWant, wantsOf } from './wants.js';

/** Undefined when the request names no source: Delve has a word for that. */
export const setWork = (turn: Turn, request: Request): SetWork | undefined => {
  const group = groupOf(request);
  if (group === undefined) return undefined;
  const { breakpoints: _, lines: __, ...base } = objectOf(request.arguments);
  const before = turn.state.groups.get(group)?.placed ?? [];
  const alone = withoutDelve(turn);
  const { running, goroutine: selected } = turn.state.target;
  const wants = wantsOf(request, { selected, before, alone, begun: running || selected !== undefined });
  return { kind: 'set', request, group, command: request.command, base, wants, stage: newSet };
};

const at = (work: SetWork, change: Partial<SetStage>): SetWork => ({ ...work, stage: { ...work.stage, ...change } });

/** Wants that the kernel may be asked for and that are not armed already. */
const toPlan = (turn: Turn, work: SetWork): readonly { index: number; item: PlanItem }[] => {
  if (turn.state.kernel.state !== 'ready') return [];
  const items: { index: number; item: PlanItem }[] = [];
  work.wants.forEach((want, index) => {
    if (want.item === undefined || work.stage.kept.has(index)) return;
    if (turn.state.fallen.has(fallenKey(work, want)) || isLent(turn.state, work.group, want.key)) return;
    items.push({ index, item: want.item });
  });
  return items;
};

const keptOf = (turn: Turn, work: SetWork): ReadonlyMap<number, Placed> => {
  const kept = new Map<number, Placed>();
  const before = turn.state.groups.get(work.group)?.placed ?? [];
  const plain = newInDelve(turn.state, work.group, work.wants).filter(({ item }) => item === undefined);
  work.wants.forEach((want, index) => {
    if (turn.state.fallen.has(fallenKey(work, want)) || isLent(turn.state, work.group, want.key)) return;
    const placed = before.find((old) => old.home === 'kernel' && sameWant(old, want));
    const gate = placed?.probe === undefined ? undefined : turn.state.gates.get(placed.probe);
    if (placed !== undefined && gate !== undefined && !isBeside(gate, work.group, plain)) kept.set(index, placed);
  });
  return kept;
};

/** What is done on our own account is what the client wants by now. */
const upToDate = (turn: Turn, work: SetWork): SetWork | undefined => {
  if (work.request !== undefined) return work;
  const known = turn.state.groups.get(work.group);
  return known && { ...work, base: known.base, wants: wantsAgain(known) };
};

const begin = (turn: Turn, asked: SetWork): LaneProgress => {
  const work = upToDate(turn, asked);
  if (work === undefined) return undefined;
  const candidates = work.wants.some((want) => want.item !== undefined);
  // The kernel side is being opened: what could go there waits for it.
  if (candidates && turn.state.kernel.state === 'opening') return work;
  forgetChanged(turn, work.group, work.wants);
  const started = at(work, { kept: keptOf(turn, work) });
  const items = toPlan(turn, started);
  if (items.length === 0) return disarmOld(turn, started);
  turn.emit({
    kind: 'plan',
    ticket: turn.laneTicket(),
    items: items.map(({ item }) => item),
    avoid: delvePlaces(turn.state, work.group, work.wants),
  });
  return at(started, { kind: 'planning' });
};

const onPlanned = (turn: Turn, work: SetWork, outcomes: readonly PlanOutcome[]): LaneProgress => {
  const byIndex = new Map<number, PlanOutcome>();
  toPlan(turn, work).forEach(({ index }, position) => {
    const outcome = outcomes[position];
    if (outcome !== undefined) byIndex.set(index, outcome);
  });
  const planned = at(work, { outcomes: byIndex });
  if (mayHoldSteps(turn.state)) lendPlanned(turn, planned);
  return replan(turn, planned) ?? disarmOld(turn, planned);
};

/** Delve steps, or has not finished to: what it may need meanwhile it has itself. */
const lendPlanned = (turn: Turn, work: SetWork): void => {
  for (const [index, outcome] of work.stage.outcomes) {
    const want = work.wants[index];
    if (want === undefined || work.stage.armed.has(index)) continue;
    if (outcome.ok && yields(outcome)) lend(turn, work.group, want.key, outcome);
  }
};

/** What was refused is Delve's: the rest keeps away from there too. Once, because every refusal is one gate less. */
const replan = (turn: Turn, work: SetWork): LaneProgress => {
  const isPlanned = (_: Want, index: number): boolean => work.stage.outcomes.has(index);
  const refused = work.wants.filter((want, index) => isPlanned(want, index) && !isToArm(turn, work, index));
  const kept = work.wants.some((_, index) => isToArm(turn, work, index));
  if (work.stage.replanned || withoutDelve(turn) || refused.length === 0 || !kept) return undefined;
  const theirs = work.wants.map((want) => (refused.includes(want) ? { ...want, item: undefined } : want));
  turn.emit({
    kind: 'plan',
    ticket: turn.laneTicket(),
    items: toPlan(turn, work).map(({ item }) => item),
    avoid: delvePlaces(turn.state, work.group, theirs),
  });
  return at(work, { kind: 'planning', replanned: true });
};

const disarmOld = (turn: Turn, work: SetWork): LaneProgress => {
  const keep = new Set([...work.stage.kept.values()].map((placed) => placed.probe));
  const gone: number[] = [];
  for (const gate of turn.state.gates.values()) {
    if (gate.owner.kind === 'breakpoint' && gate.owner.group === work.group && !keep.has(gate.probe))
      gone.push(gate.probe);
  }
  if (gone.length === 0) return askDelve(turn, work);
  const leaving = new Map([...turn.state.gates].filter(([probe]) => gone.includes(probe)));
  removeGates(turn, gone);
  turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes: gone });
  return at(work, { kind: 'disarming', leaving });
};

const isToArm = (turn: Turn, work: SetWork, index: number): boolean =>
  turn.state.kernel.state === 'ready' &&
  work.stage.outcomes.get(index)?.ok === true &&
  !isLent(turn.state, work.group, work.wants[index]?.key ?? '');

const isOurs = (turn: Turn, work: SetWork, index: number): boolean =>
  work.stage.kept.has(index) || work.stage.armed.has(index) || isToArm(turn, work, index);

const forDelve = (turn: Turn, work: SetWork): readonly number[] =>
  work.wants
    .map((_, index) => index)
    .filter((index) => !isOurs(turn, work, index) && !isWithheld(turn, work, work.wants[index]));

/** Gates that stand where Delve is about to write go out first. */
const clearWay = (turn: Turn, work: SetWork, fresh: readonly Want[]): LaneProgress => {
  const inTheWay = [...turn.state.gates.values()].filter((gate) => isBeside(gate, work.group, fresh));
  if (inTheWay.length === 0) return undefined;
  const probes = inTheWay.map(({ probe }) => probe);
  comeBack(turn, inTheWay, work.group);
  removeGates(turn, probes);
  turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes });
  const gone = new Set<number | undefined>(probes);
  const kept = new Map([...work.stage.kept].filter(([, { probe }]) => !gone.has(probe)));
  return at(work, { kind: 'disarming', kept });
};

const askDelve = (turn: Turn, work: SetWork): LaneProgress => {
  if (withoutDelve(turn)) return armNew(turn, work);
  if (isInDoubt(turn.state)) return behindMending(turn, interrupted(turn, work));
  const mine = forDelve(turn, work);
  const wants = mine.map((index) => work.wants[index]).filter((want) => want !== undefined);
  // Not what Delve was given a moment ago, before the agent refused another of them.
  const given = new Set(work.stage.has?.map((index) => work.wants[index]?.key));
  const fresh = newInDelve(turn.state, work.group, wants).filter(({ key }) => !given.has(key));
  const clearing = fresh.length === 0 ? undefined : clearWay(turn, work, fresh);
  if (clearing !== undefined) return clearing;
  const before = turn.state.groups.get(work.group)?.placed ?? [];
  const nothingThere = mine.length === 0 && !before.some((placed) => placed.home === 'delve');
  // Delve halts the program for every such request, so it is spared those that change nothing for it.
  if (nothingThere && work.wants.length > 0) return armNew(turn, work);
  lookForStrangers(turn, work.group, fresh);
  const asWritten = wants.every(({ condition, written }) => condition === written);
  const whole = mine.length === work.wants.length && work.request !== undefined && asWritten;
  const breakpoints = mine.map((index) => work.wants[index]?.raw);
  turn.toDelve(work.command, whole ? work.request?.arguments : { ...work.base, breakpoints }, { kind: 'lane' });
  return at(work, { kind: 'delve', asked: mine });
};

const onDelveAnswer = (turn: Turn, work: SetWork, response: Response): LaneProgress => {
  if (!response.success) {
    if (work.request !== undefined) turn.toClient({ ...response, request_seq: work.request.seq });
    refused(turn, work, response);
    if (work.stage.armed.size === 0) return undefined;
    turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes: [...work.stage.armed.values()] });
    return at({ ...work, request: undefined }, { kind: 'undoing' });
  }
  const list = listOf(objectOf(response.body).breakpoints);
  const answers = new Map<number, JsonObject>();
  work.stage.asked.forEach((index, position) => {
    answers.set(index, objectOf(list[position]));
  });
  return armNew(turn, at(work, { answers, has: work.stage.asked }));
};

const toArm = (turn: Turn, work: SetWork): readonly number[] =>
  work.wants.map((_, index) => index).filter((index) => isToArm(turn, work, index) && !work.stage.armed.has(index));

/** Delve's since it was asked: the agent is gone, or Delve has said that it keeps breakpoints of a step. */
const isLeftOver = (turn: Turn, work: SetWork): boolean =>
  !withoutDelve(turn) && forDelve(turn, work).some((index) => !work.stage.asked.includes(index));

const armNew = (turn: Turn, work: SetWork): LaneProgress => {
  if (mayHoldSteps(turn.state)) lendPlanned(turn, work);
  if (isLeftOver(turn, work)) return askDelve(turn, work);
  const arming = toArm(turn, work);
  const plans = arming.flatMap((index) => {
    const outcome = work.stage.outcomes.get(index);
    return outcome?.ok === true ? [countingOn(work, work.wants[index], outcome).plan] : [];
  });
  if (plans.length === 0) return finish(turn, work);
  turn.emit({ kind: 'arm', ticket: turn.laneTicket(), plans });
  return at(work, { kind: 'arming', arming });
};

const onArmed = (turn: Turn, work: SetWork, armed: readonly ArmOutcome[]): LaneProgress => {
  const outcomes = new Map(work.stage.outcomes);
  const probes = new Map(work.stage.armed);
  work.stage.arming.forEach((index, position) => {
    const outcome = armed[position];
    // What an agent that is gone had armed is gone with it.
    if (outcome?.ok === true && turn.state.kernel.state === 'ready') probes.set(index, outcome.probe);
    if (outcome?.ok === true || (outcome?.busy === true && lendBusy(turn, work, index))) return;
    outcomes.set(index, { ok: false, message: outcome?.message ?? 'the probe agent did not answer.' });
  });
  const next = at(work, { outcomes, armed: probes });
  return isLeftOver(turn, next) ? askDelve(turn, next) : finish(turn, next);
};

/** Somebody stands there just now: Delve has it until the next resume. */
const lendBusy = (turn: Turn, work: SetWork, index: number): boolean => {
  const planned = work.stage.outcomes.get(index);
  const want = work.wants[index];
  if (planned?.ok !== true || want === undefined || !yields(planned) || withoutDelve(turn)) return false;
  lend(turn, work.group, want.key, planned);
  return true;
};

/** What the kernel had of it is gone with the agent. */
const withoutLost = (turn: Turn, work: SetWork): SetWork =>
  turn.state.kernel.state === 'ready' || withoutDelve(turn) ? work : at(work, { kept: new Map(), armed: new Map() });

export const advanceSet = (turn: Turn, before: SetWork, news: LaneNews): LaneProgress => {
  const work = withoutLost(turn, before);
  switch (work.stage.kind) {
    case 'new':
      return news.kind === 'go' ? begin(turn, work) : work;
    case 'planning':
      return news.kind === 'planned' ? onPlanned(turn, work, news.outcomes) : work;
    case 'disarming':
      return news.kind === 'disarmed' ? askDelve(turn, counted(work, news.counters)) : work;
    case 'delve':
      return news.kind === 'answer' ? onDelveAnswer(turn, work, news.response) : work;
    case 'arming':
      return news.kind === 'armed' ? onArmed(turn, work, news.outcomes) : work;
    case 'undoing':
      return news.kind === 'disarmed' ? undefined : work;
  }
};
