/** Breakpoints of the kernel that Delve has while it steps (hand-over.ts). */

import type { Planned } from '../kernel-words.js';
import type { GroupKey } from './breakpoints.js';

/** A breakpoint of the kernel's that Delve has for a while. */
export interface Lent {
  readonly group: GroupKey;
  readonly key: string;
  /** As it was armed, or would have been. */
  readonly planned: Planned;
  readonly counted: number;
  /** Hits that were passed by other goroutines while one stepped. */
  readonly passed: number;
  /** On its way back: planned and armed as any other. */
  readonly returning: boolean;
}

export interface HandOver {
  /** By `lentKey`. */
  readonly lent: ReadonlyMap<string, Lent>;
  /** The step whose breakpoints Delve may still hold. */
  readonly planted: { readonly goroutine: number; readonly request: number } | undefined;
}

export const noHandOver: HandOver = { lent: new Map(), planted: undefined };
