/** The books on what Delve has of the kernel's for a while. */
import type { GroupKey } from './state/breakpoints.js';
import type { HandOver, Lent } from './state/hand-over.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';

export const lentKey = (group: GroupKey, key: string): string => `${group}\n${key}`;

export const changeHandOver = (turn: Turn, difference: Partial<HandOver>): void =>
  turn.update({ handOver: { ...turn.state.handOver, ...difference } });

export const keepLent = (turn: Turn, lent: Lent): void =>
  changeHandOver(turn, { lent: new Map(turn.state.handOver.lent).set(lentKey(lent.group, lent.key), lent) });

/** Also of one on its way back. */
export const lentOf = ({ handOver }: SessionState, group: GroupKey, key: string): Lent | undefined =>
  handOver.lent.get(lentKey(group, key));

/** Delve has it, or is to get it. */
export const isLent = (state: SessionState, group: GroupKey, key: string): boolean =>
  lentOf(state, group, key)?.returning === false;

export const forgetLent = (turn: Turn, group: GroupKey, key: string): void => {
  const lent = new Map(turn.state.handOver.lent);
  if (lent.delete(lentKey(group, key))) changeHandOver(turn, { lent });
};

export const countPassed = (turn: Turn, lent: Lent): void => keepLent(turn, { ...lent, passed: lent.passed + 1 });

/** Told; from now on counted anew. */
export const forgetPassedLent = (turn: Turn): void => {
  for (const lent of turn.state.handOver.lent.values()) if (lent.passed > 0) keepLent(turn, { ...lent, passed: 0 });
};
