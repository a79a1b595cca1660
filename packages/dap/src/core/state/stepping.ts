/** Where goroutines stand, and a step into a new one (follow.ts). */
import type { GoStatement } from '../kernel-words.js';
import type { Request } from '../message.js';

export interface Follow {
  /** Delve's id of the breakpoint. */
  readonly breakpoint: number;
  /** Goroutines that there were before: an older child that has not come that far is not the one. */
  readonly known: ReadonlySet<number>;
}

/** Where a goroutine stands, by the id of its innermost frame. */
export interface Top {
  readonly thread: number;
  /** In memory. */
  readonly pc: bigint;
}

export interface StepTarget extends Top {
  readonly statement: GoStatement | undefined;
}

export interface Stepping {
  readonly tops: ReadonlyMap<number, Top>;
  readonly targets: ReadonlyMap<number, StepTarget>;
  readonly lastTarget: number;
  /** `stepInTargets` requests that wait for the binary, by ticket. */
  readonly asking: ReadonlyMap<number, { readonly request: Request; readonly top: Top }>;
  readonly follow: Follow | undefined;
  /** Of goroutines that stand before a gate on its line: the probe whose next hit says nothing new (ahead.ts). */
  readonly ahead: ReadonlyMap<number, number>;
}

export const noStepping: Stepping = {
  tops: new Map(),
  targets: new Map(),
  lastTarget: 0,
  asking: new Map(),
  follow: undefined,
  ahead: new Map(),
};
