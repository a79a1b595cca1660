/**
 * The maps that a program shares with the agent: array maps of one element, addressed directly. All words are u64,
 * little endian.
 */

/** Per probe, written by the program (but for `enabled`) and read by the agent. */
export const stateOffsets = {
  hits: 0,
  matches: 8,
  faults: 16,
  dropped: 24,
  /** Hits that passed the condition, faulted ones included: the source of a record's number. */
  number: 32,
  /** Rate limit: the theoretical arrival time of the next event (token-bucket.ts), CLOCK_MONOTONIC nanoseconds. */
  nextEvent: 40,
  /** Hits whose record found no room in the ring buffer (also counted in `dropped`). */
  lost: 48,
} as const;

/** Bytes of the per-probe element. */
export const stateSize = 56;

/** One per agent, written by the agent and read by every program of it. */
export const controlOffsets = {
  /** Only this goroutine may be stopped; 0 = all. */
  focus: 0,
  /** This goroutine is not stopped, because a debugger runs a call on it; 0 = none. */
  muted: 8,
  /** Not 0: nothing is stopped at all. */
  quiet: 16,
  /** Not 0: there are kernel events that arm threads (armed-thread.ts). */
  armed: 24,
} as const;

/** Bytes of the agent's element. */
export const controlSize = 32;
