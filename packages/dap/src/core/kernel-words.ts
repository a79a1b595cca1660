/** What the core asks of the kernel side and hears from it: plain data, whichever process answers. */
import type { HitCondition as CountedHits, ListPlace, ProbePlan, ProbeSpec } from '@probelens/probes';

export type WantedAction = { readonly kind: 'stop' } | { readonly kind: 'log'; readonly template: string };

/** Which of the hits whose condition is true are meant, by their number. */
export type WantedHits = Omit<CountedHits, 'counted'>;

/** One thing to plan. `text` is the probe language of consoles and launch arguments. */
export type PlanItem =
  | {
      readonly kind: 'function';
      readonly name: string;
      readonly condition: string | undefined;
      readonly action: WantedAction;
      readonly hits?: WantedHits | undefined;
    }
  | {
      readonly kind: 'line';
      readonly file: string;
      readonly line: number;
      readonly hits?: WantedHits | undefined;
      readonly condition: string | undefined;
      readonly action: WantedAction;
      /** A place that Delve has back while it steps will do (hand-over.ts). */
      readonly yielding?: true;
    }
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly where: { readonly file: string; readonly line: number } | undefined;
      /** Goroutine that "current" means. */
      readonly goroutine: number | undefined;
      /** By what `then arm N` of others means it; undefined: nothing can switch it. */
      readonly number: number | undefined;
      /** The texts of all probes of the session, by number. */
      readonly list: ReadonlyMap<number, string>;
    }
  /** An event of the kernel, in the same language; `subject`: the field with the process that it is about. */
  | {
      readonly kind: 'source';
      readonly text: string;
      readonly subject: string | undefined;
      /** Functions without their packages that stand for the one in the text: each of them, wherever it is. */
      readonly named?: readonly string[];
    };

/** An event of the kernel's own (tracepoint, perf event): nothing in the program is touched. */
export interface SourcePlan {
  readonly source: true;
  readonly spec: ProbeSpec;
  /** Field with the process that the event is about; undefined: the running thread's. */
  readonly subject?: string | undefined;
  readonly sites: readonly [];
}

/** Attributes of BPF_PROG_LOAD in the program's memory: where, "0x...", and how many bytes. */
export interface BpfAttributes {
  readonly pointer: string;
  readonly size: number;
}

/**
 * What the agent can be given. `place`: in the session's list of probes, for those that switch each other. `hits`: the kernel
 * itself counts, and tells what is meant.
 */
export type Armable = (ProbePlan | SourcePlan) & { readonly place?: ListPlace; readonly hits?: CountedHits };

/** Places where Delve has a breakpoint: a gate keeps away from them. */
export interface DelvePlaces {
  readonly lines: readonly { readonly file: string; readonly line: number }[];
  readonly functions: readonly string[];
  /** Addresses in memory. */
  readonly instructions?: readonly bigint[];
}

/** A statement that starts a goroutine. Addresses as linked. */
export interface GoStatement {
  /** The function that the goroutine runs. */
  readonly name: string;
  /** Its first line. */
  readonly address: number;
  /** Behind the calls of runtime.newproc: `gopc` of the goroutine. */
  readonly callers: readonly number[];
}

/** Where somebody else's int3 stands. */
export interface StrangerPlace {
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

export interface Planned {
  readonly ok: true;
  readonly plan: Armable;
  /** Where an editor shows it. */
  readonly function: string;
  readonly file: string;
  readonly line: number;
  /**
   * A stop is shown where Delve would have stopped: this many bytes behind the trapped instruction, straight on. The gate
   * is at the function's entry; a breakpoint on the first line of its body belongs a few instructions later. For each site
   * where there are several.
   */
  readonly settle?: number | readonly (number | undefined)[] | undefined;
  /** For each site inside a line: where that line begins, as linked, straight on from there to the site. */
  readonly begins?: readonly (number | undefined)[];
  /** Stops at events of the kernel only: gates that stop the goroutines that the event noted. */
  readonly helpers?: readonly Planned[] | undefined;
  /** Further functions that the item means. */
  readonly others?: readonly Planned[];
  /** One short sentence for the breakpoint's message: where it runs and at what cost. */
  readonly message: string;
}

export interface NotPlanned {
  readonly ok: false;
  /** One short sentence: why the kernel cannot have it. Whoever shows it says where it goes instead. */
  readonly message: string;
}

export type PlanOutcome = Planned | NotPlanned;

/** `busy`: somebody's breakpoint or a thread is at the place just now. */
export type ArmOutcome =
  | { readonly ok: true; readonly probe: number }
  | (NotPlanned & { readonly busy?: boolean | undefined });
