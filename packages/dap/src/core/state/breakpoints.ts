/** Breakpoints as the client asked for them, and where each of them is now. */

import type { PlanItem } from '../kernel-words.js';
import type { JsonObject } from '../message.js';

/** "functions", or "source:" and a path: what one set-breakpoints request replaces. */
export type GroupKey = string;

/** One breakpoint as the client asked for it. */
export interface Want {
  /** Survives re-sending: line and column, or function name. */
  readonly key: string;
  /** The client's own object, for Delve. */
  readonly raw: JsonObject;
  readonly condition: string | undefined;
  /** The condition as the person wrote it: may end in "on goroutine N". */
  readonly written: string | undefined;
  readonly hitCondition: string | undefined;
  readonly logMessage: string | undefined;
  readonly line: number | undefined;
  /** Undefined: this one is Delve's business, without a word about it. */
  readonly item: PlanItem | undefined;
  /** Why Delve has it although it could have been ours. */
  readonly reason: string | undefined;
}

export interface Placed extends Want {
  readonly id: number;
  /** 'nobody': without Delve, what the kernel cannot have. */
  readonly home: 'delve' | 'kernel' | 'nobody';
  readonly probe: number | undefined;
  /** The kernel's, which Delve has for a while (hand-over.ts). */
  readonly lent?: true;
  /** What the client was told. */
  readonly answer: JsonObject;
}

export interface Group {
  readonly key: GroupKey;
  readonly command: string;
  /** Arguments without the breakpoints. */
  readonly base: JsonObject;
  readonly placed: readonly Placed[];
}
