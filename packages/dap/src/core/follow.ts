/**
 * Stepping into a `go` statement: the new goroutine is stopped at the first line of its function. Delve has no such step,
 * so an instruction breakpoint of ours stands there for one resume, for goroutines of this parent and this statement only.
 */
import { errors } from '../errors.js';
import { removeGatesAt } from './clash.js';
import type { GoStatement } from './kernel-words.js';
import type { LaneNews, LaneProgress } from './lane-news.js';
import { type Event, listOf, numberOf, objectOf, type Request, type Response } from './message.js';
import { passOver } from './passed.js';
import { behindMending, isInDoubt } from './remains.js';
import { markRunning } from './silent.js';
import type { LaneWork } from './state/lane-work.js';
import type { StepTarget, Top } from './state/stepping.js';
import { changeStepping } from './tops.js';
import type { Turn } from './turn.js';

type FollowWork = LaneWork & { readonly kind: 'follow' };

export const onStepInTargets = (turn: Turn, request: Request): void => {
  const top = turn.state.stepping.tops.get(numberOf(objectOf(request.arguments).frameId) ?? -1);
  const { state, bias } = turn.state.kernel;
  if (top === undefined) {
    turn.answer(request, { targets: [] });
    return;
  }
  if (state !== 'ready' || bias === undefined) {
    offer(turn, request, top, []);
    return;
  }
  const ticket = turn.ticket();
  changeStepping(turn, { asking: new Map(turn.state.stepping.asking).set(ticket, { request, top }) });
  turn.emit({ kind: 'find-go-statements', ticket, pc: top.pc - bias });
};

export const onGoStatements = (turn: Turn, ticket: number, statements: readonly GoStatement[]): void => {
  const asked = turn.state.stepping.asking.get(ticket);
  if (asked === undefined) return;
  const asking = new Map(turn.state.stepping.asking);
  asking.delete(ticket);
  changeStepping(turn, { asking });
  offer(turn, asked.request, asked.top, statements);
};

/** The ordinary step first. */
const offer = (turn: Turn, request: Request, top: Top, statements: readonly GoStatement[]): void => {
  const targets = new Map(turn.state.stepping.targets);
  let id = turn.state.stepping.lastTarget;
  const offered = [undefined, ...statements].map((statement) => {
    id += 1;
    targets.set(id, { ...top, statement });
    return { id, label: statement === undefined ? 'step in' : `new goroutine: ${statement.name}` };
  });
  changeStepping(turn, { targets, lastTarget: id });
  turn.answer(request, { targets: offered });
};

/** The step that a target stands for; undefined: no target of ours. */
export const targetOf = (turn: Turn, request: Request): StepTarget | undefined =>
  request.command === 'stepIn'
    ? turn.state.stepping.targets.get(numberOf(objectOf(request.arguments).targetId) ?? -1)
    : undefined;

const hex = (address: bigint): string => `0x${address.toString(16)}`;

const plant = (turn: Turn, { target, statement }: FollowWork): void => {
  const bias = turn.state.kernel.bias ?? 0n;
  const callers = statement.callers.map((address) => `runtime.curg.gopc == ${BigInt(address) + bias}`).join(' || ');
  const condition = `runtime.curg.parentGoid == ${target.thread} && (${callers})`;
  const own = { instructionReference: hex(BigInt(statement.address) + bias), condition };
  const breakpoints = [...turn.state.instructions, own];
  turn.toDelve('setInstructionBreakpoints', { breakpoints }, { kind: 'lane' });
};

const onPlanted = (turn: Turn, work: FollowWork, response: Response): LaneProgress => {
  const last = objectOf(listOf(objectOf(response.body).breakpoints).at(-1));
  const breakpoint = numberOf(last.id);
  if (!response.success || last.verified !== true || breakpoint === undefined) {
    turn.refuse(
      work.request,
      errors.console(`The new goroutine cannot be followed: ${String(last.message ?? 'Delve would not')}.`),
    );
    turn.queue({ kind: 'unfollow', sent: false });
    return undefined;
  }
  changeStepping(turn, { follow: { breakpoint, known: work.known } });
  passOver(turn, undefined);
  markRunning(turn);
  turn.update({ step: undefined, only: undefined });
  turn.toDelve('continue', { threadId: work.target.thread }, { kind: 'follow', request: work.request });
  return undefined;
};

export const advanceFollow = (turn: Turn, work: FollowWork, news: LaneNews): LaneProgress => {
  switch (work.stage) {
    case 'new': {
      if (news.kind !== 'go') return work;
      const bias = turn.state.kernel.bias ?? 0n;
      if (removeGatesAt(turn, BigInt(work.statement.address) + bias)) return { ...work, stage: 'disarming' };
      turn.toDelve('threads', undefined, { kind: 'lane' });
      return { ...work, stage: 'asking' };
    }
    case 'disarming':
      if (news.kind !== 'disarmed') return work;
      turn.toDelve('threads', undefined, { kind: 'lane' });
      return { ...work, stage: 'asking' };
    case 'asking': {
      if (news.kind !== 'answer') return work;
      if (isInDoubt(turn.state)) return behindMending(turn, { ...work, stage: 'new' });
      const ids = listOf(objectOf(news.response.body).threads).map((thread) => numberOf(objectOf(thread).id));
      plant(turn, work);
      return { ...work, stage: 'planting', known: new Set(ids.filter((id) => id !== undefined)) };
    }
    case 'planting':
      return news.kind === 'answer' ? onPlanted(turn, work, news.response) : work;
  }
};

/** Takes the breakpoint away again. */
export const advanceUnfollow = (
  turn: Turn,
  work: LaneWork & { readonly kind: 'unfollow' },
  news: LaneNews,
): LaneProgress => {
  if (work.sent) return news.kind === 'answer' ? undefined : work;
  turn.toDelve('setInstructionBreakpoints', { breakpoints: turn.state.instructions }, { kind: 'lane' });
  return { ...work, sent: true };
};

/** Delve's answer to the resume, as one to the step that was asked for. */
export const onFollowAnswer = (turn: Turn, request: Request, response: Response): void => {
  if (response.success) {
    turn.answer(request);
    return;
  }
  turn.target({ running: false });
  turn.toClient({ ...response, command: request.command, request_seq: request.seq });
  endFollow(turn);
};

const isOurs = (turn: Turn, event: Event): boolean => {
  const { follow } = turn.state.stepping;
  return follow !== undefined && listOf(objectOf(event.body).hitBreakpointIds).includes(follow.breakpoint);
};

/** Of an earlier round of the same statement: not the goroutine that was stepped into. */
export const isOldChild = (turn: Turn, event: Event): boolean =>
  isOurs(turn, event) && turn.state.stepping.follow?.known.has(numberOf(objectOf(event.body).threadId) ?? 0) === true;

const endFollow = (turn: Turn): void => {
  if (turn.state.stepping.follow === undefined) return;
  changeStepping(turn, { follow: undefined });
  turn.queue({ kind: 'unfollow', sent: false });
};

/** Delve's stop as the client is to see it: the end of its step, or whatever came first. */
export const asFollowed = (turn: Turn, event: Event): Event => {
  if (turn.state.stepping.follow === undefined || isOldChild(turn, event)) return event;
  const ours = isOurs(turn, event);
  endFollow(turn);
  const { hitBreakpointIds: _, ...body } = objectOf(event.body);
  return ours ? { ...event, body: { ...body, reason: 'step' } } : event;
};
