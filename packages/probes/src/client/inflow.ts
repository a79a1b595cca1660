/** Keeps what has come from an agent and is not yet handled within bounds: it is not read any further meanwhile. */
import type { Readable } from 'node:stream';

export class Inflow {
  readonly #stream: Readable;
  readonly #limit: number;
  #waiting = 0;
  #paused = false;
  #open = false;

  /** @param limit bytes, above which reading rests. */
  constructor(stream: Readable, limit: number) {
    this.#stream = stream;
    this.#limit = limit;
  }

  came(bytes: number): void {
    this.#waiting += bytes;
    if (this.#open || this.#paused || this.#waiting <= this.#limit) return;
    this.#paused = true;
    this.#stream.pause();
  }

  handled(bytes: number): void {
    this.#waiting -= bytes;
    if (this.#waiting <= this.#limit / 2) this.#resume();
  }

  /** From now on everything is read as it comes: an agent that waits for its reader cannot end. */
  open(): void {
    this.#open = true;
    this.#resume();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume();
  }
}
