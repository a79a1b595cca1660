/**
 * `limit N`: a bucket of N tokens, full at first, into which N fall a second; who finds none is left out and counted. So
 * up to N events may come at once, and whoever asks for 10 a second sees all of 10 that happen within one.
 *
 * It is kept in one word, the theoretical arrival time of the next event (the generic cell rate algorithm).
 */
export interface TokenBucket {
  /** Between two tokens, nanoseconds. */
  readonly interval: number;
  /** How far the theoretical arrival time may be ahead of the clock, nanoseconds; below 2^31. */
  readonly tolerance: number;
}

/** @param rate events a second, 1 to 1,000,000,000. */
export const tokenBucket = (rate: number): TokenBucket => {
  const interval = Math.max(1, Math.round(1e9 / rate));
  return { interval, tolerance: (rate - 1) * interval };
};
