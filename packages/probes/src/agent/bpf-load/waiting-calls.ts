/**
 * Calls between the ring and whoever asks the kernel about them, which takes far longer than to take them out: a burst
 * would fill the ring meanwhile.
 */
import type { SeenCall } from './records.js';

/** Of the agent's memory: some 30,000 small programs, or 200 with the longest logs. */
const mostBytes = 32 * 1024 * 1024;

/** Of a call, beside its instructions and its log. */
const callBytes = 1024;

const bytesOf = ({ code, log }: SeenCall): number => callBytes + code.byteLength + log.length;

export class WaitingCalls {
  readonly #calls: SeenCall[] = [];
  #bytes = 0;
  /** Calls for which there was no room. */
  lost = 0;

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  add(call: SeenCall): void {
    const bytes = bytesOf(call);
    if (this.#bytes + bytes > mostBytes) {
      this.lost++;
      return;
    }
    this.#bytes += bytes;
    this.#calls.push(call);
  }

  /** The oldest, at most so many. */
  take(count: number): readonly SeenCall[] {
    const taken = this.#calls.splice(0, count);
    for (const call of taken) this.#bytes -= bytesOf(call);
    return taken;
  }
}
