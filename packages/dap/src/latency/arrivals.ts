/** Events of the agent with the moment in which they were handed over. */
import type { AgentClient, ProbeEvent } from '@probelens/probes';
import { now, within } from './patience.js';

export interface Arrival {
  readonly event: ProbeEvent;
  readonly arrived: bigint;
}

export class Arrivals {
  readonly #waiting = new Map<number, () => void>();
  /** Those that nobody has asked for yet, by probe, oldest first. */
  readonly #come = new Map<number, Arrival[]>();

  /** One for each agent: an event is handed out once. */
  constructor(readonly agent: AgentClient) {
    agent.onEvents((events) => {
      const arrived = now();
      for (const event of events) this.#add({ event, arrived });
    });
  }

  #add(arrival: Arrival): void {
    const { probe } = arrival.event;
    const come = this.#come.get(probe);
    if (come === undefined) this.#come.set(probe, [arrival]);
    else come.push(arrival);
    this.#waiting.get(probe)?.();
  }

  /** The first event of a probe that happened after `since`, of CLOCK_MONOTONIC; older ones belong to something before. */
  async next(probe: number, since: bigint): Promise<Arrival> {
    for (;;) {
      const come = this.#come.get(probe)?.splice(0) ?? [];
      const at = come.findIndex(({ event }) => BigInt(event.time) >= since);
      const found = come[at];
      if (found !== undefined) {
        this.#come.set(probe, come.slice(at + 1));
        return found;
      }
      const change = new Promise<void>((resolve) => this.#waiting.set(probe, resolve));
      await within(change, 'An event of the kernel');
    }
  }
}
