/** What happened, in the order of time (timeline.ts). */

export interface TimelineEntry {
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: bigint;
  /** 0 outside a goroutine, or where nobody knows. */
  readonly goroutine: number;
  readonly kind: 'stop' | 'hit' | 'event';
  readonly text: string;
}

export interface Timeline {
  /** Ascending by time; the latest ones only. */
  readonly entries: readonly TimelineEntry[];
  readonly dropped: number;
}

export const noTimeline: Timeline = { entries: [], dropped: 0 };
