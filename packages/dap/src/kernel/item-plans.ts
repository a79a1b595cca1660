/** What becomes of one thing that was asked for: where in the binary, at what cost, and what Delve would have shown. */
import { type GoBinary, type GoFunction, virtualAddress } from '@probelens/gosym';
import { canCountHits, type PlannedSite, type PlanResult, type ProbePlan, type ProbeSpec } from '@probelens/probes';
import type { PlanItem, Planned, PlanOutcome } from '../core/kernel-words.js';
import { lineBeginning } from './line-runs.js';
import { placeOf, type SpecOutcome, sourceName, specsOf, spokenCost, spokenYielding } from './planning.js';

/** What is needed of the planner; its own package implements it. */
export interface PlannerPort {
  plan(
    spec: ProbeSpec,
    binary: GoBinary,
    options?: { readonly use?: 'stop' | 'log'; readonly avoid?: readonly number[]; readonly yielding?: boolean },
  ): PlanResult;
  /** Gates for stops at events of the kernel. */
  armedThreadPlans?(binary: GoBinary, options?: { readonly avoid?: readonly number[] }): readonly ProbePlan[];
  /** See FirstLine in the planner; only the address of the body is of interest here. */
  firstLineOf?(
    fn: GoFunction,
    binary: GoBinary,
  ): {
    readonly bodyLine: number | undefined;
    readonly bodyAddress: number | undefined;
    readonly behindCall: boolean;
  };
}

const behindCall =
  'the function allocates what it was given before this line begins, and a stop would be in the midst of that.';

const uncounted =
  'a hit is not counted when its condition reads memory that is not there, and the count would be wrong.';

const messageOf = ({ message }: { readonly message: string }): string => message;

export class ItemPlans {
  readonly #binary: GoBinary;
  readonly #planner: PlannerPort;
  /** Delve has the program. */
  readonly #traced: boolean;

  constructor(binary: GoBinary, planner: PlannerPort, traced: boolean) {
    this.#binary = binary;
    this.#planner = planner;
    this.#traced = traced;
  }

  /** Of each function that the item means; never empty. `avoid`: file offsets where Delve is. */
  outcomes(item: PlanItem, avoid: readonly number[]): readonly PlanOutcome[] {
    return specsOf(item, this.#binary).map((spec) => this.#outcome(item, spec, avoid));
  }

  #outcome(item: PlanItem, spec: SpecOutcome, avoid: readonly number[]): PlanOutcome {
    if (!spec.ok) return spec;
    const source = sourceName(spec.spec);
    if (source !== undefined) {
      const subject = item.kind === 'source' ? item.subject : undefined;
      const plan = { source: true, spec: spec.spec, subject, sites: [], ...placeOf(item) } as const;
      const stops = spec.spec.action.kind === 'stop' && this.#traced;
      const message = stops
        ? 'In the kernel, at its own event; the goroutine stops where its system call returns, or at the next kernel breakpoint.'
        : 'In the kernel, at its own event.';
      const helpers = stops ? this.#armedThreads(avoid) : undefined;
      return { ok: true, plan, function: source, file: '', line: 1, message, helpers };
    }
    // Without Delve any instruction will do: SIGSTOP needs no trap that somebody recognises, and nobody else has any.
    const use = spec.spec.action.kind === 'stop' && this.#traced ? 'stop' : 'log';
    const yielding = item.kind === 'line' && item.yielding === true;
    const beside = this.#traced ? { avoid, yielding } : {};
    const result = this.#planner.plan(spec.spec, this.#binary, { use, ...beside });
    if (!result.ok) return { ok: false, message: result.refusal.message };
    const hits = 'hits' in item && item.hits !== undefined ? { hits: { ...item.hits, counted: 0 } } : {};
    const counts = canCountHits(result.plan);
    // A stop is counted when it is there; a log message is not looked at twice.
    if (hits.hits !== undefined && !counts && spec.spec.action.kind === 'log') return { ok: false, message: uncounted };
    const site = result.plan.sites[0];
    const settles = result.plan.sites.map((each) => this.#settle(each));
    if (settles.includes('behind a call')) return { ok: false, message: behindCall };
    const settle = settles.map((each) => (each === 'behind a call' ? undefined : each));
    return {
      ok: true,
      plan: { ...result.plan, ...placeOf(item), ...(counts && hits) },
      function: site?.function ?? item.kind,
      file: site?.file ?? '',
      line: site?.line ?? 1,
      settle,
      begins: result.plan.sites.map((each) => lineBeginning(this.#binary, each)),
      // What the plan leaves out belongs where its cost is told: a count or a log would be short without a word.
      message: [spokenCost(result.plan), ...spokenYielding(result.plan), ...(result.notes ?? []).map(messageOf)].join(
        ' ',
      ),
    };
  }

  #armedThreads(avoid: readonly number[]): readonly Planned[] {
    return (this.#planner.armedThreadPlans?.(this.#binary, { avoid }) ?? []).map((plan): Planned => {
      const site = plan.sites[0];
      return {
        ok: true,
        plan,
        function: site?.function ?? 'a system call',
        file: site?.file ?? '',
        line: site?.line ?? 1,
        message: '',
      };
    });
  }

  /** How far behind the gate the line of the breakpoint begins, where that is not the line of the gate. */
  #settle(site: PlannedSite): number | 'behind a call' | undefined {
    const address = Number(site.address);
    const fn = this.#binary.functionAt(virtualAddress(address));
    if (site.use !== 'stop' || site.tier !== 1 || fn === undefined || site.line === fn.line) return undefined;
    const first = this.#planner.firstLineOf?.(fn, this.#binary);
    if (first?.bodyAddress === undefined || first.bodyLine !== site.line) return undefined;
    return first.behindCall ? 'behind a call' : first.bodyAddress - address - site.instruction.length / 2;
  }
}
