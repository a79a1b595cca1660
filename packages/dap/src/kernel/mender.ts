/** New agents that take out what a killed one has left in the program's text. */
import type { AgentClient } from '@probelens/probes';

/** Milliseconds. It has armed nothing. */
const endPatienceMs = 4_000;
/** Milliseconds for what takes some twenty. */
const mendPatienceMs = 15_000;

export class Mender {
  readonly #startAgent: (command: readonly string[]) => Promise<AgentClient>;
  readonly #abandoned: AbortSignal;
  /** Resolves when no agent of this is left. */
  settled: Promise<void> = Promise.resolve();

  constructor(startAgent: (command: readonly string[]) => Promise<AgentClient>, abandoned: AbortSignal) {
    this.#startAgent = startAgent;
    this.#abandoned = abandoned;
  }

  /** Whether it has helped is seen in the text. `offsets`: in the file. */
  mend(command: readonly string[], pid: number, offsets: readonly number[]): Promise<void> {
    this.settled = this.#mend(command, pid, offsets);
    return this.settled;
  }

  async #mend(command: readonly string[], pid: number, offsets: readonly number[]): Promise<void> {
    try {
      const agent = await this.#startAgent(command);
      const end = (): Promise<void> => agent.dispose(endPatienceMs);
      this.#abandoned.addEventListener('abort', end, { once: true });
      const tooLong = setTimeout(end, mendPatienceMs);
      try {
        await agent.mend({ pid, offsets });
      } finally {
        clearTimeout(tooLong);
        this.#abandoned.removeEventListener('abort', end);
        await end();
      }
    } catch (error) {
      // None can be had, or it would not.
      if (!(error instanceof Error)) throw error;
    }
  }
}
