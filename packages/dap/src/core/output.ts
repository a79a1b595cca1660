/** Everything a session may ask of the world. */
import type { Armable, BpfAttributes, DelvePlaces, PlanItem } from './kernel-words.js';
import type { Message } from './message.js';
import type { TimelineEntry } from './state/timeline.js';

/** Who may make gates fire: one goroutine, nobody (while a call runs that a person injected), or all. */
export type Focus = number | 'nobody' | undefined;

export type TimerName =
  /** A gate fired and Delve has not stopped. */
  | 'hit-without-stop'
  /** A gate has trapped, and the agent has not said yet which one it is. */
  | 'stop-without-name'
  /** A stop, an end or a person waits for what the agent has to tell. */
  | 'silent-reading'
  /** The lane waits for the agent to arm or disarm. */
  | 'silent-writing'
  /** Traps left over from the previous stop are no longer expected. */
  | 'leftovers'
  | 'count'
  /** While leaving: the agent has not answered. */
  | 'agent-silent'
  /** What a killed agent has left in the text may be gone. */
  | 'text'
  /** While leaving: a trap may have reached its thread. */
  | 'shaken'
  | 'ending';

/** What the keeper needs to leave a target in order when this process is killed. */
export interface KeepState {
  /** The target was running before we came and stays alive after us. */
  readonly live: boolean;
  readonly pid: number | undefined;
  /** Paths of the sources in which Delve has breakpoints. */
  readonly sources: readonly string[];
  readonly functions: boolean;
  readonly instructions: boolean;
  /** A step's breakpoints may be in the code: it is under way, or was cut short. */
  readonly step: boolean;
}

export interface ProbeView {
  readonly id: number;
  readonly text: string;
  readonly function: string | undefined;
  readonly state: 'planning' | 'armed' | 'delve' | 'refused' | 'gone';
  readonly message: string | undefined;
  readonly hits: number;
}

/** What the launch arguments say of it. */
export interface KernelWish {
  readonly agent: readonly string[] | undefined;
  /** Delve's own argument: `[{ from, to }]`, editor to binary. */
  readonly substitutePath: unknown;
}

export type Output =
  | { readonly kind: 'to-client'; readonly message: Message }
  | { readonly kind: 'to-delve'; readonly message: Message }
  | { readonly kind: 'start-delve'; readonly path: string | undefined; readonly flags: readonly string[] }
  | { readonly kind: 'connect-delve'; readonly host: string; readonly port: number }
  /** Nothing more will be sent: Delve ends when it reads this. */
  | { readonly kind: 'close-delve' }
  /** For `kernel: "required"`: can an agent be had, and may it load programs? */
  | { readonly kind: 'check-kernel'; readonly agent: readonly string[] | undefined }
  /** The kernel side will be opened soon: what takes time and does not depend on the program may begin. */
  | { readonly kind: 'prepare-kernel'; readonly agent: readonly string[] | undefined }
  /** Opens the target's binary, loads the planner, starts the agent. */
  | { readonly kind: 'open-kernel'; readonly pid: number | undefined; readonly kernel: KernelWish }
  | {
      readonly kind: 'plan';
      readonly ticket: number;
      readonly items: readonly PlanItem[];
      readonly avoid: DelvePlaces;
    }
  /** Is there an int3 in the program's text at `places` that nobody here has written? Delve has some at `held`. */
  | {
      readonly kind: 'inspect-text';
      readonly places: DelvePlaces;
      readonly held: DelvePlaces;
      /** File offsets of our own gates and sentinels, "0x...". */
      readonly own: readonly string[];
    }
  /** Is the program's text as in its file at `places` (addresses in memory, bytes as lower-case hex)? Answered at once. */
  | {
      readonly kind: 'compare-text';
      readonly ticket: number;
      readonly pid: number;
      readonly places: readonly { readonly address: bigint; readonly bytes: string }[];
    }
  /** A new agent is to take out what a killed one has left at these file offsets. */
  | { readonly kind: 'mend-text'; readonly ticket: number; readonly pid: number; readonly offsets: readonly number[] }
  | { readonly kind: 'arm'; readonly ticket: number; readonly plans: readonly Armable[] }
  | { readonly kind: 'disarm'; readonly ticket: number; readonly probes: readonly number[] }
  /** It does not answer: killed, and the kernel takes everything of this session out. */
  | { readonly kind: 'end-agent' }
  | { readonly kind: 'drain'; readonly ticket: number }
  | { readonly kind: 'focus'; readonly ticket: number; readonly goroutine: Focus }
  /** Names of functions that begin with `prefix`, or whose package's last part does. */
  | { readonly kind: 'complete'; readonly ticket: number; readonly prefix: string }
  /** What the program is about to load, or has tried to. `verify`: loads it once more for the verifier's log. */
  | {
      readonly kind: 'describe-load';
      readonly ticket: number;
      readonly at: BpfAttributes;
      readonly verify: boolean;
    }
  | { readonly kind: 'count' }
  | { readonly kind: 'read-signals'; readonly ticket: number; readonly pid: number }
  /** What goroutines does the line of this address (as linked) start? */
  | { readonly kind: 'find-go-statements'; readonly ticket: number; readonly pc: bigint }
  /** Puts code addresses (as linked, "0x...") into words. */
  | {
      readonly kind: 'symbolise';
      readonly ticket: number;
      readonly stack: readonly string[];
      readonly top: string | undefined;
    }
  /** Without a debugger: starts the program, which waits, or looks for the process; then opens the kernel side. */
  | { readonly kind: 'open-target'; readonly start: TargetStart; readonly kernel: KernelWish }
  /** The program that waits may begin. */
  | { readonly kind: 'release-target' }
  /** Tells when every thread stands still and every record of before is here. */
  | { readonly kind: 'await-halt'; readonly ticket: number }
  /** On with a halted program; from now on only `focus` may halt it. */
  | { readonly kind: 'go-on'; readonly focus: number | undefined }
  /** SIGTERM, and SIGKILL for a program that stays. */
  | { readonly kind: 'end-target' }
  | { readonly kind: 'start-timer'; readonly name: TimerName; readonly milliseconds: number }
  | { readonly kind: 'stop-timer'; readonly name: TimerName }
  | { readonly kind: 'keep'; readonly state: KeepState }
  | { readonly kind: 'control-answer'; readonly ticket: number; readonly probes: readonly ProbeView[] }
  | { readonly kind: 'control-timeline'; readonly ticket: number; readonly timeline: TimelineView }
  | { readonly kind: 'control-refusal'; readonly ticket: number; readonly message: string }
  | { readonly kind: 'control-changed'; readonly probes: readonly ProbeView[] }
  /** The session is over: close every stream, wait for every process. */
  | { readonly kind: 'finish' };

/** As it leaves the session; time in decimal nanoseconds. */
export interface TimelineView {
  readonly entries: readonly (Omit<TimelineEntry, 'time'> & { readonly time: string })[];
  readonly dropped: number;
}

/** What to start, or whom to look at. */
export type TargetStart =
  | { readonly kind: 'attach'; readonly pid: number }
  | {
      readonly kind: 'launch';
      readonly program: string;
      readonly args: readonly string[];
      readonly cwd: string | undefined;
      /** File that it reads. */
      readonly stdin: string | undefined;
      /** Undefined takes a variable away. */
      readonly env: Readonly<Record<string, string | undefined>>;
    };
