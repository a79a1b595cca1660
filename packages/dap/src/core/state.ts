/** All that a session remembers. Readonly everywhere: `Turn` replaces it as a whole. */
import type { CapturedValue, ProbeEvent } from '@probelens/probes';
import { type BpfState, noBpf } from './bpf/calls.js';
import type { Exception } from './exceptions/show.js';
import { noStepping, type Stepping } from './follow.js';
import { type HandOver, noHandOver } from './hand-over.js';
import type { IdState } from './ids.js';
import { noIds } from './ids.js';
import type { PlanItem, Planned, WantedHits } from './kernel-words.js';
import type { LaneWork } from './lane-work.js';
import { type Losses, noLosses } from './losses.js';
import type { Event, JsonObject, Request } from './message.js';
import { type Moments, noMoments } from './moments.js';
import type { Focus, ProbeView } from './output.js';
import type { ProbeOnly } from './probe-only/state.js';
import { noTimeline, type Timeline } from './timeline.js';

export { type LaneWork, newSet, type SetStage } from './lane-work.js';

/** What a request to Delve was for, so that its answer finds its way. */
export type Purpose =
  | { readonly kind: 'client'; readonly request: Request }
  /** `initialize` and the launch or attach request that follows it. */
  | { readonly kind: 'greeting' }
  | { readonly kind: 'lane' }
  /** Sent behind a step: it is answered when the step has planted its breakpoints. */
  | { readonly kind: 'planted' }
  /** A resume of ours: the client must not hear of it. */
  | { readonly kind: 'silent-resume' }
  /** The rest of a step that was cut short, for a client that asked for the step again. */
  | { readonly kind: 'finish-step'; readonly request: Request }
  /** Where a goroutine really stands, before its trap is passed over. */
  | { readonly kind: 'prove-stack' }
  | { readonly kind: 'judge-stack'; readonly hit: Hit }
  | { readonly kind: 'load-callers'; readonly hit: Hit }
  | { readonly kind: 'judge-condition'; readonly hit: Hit }
  | { readonly kind: 'settle-look' }
  | { readonly kind: 'settle-step' }
  | { readonly kind: 'exception-pause' }
  /** The resume of a step into a new goroutine. */
  | { readonly kind: 'follow'; readonly request: Request }
  | { readonly kind: 'leave'; readonly step: 'clear' | 'pause' | 'continue' | 'disconnect' };

export type KernelMode = 'auto' | 'off' | 'required';

export interface Launch {
  readonly request: Request;
  /** Arguments for Delve: the client's without ours. */
  readonly forDelve: JsonObject;
  readonly kernel: KernelMode;
  readonly agent: readonly string[] | undefined;
  readonly probes: readonly string[];
  /** "goroutine": gates fire only for the stepping goroutine while a step runs; "process": Delve's own way. */
  readonly steps: 'goroutine' | 'process';
  /** The target was there before us: it must survive. */
  readonly live: boolean;
  /** Known before Delve says so only when attaching by id. */
  readonly pid: number | undefined;
  readonly remote: boolean;
}

/** "functions", or "source:" and a path: what one set-breakpoints request replaces. */
export type GroupKey = string;

/** One breakpoint as the client asked for it. */
export interface Want {
  /** Survives re-sending: line and column, or function name. */
  readonly key: string;
  /** The client's own object, for Delve. */
  readonly raw: JsonObject;
  readonly condition: string | undefined;
  /** The condition as the person wrote it: may end in "on goroutine N". */
  readonly written: string | undefined;
  readonly hitCondition: string | undefined;
  readonly logMessage: string | undefined;
  readonly line: number | undefined;
  /** Undefined: this one is Delve's business, without a word about it. */
  readonly item: PlanItem | undefined;
  /** Why Delve has it although it could have been ours. */
  readonly reason: string | undefined;
}

export interface Placed extends Want {
  readonly id: number;
  /** 'nobody': without Delve, what the kernel cannot have. */
  readonly home: 'delve' | 'kernel' | 'nobody';
  readonly probe: number | undefined;
  /** The kernel's, which Delve has for a while (hand-over.ts). */
  readonly lent?: true;
  /** What the client was told. */
  readonly answer: JsonObject;
}

