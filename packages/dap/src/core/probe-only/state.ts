import type { ProbeOnly } from '../state/probe-only.js';
import type { Turn } from '../turn.js';

export const set = (turn: Turn, change: Partial<ProbeOnly>): void => {
  const { probeOnly } = turn.state;
  if (probeOnly !== undefined) turn.update({ probeOnly: { ...probeOnly, ...change } });
};
