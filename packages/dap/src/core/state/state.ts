/** All that a session remembers. Readonly everywhere: `Turn` replaces it as a whole. */

import type { ProbeEvent } from '@probelens/probes';
import type { IdState } from '../ids.js';
import { noIds } from '../ids.js';
import type { Event, JsonObject, Request } from '../message.js';
import type { Focus } from '../output.js';
import type { Asked } from './asked.js';
import type { BpfState } from './bpf.js';
import { noBpf } from './bpf.js';
import type { Group, GroupKey } from './breakpoints.js';
import type { Exception } from './exception.js';
import type { Gate } from './gate.js';
import type { HandOver } from './hand-over.js';
import { noHandOver } from './hand-over.js';
import type { HeldStop, Hit, ShownHit, TrapPlace } from './hit.js';
import type { LaneWork } from './lane-work.js';
import type { Launch } from './launch.js';
import type { Losses } from './losses.js';
import { noLosses } from './losses.js';
import type { Moments } from './moments.js';
import { noMoments } from './moments.js';
import type { ProbeOnly } from './probe-only.js';
import type { Purpose } from './purpose.js';
import { noRemains, type Remains } from './remains.js';
import type { Stepping } from './stepping.js';
import { noStepping } from './stepping.js';
import type { Timeline } from './timeline.js';
import { noTimeline } from './timeline.js';

export interface Step {
  readonly request: Request;
  readonly goroutine: number;
}

export interface Ending {
  readonly cause: 'disconnect' | 'terminate' | 'client-closed' | 'given-up';
  readonly request: Request | undefined;
  readonly terminateTarget: boolean;
  readonly stage: 'quiet' | 'disarming' | 'clearing' | 'pausing' | 'signals' | 'shaking' | 'leaving' | 'over';
  /** Requests whose answers are awaited in this stage. */
  readonly awaited: number;
  /** Rounds of continue and pause so far. */
  readonly rounds: number;
}

