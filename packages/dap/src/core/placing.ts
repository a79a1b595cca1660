/** What has become of each breakpoint of a set, for the books and in the client's words. */
import { isSiteBeside } from './beside.js';
import { delveReason } from './delve-reason.js';
import { parseHitCondition } from './hit-condition.js';
import { countsAnew, sayUncounted, withCount } from './hit-counts.js';
import { bindBreakpoint } from './ids.js';
import type { Planned } from './kernel-words.js';
import type { LaneProgress } from './lane-news.js';
import { forgetLent, lentOf } from './lent.js';
import { whyWithheld } from './mending.js';
import { type JsonObject, numberOf, type Response, textOf } from './message.js';
import type { Group, Placed, Want } from './state/breakpoints.js';
import type { Gate } from './state/gate.js';
import { newSet, type SetWork } from './state/lane-work.js';
import type { Turn } from './turn.js';
import { pathOfGroup } from './wants.js';

/** What the kernel cannot have is nobody's then. */
export const withoutDelve = (turn: Turn): boolean => turn.state.probeOnly !== undefined;

export const fallenKey = (work: SetWork, want: Want): string => `${work.group}\n${want.key}`;

/** A killed agent's breakpoint is where Delve would write. */
export const isWithheld = (turn: Turn, { group }: SetWork, want: Want | undefined): boolean => {
  const { remains, groups } = turn.state;
  if (want === undefined || remains.left.size === 0) return false;
  const isThere = groups.get(group)?.placed.some(({ key, home }) => key === want.key && home === 'delve') === true;
  return !isThere && [...remains.left.values()].some((site) => isSiteBeside(site, group, want));
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Why Delve has it; undefined where there is nothing to explain. */
const reasonOf = (turn: Turn, work: SetWork, index: number, want: Want): string | undefined => {
  // Plain Delve explains nothing.
  if (turn.state.kernel.state === 'off') return undefined;
  if (want.item === undefined) return want.reason;
  const fallen = turn.state.fallen.get(fallenKey(work, want));
  if (fallen !== undefined) return `${fallen}${want.hitCondition === undefined ? '' : countsAnew}`;
  const outcome = work.stage.outcomes.get(index);
  if (outcome !== undefined && !outcome.ok) return delveReason(outcome.message);
  return turn.state.kernel.state === 'unavailable'
    ? 'In Delve: the kernel cannot be used here, see the console.'
    : undefined;
};

const kernelAnswer = (work: SetWork, want: Want, planned: Planned, id: number): JsonObject => {
  const path = pathOfGroup(work.group) ?? planned.file;
  return {
    id,
    verified: true,
    line: want.line ?? planned.line,
    source: { name: baseName(path), path },
    message: planned.message,
  };
};

const delvePlaced = (turn: Turn, work: SetWork, index: number, want: Want): Placed => {
  const answer = work.stage.answers.get(index) ?? {};
  const delveId = numberOf(answer.id);
  const before = turn.state.groups.get(work.group)?.placed.find((old) => old.key === want.key);
  const [ids, id] = bindBreakpoint(turn.state.ids, delveId === 0 ? undefined : delveId, before?.id);
  turn.update({ ids });
  const lent = lentOf(turn.state, work.group, want.key);
  if (lent !== undefined && !lent.returning && answer.verified === true)
    return {
      ...want,
      id,
      home: 'delve',
      probe: undefined,
      lent: true,
      answer: kernelAnswer(work, want, lent.planned, id),
    };
  // Delve would not, or the kernel will not have it back.
  forgetLent(turn, work.group, want.key);
  const said = textOf(answer.message);
  const reason = reasonOf(turn, work, index, want);
  const outcome = work.stage.outcomes.get(index);
  // Why it would be Delve's does not explain what Delve refuses.
  const asked = want.reason?.startsWith('In Delve: ') === true ? undefined : want.reason;
  const why = outcome?.ok === false ? outcome.message : asked;
  const hint = why === undefined ? '' : `: ${why}`;
  const message = said === undefined ? reason : `${said}${hint}`;
  const shown: JsonObject = { ...answer, id, line: numberOf(answer.line) ?? want.line ?? 1 };
  return {
    ...want,
    id,
    home: 'delve',
    probe: undefined,
    answer: message === undefined ? shown : { ...shown, message },
  };
};

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const nobodyPlaced = (turn: Turn, work: SetWork, index: number, want: Want): Placed => {
  const before = turn.state.groups.get(work.group)?.placed.find((old) => old.key === want.key);
  const id = before?.id ?? turn.breakpointId();
  const outcome = work.stage.outcomes.get(index);
  const why = outcome?.ok === false ? outcome.message : (want.reason ?? turn.state.kernel.reason);
  const message = sentence(why ?? 'The kernel cannot have this breakpoint.');
  const answer: JsonObject = { id, verified: false, line: want.line ?? 1, message };
  return { ...want, id, home: 'nobody', probe: undefined, answer };
};

const kernelPlaced = (turn: Turn, work: SetWork, index: number, want: Want, probe: number): Placed | undefined => {
  const outcome = work.stage.outcomes.get(index);
  if (outcome?.ok !== true) return undefined;
  const before = turn.state.groups.get(work.group)?.placed.find((old) => old.key === want.key);
  const id = before?.id ?? turn.breakpointId();
  const lent = lentOf(turn.state, work.group, want.key);
  const gate: Gate = {
    probe,
    id,
    owner: { kind: 'breakpoint', group: work.group, key: want.key },
    planned: outcome,
    condition: want.condition,
    hitCondition: want.hitCondition === undefined ? undefined : parseHitCondition(want.hitCondition),
    counted: lent?.counted ?? 0,
    passed: lent?.passed ?? 0,
  };
  turn.update({ gates: new Map(turn.state.gates).set(probe, withCount(work, want, gate)) });
  sayUncounted(turn, work, want);
  forgetLent(turn, work.group, want.key);
  return { ...want, id, home: 'kernel', probe, answer: kernelAnswer(work, want, outcome, id) };
};

export const finish = (turn: Turn, work: SetWork): LaneProgress => {
  const { group, command, base } = work;
  const placed = work.wants.map((want, index): Placed => {
    const kept = work.stage.kept.get(index);
    if (kept !== undefined) return { ...kept, raw: want.raw };
    const probe = work.stage.armed.get(index);
    const ours = probe === undefined ? undefined : kernelPlaced(turn, work, index, want, probe);
    if (ours !== undefined) return ours;
    if (withoutDelve(turn)) return nobodyPlaced(turn, work, index, want);
    if (!isWithheld(turn, work, want)) return delvePlaced(turn, work, index, want);
    forgetLent(turn, group, want.key);
    return nowhere(turn, work, want, whyWithheld);
  });
  const before = turn.state.groups.get(group)?.placed ?? [];
  turn.update({ groups: new Map(turn.state.groups).set(group, { key: group, command, base, placed }) });
  if (work.request !== undefined) {
    turn.answer(work.request, { breakpoints: placed.map(({ answer }) => answer) });
  } else {
    for (const [index, now] of placed.entries()) announceMove(turn, before[index], now);
  }
  return undefined;
};

/** What Delve and the kernel have by now, in the midst of a set. */
const thereByNow = (turn: Turn, work: SetWork): readonly Placed[] => {
  const { group, wants, stage } = work;
  const kept = [...stage.kept.values()];
  if (stage.has === undefined)
    return [...(turn.state.groups.get(group)?.placed ?? []).filter(({ home }) => home === 'delve'), ...kept];
  const theirs = stage.has.flatMap((index) => {
    const want = wants[index];
    return want === undefined ? [] : [delvePlaced(turn, work, index, want)];
  });
  return [...theirs, ...kept];
};

const nowhere = (turn: Turn, { group }: SetWork, want: Want, message: string): Placed => {
  const known = turn.state.groups.get(group)?.placed.find(({ key }) => key === want.key);
  const id = known?.id ?? turn.breakpointId();
  return {
    ...want,
    id,
    home: 'nobody',
    probe: undefined,
    answer: { id, verified: false, line: want.line ?? 1, message },
  };
};

/** The books in the midst of a set that ends here, or begins anew. Returns what is nowhere of what the client wants. */
const keepHalf = (turn: Turn, work: SetWork, message: string): readonly Placed[] => {
  const { group, command, base, request } = work;
  const before = turn.state.groups.get(group);
  const there = thereByNow(turn, work);
  // Of a request the client hears by its answer.
  const lost = request !== undefined ? [] : work.wants.filter(({ key }) => !there.some((one) => one.key === key));
  const missing = lost.map((want) => nowhere(turn, work, want, message));
  if (before === undefined && there.length === 0) return [];
  const all: Group = { key: group, command, base: before?.base ?? base, placed: [...there, ...missing] };
  turn.update({ groups: new Map(turn.state.groups).set(group, all) });
  return missing;
};

/** The set begins anew, behind something else. */
export const interrupted = (turn: Turn, work: SetWork): SetWork => {
  if (work.stage.has !== undefined) keepHalf(turn, work, '');
  return { ...work, stage: newSet };
};

/** Delve has refused the request: it has what it had, and what was to be the client's is nowhere. */
export const refused = (turn: Turn, work: SetWork, response: Response): void => {
  const missing = keepHalf(turn, work, `Not set: ${textOf(response.message) ?? 'Delve would not'}.`);
  for (const { answer } of missing) turn.event('breakpoint', { reason: 'changed', breakpoint: answer });
};

/** Set again without being asked: the client keeps the id and learns the new message. */
const announceMove = (turn: Turn, before: Placed | undefined, now: Placed): void => {
  if (before === undefined || (before.probe === now.probe && before.lent !== true)) return;
  // Lent to Delve, or back from there: to the client nothing has changed.
  if (JSON.stringify(before.answer) === JSON.stringify(now.answer)) return;
  turn.event('breakpoint', { reason: 'changed', breakpoint: now.answer });
};
