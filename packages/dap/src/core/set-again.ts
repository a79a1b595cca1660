import type { Group, Want } from './state/breakpoints.js';
import { newSet } from './state/lane-work.js';
import type { Turn } from './turn.js';

export const wantsAgain = ({ placed }: Group): readonly Want[] =>
  placed.map(
    ({ key, raw, condition, written, hitCondition, logMessage, line, item, reason }): Want => ({
      key,
      raw,
      condition,
      written,
      hitCondition,
      logMessage,
      line,
      item,
      reason,
    }),
  );

/** A group once more, on our own account: its kernel breakpoints have been lost. What is in it is read when it begins. */
export const setAgain = (turn: Turn, group: string): void => {
  const known = turn.state.groups.get(group);
  if (known === undefined) return;
  const { command, base } = known;
  turn.queue({ kind: 'set', request: undefined, group, command, base, wants: [], stage: newSet });
};
