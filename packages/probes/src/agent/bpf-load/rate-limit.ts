/** `limit N` of events that are told from here: the bucket of program/token-bucket.ts, on the kernel's clock. */
import { tokenBucket } from '../../program/token-bucket.js';

export class RateLimit {
  readonly #interval: bigint;
  readonly #tolerance: bigint;
  /** Theoretical arrival time of the next event. */
  #next = 0n;

  /** @param rate events a second. */
  constructor(rate: number) {
    const { interval, tolerance } = tokenBucket(rate);
    this.#interval = BigInt(interval);
    this.#tolerance = BigInt(tolerance);
  }

  /** @param now CLOCK_MONOTONIC, nanoseconds. False: this one is left out. */
  admits(now: bigint): boolean {
    const from = this.#next > now ? this.#next : now;
    if (from > now + this.#tolerance) return false;
    this.#next = from + this.#interval;
    return true;
  }
}
