/**
 * One lane for everything that writes to the program's text or resumes it: breakpoint requests, arming and disarming,
 * continue and steps. One thing at a time and in the client's order, so that the kernel never writes while Delve does,
 * and nothing runs before the breakpoints that were asked for are in place.
 */
import { makeWay } from './clash.js';
import { withFilterAnswers } from './exceptions/answers.js';
import { advanceWatch } from './exceptions/watch.js';
import { advanceFollow, advanceUnfollow } from './follow.js';
import type { LaneNews, LaneProgress } from './lane-news.js';
import { advanceMend } from './mending.js';
import { onResume } from './probe-only/halt.js';
import { advanceAddProbe, advanceRemoveProbe } from './probes.js';
import { advanceRestart } from './restart.js';
import { advanceResume } from './resume.js';
import { advanceSet } from './set-breakpoints.js';
import type { LaneWork } from './state/lane-work.js';
import type { Turn } from './turn.js';

const advance = (turn: Turn, work: LaneWork, news: LaneNews): LaneProgress => {
  switch (work.kind) {
    case 'set':
      return advanceSet(turn, work, news);
    case 'forward':
      return advanceForward(turn, work, news);
    case 'resume':
      return advanceResume(turn, work, news);
    case 'go-on':
      onResume(turn, work.request);
      return undefined;
    case 'restart':
      return advanceRestart(turn, work, news);
    case 'add-probe':
      return advanceAddProbe(turn, work, news);
    case 'remove-probe':
      return advanceRemoveProbe(turn, work, news);
    case 'follow':
      return advanceFollow(turn, work, news);
    case 'unfollow':
      return advanceUnfollow(turn, work, news);
    case 'watch':
      return advanceWatch(turn, work, news);
    case 'mend':
      return advanceMend(turn, work, news);
  }
};

/** Instruction, data and exception breakpoints: Delve's alone, but it writes while it answers. */
const advanceForward = (turn: Turn, work: LaneWork & { kind: 'forward' }, news: LaneNews): LaneProgress => {
  if (!work.sent) {
    if (makeWay(turn, work.request)) return undefined;
    turn.toDelve(work.request.command, work.request.arguments, { kind: 'lane' });
    return { ...work, sent: true };
  }
  if (news.kind !== 'answer') return work;
  const { filters } = work;
  const answer = filters === undefined ? news.response : withFilterAnswers(news.response, filters, turn.state);
  turn.toClient({ ...answer, request_seq: work.request.seq });
  return undefined;
};

const settle = (turn: Turn, work: LaneWork, news: LaneNews): void => {
  turn.update({ lane: { ...turn.state.lane, active: work } });
  const progress = advance(turn, work, news);
  turn.update({ lane: { ...turn.state.lane, active: progress } });
};

/** Starts what waits, as long as things finish at once. */
export const runLane = (turn: Turn): void => {
  for (;;) {
    const { active, queue } = turn.state.lane;
    const [first, ...rest] = queue;
    const leaving = turn.state.ending !== undefined || turn.state.probeOnly?.leaving !== undefined;
    if (active !== undefined || first === undefined || leaving) return;
    turn.update({ lane: { active: first, ticket: undefined, queue: rest } });
    settle(turn, first, { kind: 'go' });
  }
};

/** Something that the active work may be waiting for. */
export const tellLane = (turn: Turn, news: LaneNews, ticket?: number): void => {
  const { active } = turn.state.lane;
  if (active === undefined || (ticket !== undefined && ticket !== turn.state.lane.ticket)) return;
  settle(turn, active, news);
};
