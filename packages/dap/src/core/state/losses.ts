/** What was lost of the events, by probe (losses.ts). */

import type { ProbeEvent } from '@probelens/probes';
import type { Gate } from './gate.js';

/** How the client keeps up: 'slow': lines of probes are left out; 'full': the program's output as well. */
export type Pace = 'free' | 'slow' | 'full';

export interface Loss {
  readonly gate: Gate;
  /** By the kernel's count. */
  readonly dropped: number;
  /** How many of those found the buffer full; undefined where the agent does not tell. */
  readonly full: number | undefined;
  readonly faults: number;
  /** Lines that the client was not sent, because they came faster than it read. */
  readonly unread: number;
}

export interface Losses {
  readonly pace: Pace;
  readonly byProbe: ReadonlyMap<number, Loss>;
  /** What was said last of each probe. */
  readonly said: ReadonlyMap<number, string>;
  /** Out of the books, and not yet out of the kernel. */
  readonly leaving: ReadonlyMap<number, Gate>;
  /** Of probes whose arming has not been answered yet: events may overtake the answer. */
  readonly early: readonly ProbeEvent[];
  /** More of them than are kept. */
  readonly tooEarly: ReadonlyMap<number, number>;
  /** Characters of output of the program's that the client was not sent, since it was last told so. */
  readonly output: number;
  /** To be said with the next counts. */
  readonly due: boolean;
  /** Of the look at a stop that nothing else waited for. */
  readonly ticket: number | undefined;
  /** The timer runs. */
  readonly counting: boolean;
}

export const noLosses: Losses = {
  pace: 'free',
  byProbe: new Map(),
  said: new Map(),
  leaving: new Map(),
  early: [],
  tooEarly: new Map(),
  output: 0,
  due: false,
  ticket: undefined,
  counting: false,
};
