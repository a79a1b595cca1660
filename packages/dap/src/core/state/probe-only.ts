/** A session without a debugger (probe-only/). A state of its own beside Delve's, which it never touches. */

import type { ProbeEvent } from '@probelens/probes';
import type { Request } from '../message.js';
import type { Gate } from './gate.js';

export interface HaltingHit {
  readonly gate: Gate;
  readonly event: ProbeEvent;
}

export type Phase =
  /** The launch or attach request waits for its answer. */
  | { readonly kind: 'opening' }
  | { readonly kind: 'running' }
  /** Hit; its other threads are about to stop, and may be hit before they do. */
  | { readonly kind: 'halting'; readonly ticket: number }
  /** It stands, and loads of eBPF are among its hits: who made them is being put into words, by ticket. */
  | {
      readonly kind: 'recognising';
      readonly hits: readonly HaltingHit[];
      readonly asked: ReadonlyMap<number, HaltingHit>;
      /** Further sentences about a load, by hit. */
      readonly told: ReadonlyMap<HaltingHit, string>;
    }
  /**
   * `threads`: the slot of each thread's moment; `more`: a further sentence about the first. Not announced before the client
   * has set its breakpoints.
   */
  | {
      readonly kind: 'halted';
      readonly threads: ReadonlyMap<number, number>;
      readonly announced: boolean;
      readonly more: string | undefined;
    }
  /** Gone; `ticket`: its last events are awaited, undefined when the client knows. */
  | { readonly kind: 'ended'; readonly ticket: number | undefined; readonly code: number | undefined };

export interface Leaving {
  /** Requests to be answered when all is over. */
  readonly requests: readonly Request[];
  readonly terminate: boolean;
  readonly stage: 'disarming' | 'ending' | 'over';
  /** Nothing more will come from the client, or nothing more is expected. */
  readonly last: boolean;
}

export interface ProbeOnly {
  readonly request: Request;
  /** Started by this session: it does not outlive it unless the client says so. */
  readonly started: boolean;
  /** The client has set its breakpoints. */
  readonly configured: boolean;
  readonly phase: Phase;
  /** To be shown as soon as the whole program stands still. */
  readonly hits: readonly HaltingHit[];
  /** Events of probes whose arming has not been answered yet. */
  readonly early: readonly ProbeEvent[];
  /** The one goroutine that may halt the program; undefined: all. */
  readonly focus: number | undefined;
  readonly leaving: Leaving | undefined;
}
