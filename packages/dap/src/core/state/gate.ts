/** A probe in the kernel. */
import type { Planned, WantedHits } from '../kernel-words.js';
import type { GroupKey } from './breakpoints.js';

/** A probe in the kernel that belongs to this session. */
export interface Gate {
  readonly probe: number;
  /** The client's breakpoint id; also the id in console and control socket. */
  readonly id: number;
  readonly owner:
    | { readonly kind: 'breakpoint'; readonly group: GroupKey; readonly key: string }
    | { readonly kind: 'probe' }
    /** An exception filter of ours. */
    | { readonly kind: 'filter'; readonly filter: string }
    /** Where goroutines stop that an event of the kernel noted (armed-threads.ts). */
    | { readonly kind: 'armed-threads' };
  readonly planned: Planned;
  /** As the person wrote it, for Delve to judge where the kernel could not. */
  readonly condition: string | undefined;
  /** What is left to be applied here: undefined also where the kernel counts (`hits` of its plan). */
  readonly hitCondition: HitCondition | undefined;
  /** Hits whose condition was true, as Delve would count them. */
  readonly counted: number;
  /** Passed by other goroutines while a step ran. */
  readonly passed: number;
}

export type HitCondition = WantedHits;
