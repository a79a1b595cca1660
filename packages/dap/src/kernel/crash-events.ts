/** Records of `crash:` probes on their way to the session: read with the program's tables, which the session has not. */
import type { GoBinary } from '@probelens/gosym';
import { type Armed, type ProbeEvent, type ProbePlan, readableCrash } from '@probelens/probes';

export class CrashEvents {
  readonly #binary: GoBinary;
  /** By the probe's id. */
  readonly #plans = new Map<number, ProbePlan>();
  #arming: ProbePlan | undefined;
  #newest = 0;

  constructor(binary: GoBinary) {
    this.#binary = binary;
  }

  /** Arms by `arm`. One at a time. */
  async armed(plan: ProbePlan | undefined, arm: () => Promise<Armed>): Promise<Armed> {
    const isCrash = plan?.spec.target.kind === 'crash';
    this.#arming = isCrash ? plan : undefined;
    try {
      const armed = await arm();
      this.#newest = Math.max(this.#newest, armed.probe);
      if (isCrash) this.#plans.set(armed.probe, plan);
      return armed;
    } finally {
      this.#arming = undefined;
    }
  }

  /** Other events are left as they are. */
  readable(events: readonly ProbeEvent[]): readonly ProbeEvent[] {
    if (this.#plans.size === 0 && this.#arming === undefined) return events;
    return events.map((event) => {
      // Events may overtake the answer that names their probe.
      const plan = this.#plans.get(event.probe) ?? (event.probe > this.#newest ? this.#arming : undefined);
      return plan === undefined ? event : readableCrash(event, plan, this.#binary);
    });
  }
}
