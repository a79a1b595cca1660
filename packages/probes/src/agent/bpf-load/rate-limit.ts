/** `limit N` of events that are told from here: the token bucket of program/gate.ts (emitRateLimit), on the kernel's clock. */

/** A tenth of a second's worth at once. Nanoseconds. */
const burst = 100_000_000n;

export class RateLimit {
  readonly #interval: bigint;
  /** Theoretical arrival time of the next event. */
  #next = 0n;

  /** @param rate events a second, on average. */
  constructor(rate: number) {
    this.#interval = BigInt(Math.max(1, Math.round(1e9 / rate)));
  }

  /** @param now CLOCK_MONOTONIC, nanoseconds. False: this one is left out. */
  admits(now: bigint): boolean {
    const from = this.#next > now ? this.#next : now;
    if (from > now + burst) return false;
    this.#next = from + this.#interval;
    return true;
  }
}
