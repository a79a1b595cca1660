/**
 * A program that probes halt. The agent continues it with the last of them, so one that is taken out while the program
 * stands still stays in the kernel until it goes on.
 */
import { type AgentClient, AgentFailure, type Armed, type ProbeCounters } from '@probelens/probes';

export class Halts {
  readonly #agent: AgentClient;
  readonly #pid: number;
  readonly #halting = new Set<number>();
  #halted = false;
  #postponed: number[] = [];

  constructor(agent: AgentClient, pid: number) {
    this.#agent = agent;
    this.#pid = pid;
  }

  async added(arming: Promise<Armed>): Promise<Armed> {
    const armed = await arming;
    this.#halting.add(armed.probe);
    return armed;
  }

  set(halted: boolean): void {
    this.#halted = halted;
  }

  /** In the order of `probes`; of those that are postponed the counts so far, which are the last. */
  async disarm(probes: readonly number[]): Promise<readonly ProbeCounters[]> {
    const later = new Set(this.#halted ? probes.filter((probe) => this.#halting.has(probe)) : []);
    this.#postponed.push(...later);
    const known = later.size === 0 ? [] : await this.#agent.counters();
    const counters: ProbeCounters[] = known.filter(({ probe }) => later.has(probe));
    for (const probe of probes) if (!later.has(probe)) counters.push(await this.#takeOut(probe));
    return counters;
  }

  async goOn(): Promise<void> {
    this.#halted = false;
    const postponed = this.#postponed;
    this.#postponed = [];
    for (const probe of postponed) await this.#takeOut(probe);
    // With the last one the agent has continued it.
    if (this.#halting.size === 0 && postponed.length > 0) return;
    try {
      await this.#agent.resume(this.#pid);
    } catch (error) {
      if (!(error instanceof AgentFailure) || error.code !== 'no-such-process') throw error;
    }
  }

  #takeOut(probe: number): Promise<ProbeCounters> {
    this.#halting.delete(probe);
    return this.#agent.disarm(probe);
  }
}
