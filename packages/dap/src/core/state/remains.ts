/** What a killed agent may have left in the program's text (mending.ts). */
import type { PlannedSite } from '@probelens/probes';

export interface Remains {
  /** Places that nobody has looked at since their agent is gone, by address. Nothing of Delve's goes there before. */
  readonly doubtful: ReadonlyMap<string, PlannedSite>;
  /** What is still there, and cannot be taken out. */
  readonly left: ReadonlyMap<string, PlannedSite>;
}

export const noRemains: Remains = { doubtful: new Map(), left: new Map() };