export interface Group {
  readonly key: GroupKey;
  readonly command: string;
  /** Arguments without the breakpoints. */
  readonly base: JsonObject;
  readonly placed: readonly Placed[];
}

/** A probe in the kernel that belongs to this session. */
export interface Gate {
  readonly probe: number;
  /** The client's breakpoint id; also the id in console and control socket. */
  readonly id: number;
  readonly owner:
    | { readonly kind: 'breakpoint'; readonly group: GroupKey; readonly key: string }
    | { readonly kind: 'probe' }
    /** An exception filter of ours. */
    | { readonly kind: 'filter'; readonly filter: string }
    /** Where goroutines stop that an event of the kernel noted (armed-threads.ts). */
    | { readonly kind: 'armed-threads' };
  readonly planned: Planned;
  /** As the person wrote it, for Delve to judge where the kernel could not. */
  readonly condition: string | undefined;
  /** What is left to be applied here: undefined also where the kernel counts (`hits` of its plan). */
  readonly hitCondition: HitCondition | undefined;
  /** Hits whose condition was true, as Delve would count them. */
  readonly counted: number;
  /** Passed by other goroutines while a step ran. */
  readonly passed: number;
}

export type HitCondition = WantedHits;

/** Where a goroutine stands right after a gate trapped it, and nowhere else. */
export interface TrapPlace {
  /** First byte behind the gate's instruction, as linked. */
  readonly after: bigint;
}

/** A gate that fired and that nobody has been shown yet. */
export interface Hit {
  readonly probe: number;
  readonly goroutine: number;
  readonly thread: number;
  readonly time: bigint;
  /** Which of the gate's sites. */
  readonly site: number;
  /** By the kernel's count; where it applies a hit condition, of the hits whose condition was true. */
  readonly number: number;
  readonly faulted: boolean;
  /** It came while the program seemed to run: Delve's stop is still to come. */
  readonly running: boolean;
  /** Undefined where the gate is not at an instruction. */
  readonly at: TrapPlace | undefined;
  readonly cpu: number;
  readonly values: readonly CapturedValue[];
  /** What an event of the kernel saw, because of which the goroutine stopped here. */
  readonly cause: ProbeEvent | undefined;
}

/** The hit that the client is looking at. */
export interface ShownHit {
  readonly hit: Hit;
  readonly text: string;
  readonly counted: number;
  /** From the gate to Delve's stop, nanoseconds; undefined where the program stood still already. */
  readonly latency: bigint | undefined;
  /** Delve's frames of that goroutine, as far as the client asked for them. */
  readonly frames: ReadonlySet<number>;
}

/** A goroutine on its way from the gate to the line of the breakpoint, instruction by instruction. */
export interface Settling {
  readonly kind: 'settling';
  readonly hit: Hit;
  readonly text: string | undefined;
  /** Where it was first; undefined until Delve has said. */
  readonly from: bigint | undefined;
  readonly stepsLeft: number;
}

/** A stop of Delve's that the client has not been told of yet. */
export interface HeldStop {
  /** Undefined: the program is stopped already, and the next waiting hit is being looked at. */
  readonly event: Event | undefined;
  readonly stage:
    | { readonly kind: 'draining'; readonly ticket: number }
    /** A trap of a gate whose arming has not been answered yet: the answer says whose it is. */
    | { readonly kind: 'arming' }
    | { readonly kind: 'judging'; readonly hit: Hit }
    /** Who loads an eBPF program, and which one (bpf/recognise.ts). */
    | { readonly kind: 'recognising'; readonly hit: Hit }
    /** It looks like a trap whose hit was shown; Delve says whether it is. */
    | { readonly kind: 'proving'; readonly at: TrapPlace | undefined }
    | Settling;
}

export interface Step {
  readonly request: Request;
  readonly goroutine: number;
}

/** A probe that was asked for by text. */
export interface Asked extends ProbeView {
  readonly probe: number | undefined;
  /** Hits whose condition was true. */
  readonly matches: number;
  /** Who waits for the answer: a console command or a control client. */
  readonly waiting:
    | { readonly kind: 'console'; readonly request: Request }
    | { readonly kind: 'control'; readonly ticket: number }
    | undefined;
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
