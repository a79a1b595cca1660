/** Disarms a probe that takes more of the program's time than it may. */
import type { AgentClient } from '../client/client.js';
import type { ProbeCounters } from '../events.js';
import { type Forecast, forecastOf } from './forecast.js';

export interface BudgetedProbe {
  /** Id that `arm` gave. */
  readonly probe: number;
  /** Nanoseconds per hit. */
  readonly cost: number;
}

export interface BudgetOptions {
  readonly agent: AgentClient;
  /** Of one processor core, for each probe. */
  readonly share: number;
  readonly probes: readonly BudgetedProbe[];
  /** After the probe is out; `counters` are its last. */
  readonly onExceeded: (probe: number, found: Forecast, counters: ProbeCounters) => void;
  readonly onFailure: (failure: unknown) => void;
  readonly everyMs?: number;
}

/** Two looks at most are over the budget before a probe is taken out. */
const LOOK_EVERY_MS = 500;
const LOOKS = 2;

interface Look {
  readonly hits: number;
  readonly over: number;
}

export class Budget {
  readonly #options: BudgetOptions;
  readonly #costs: ReadonlyMap<number, number>;
  readonly #looks = new Map<number, Look>();
  #timer: NodeJS.Timeout | undefined;
  #last = process.hrtime.bigint();

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#costs = new Map(options.probes.map((each) => [each.probe, each.cost]));
    this.#wait();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#look().then(
        () => {
          if (this.#timer !== undefined) this.#wait();
        },
        (failure: unknown) => this.#options.onFailure(failure),
      );
    }, this.#options.everyMs ?? LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const all = await this.#options.agent.counters();
    const now = process.hrtime.bigint();
    const seconds = Number(now - this.#last) / 1e9;
    this.#last = now;
    for (const { probe, hits } of all) {
      const cost = this.#costs.get(probe);
      const before = this.#looks.get(probe);
      if (cost === undefined) continue;
      const found = forecastOf(hits - (before?.hits ?? 0), seconds, cost);
      const over = before !== undefined && found.share > this.#options.share ? before.over + 1 : 0;
      this.#looks.set(probe, { hits, over });
      if (over < LOOKS) continue;
      this.#looks.delete(probe);
      this.#options.onExceeded(probe, found, await this.#options.agent.disarm(probe));
    }
  }
}