export interface SessionState {
  readonly ids: IdState;
  readonly client: {
    readonly id: string | undefined;
    readonly initialize: JsonObject | undefined;
    readonly closed: boolean;
  };
  readonly launch: Launch | undefined;
  /** A session without Delve; everything that names Delve below is empty then. */
  readonly probeOnly: ProbeOnly | undefined;
  readonly delve: 'none' | 'starting' | 'greeting' | 'ready' | 'gone';
  /** Names of Delve's own exception filters. */
  readonly delveFilters: readonly string[];
  readonly pending: ReadonlyMap<number, Purpose>;
  /** Messages to Delve that came while it was starting. */
  readonly backlog: readonly Request[];
  readonly target: {
    readonly pid: number | undefined;
    readonly running: boolean;
    readonly exited: boolean;
    /** Of the last stop that the client saw. */
    readonly goroutine: number | undefined;
  };
  readonly kernel: {
    readonly state: 'off' | 'opening' | 'ready' | 'unavailable';
    readonly reason: string | undefined;
    readonly focus: Focus;
    /** Where the program was loaded, less where it was linked; undefined where that is not known. Bytes. */
    readonly bias: bigint | undefined;
    /** Scope that the person set in the console. */
    readonly scope: 'process' | number;
  };
  readonly tickets: number;
  readonly lane: {
    readonly active: LaneWork | undefined;
    readonly ticket: number | undefined;
    readonly queue: readonly LaneWork[];
  };
  readonly groups: ReadonlyMap<GroupKey, Group>;
  readonly gates: ReadonlyMap<number, Gate>;
  /** Completions that wait for function names, by ticket. */
  readonly completing: ReadonlyMap<number, Request>;
  /** Questions for the list of probes that wait for the counts, by ticket. */
  readonly listing: ReadonlyMap<number, Request>;
  /** Of an agent that is gone. */
  readonly remains: Remains;
  /** Lost with the agent, while hits of theirs were waiting to be shown. */
  readonly retired: ReadonlyMap<number, Gate>;
  readonly asked: ReadonlyMap<number, Asked>;
  /** Waiting to be shown, oldest first. */
  readonly hits: readonly Hit[];
  /** Goroutines whose hit was shown before Delve saw the trap, and where that trap was. */
  readonly leftovers: ReadonlyMap<number, TrapPlace | undefined>;
  readonly losses: Losses;
  readonly timeline: Timeline;
  readonly moments: Moments;
  readonly bpf: BpfState;
  /** Told by an exception filter of ours: about to stop the program, or what it is stopped at. */
  readonly exception: Exception | undefined;
  /** Events of the kernel whose goroutines have not stopped yet, by goroutine id; oldest first. */
  readonly causes: ReadonlyMap<string, ProbeEvent>;
  readonly shown: ShownHit | undefined;
  /** CLOCK_MONOTONIC when Delve's last stop arrived, nanoseconds. */
  readonly stopTime: bigint | undefined;
  readonly held: HeldStop | undefined;
  readonly step: Step | undefined;
  readonly stepping: Stepping;
  /** Kernel breakpoints that Delve has while it steps. */
  readonly handOver: HandOver;
  /**
   * A step ended elsewhere than it was meant to, and Delve has kept its breakpoints for the rest of it: until it has ended,
   * or the program was paused (service/dap/server.go: StopManual is followed by CancelNext).
   */
  readonly stepCut: boolean;
  /** The step that the last stop cut short; `resumable`: Delve has said that it would go on with it. */
  readonly interrupted: (Step & { readonly resumable: boolean }) | undefined;
  /** The client wants a program to pause that runs as far as it knows, and has not been shown a stop since. */
  readonly pausing: boolean;
  /** The one goroutine for whose sake the program runs now; undefined = for all. */
  readonly only: number | undefined;
  /** Stops of Delve's in other goroutines that were resumed meanwhile. */
  readonly skipped: number;
  /** The program's end, held back until the kernel's last lines are here. */
  readonly heldEnd: { readonly ticket: number; readonly events: readonly Event[] } | undefined;
  /** `exited`, kept for a client that must hear `terminated` first. */
  readonly heldExit: Event | undefined;
  readonly ending: Ending | undefined;
  /** The client has been sent `terminated`. */
  readonly terminated: boolean;
  /** Delve's instruction breakpoints, as the client sent them. */
  readonly instructions: readonly unknown[];
  /** Requests of Delve's to the client, by our number: Delve's number. */
  readonly reverse: ReadonlyMap<number, number>;
  /** Breakpoints that the kernel lost, by group and key, with the sentence that says why: they stay with Delve. */
  readonly fallen: ReadonlyMap<string, string>;
  /** Sentences that were said already. */
  readonly said: ReadonlySet<string>;
}

export const initialState: SessionState = {
  ids: noIds,
  client: { id: undefined, initialize: undefined, closed: false },
  launch: undefined,
  probeOnly: undefined,
  delve: 'none',
  delveFilters: [],
  pending: new Map(),
  backlog: [],
  target: { pid: undefined, running: false, exited: false, goroutine: undefined },
  kernel: { state: 'off', reason: undefined, focus: undefined, bias: undefined, scope: 'process' },
  tickets: 0,
  lane: { active: undefined, ticket: undefined, queue: [] },
  groups: new Map(),
  gates: new Map(),
  completing: new Map(),
  listing: new Map(),
  remains: noRemains,
  retired: new Map(),
  asked: new Map(),
  hits: [],
  leftovers: new Map(),
  losses: noLosses,
  timeline: noTimeline,
  moments: noMoments,
  bpf: noBpf,
  exception: undefined,
  causes: new Map(),
  shown: undefined,
  stopTime: undefined,
  held: undefined,
  step: undefined,
  stepping: noStepping,
  handOver: noHandOver,
  stepCut: false,
  interrupted: undefined,
  pausing: false,
  only: undefined,
  skipped: 0,
  heldEnd: undefined,
  heldExit: undefined,
  ending: undefined,
  terminated: false,
  instructions: [],
  reverse: new Map(),
  fallen: new Map(),
  said: new Set(),
};
