/** What the active work of the lane is told. */
import type { ProbeCounters } from '@probelens/probes';
import type { ArmOutcome, PlanOutcome } from './kernel-words.js';
import type { Response } from './message.js';
import type { LaneWork } from './state/lane-work.js';

export type LaneNews =
  /** It is this work's turn, or something changed that it may have been waiting for. */
  | { readonly kind: 'go' }
  | { readonly kind: 'answer'; readonly response: Response }
  | { readonly kind: 'planned'; readonly outcomes: readonly PlanOutcome[] }
  | { readonly kind: 'armed'; readonly outcomes: readonly ArmOutcome[] }
  | { readonly kind: 'disarmed'; readonly counters: readonly ProbeCounters[] }
  | { readonly kind: 'focused' }
  /** Which of the places that were asked about are not as in the file. */
  | { readonly kind: 'compared'; readonly changed: readonly number[] }
  | { readonly kind: 'mended' }
  /** It is time to look again. */
  | { readonly kind: 'time' }
  /** The program has begun anew, or will not. */
  | { readonly kind: 'restarted' }
  /** A step is on its way, or over: its breakpoints are written. */
  | { readonly kind: 'planted' };

/** The work as it goes on, or undefined when it is done. */
export type LaneProgress = LaneWork | undefined;
