/** Everything that can happen to a session. The shells turn the world into these; the core knows nothing else. */
import type { DescribedLoad, ProbeCounters, ProbeEvent } from '@probelens/probes';
import type { UserError } from '../errors.js';
import type { ArmOutcome, GoStatement, PlanOutcome, StrangerPlace } from './kernel-words.js';
import type { Message } from './message.js';
import type { TimerName } from './output.js';
import type { Pace } from './state/losses.js';
import type { MomentFrame } from './state/moments.js';

export type Input =
  | { readonly kind: 'client-message'; readonly message: Message }
  /** How fast the client reads what it is sent, where that has changed. */
  | { readonly kind: 'client-pace'; readonly pace: Pace }
  /** End of input, a broken pipe, or a request of the system to end. */
  | { readonly kind: 'client-closed' }
  | { readonly kind: 'delve-connected' }
  | { readonly kind: 'delve-failed'; readonly error: UserError }
  /** `time`: CLOCK_MONOTONIC, nanoseconds, as the kernel's events have it. */
  | { readonly kind: 'delve-message'; readonly message: Message; readonly time?: bigint }
  | { readonly kind: 'delve-closed' }
  /** `bias`: where the program was loaded, less where it was linked. Bytes. */
  | { readonly kind: 'kernel-opened'; readonly bias?: bigint | undefined; readonly pid?: number | undefined }
  /** `reason`: why it cannot be used; undefined: it can. */
  | { readonly kind: 'kernel-checked'; readonly reason: string | undefined }
  | { readonly kind: 'kernel-unavailable'; readonly reason: string }
  /** Breakpoint instructions of others at places that Delve is about to write to. */
  | { readonly kind: 'strangers-found'; readonly places: readonly StrangerPlace[] }
  | { readonly kind: 'planned'; readonly ticket: number; readonly outcomes: readonly PlanOutcome[] }
  | { readonly kind: 'armed'; readonly ticket: number; readonly outcomes: readonly ArmOutcome[] }
  | { readonly kind: 'disarmed'; readonly ticket: number; readonly counters: readonly ProbeCounters[] }
  | { readonly kind: 'drained'; readonly ticket: number }
  | { readonly kind: 'focused'; readonly ticket: number }
  /** Indexes of the places that are not as they were planned. */
  | { readonly kind: 'text-compared'; readonly ticket: number; readonly changed: readonly number[] }
  /** As far as a new agent could. */
  | { readonly kind: 'text-mended'; readonly ticket: number }
  | { readonly kind: 'completed'; readonly ticket: number; readonly names: readonly string[] }
  /** Undefined: its memory could not be read. */
  | { readonly kind: 'load-described'; readonly ticket: number; readonly described: DescribedLoad | undefined }
  | { readonly kind: 'counted'; readonly counters: readonly ProbeCounters[] }
  | { readonly kind: 'probe-events'; readonly events: readonly ProbeEvent[] }
  | { readonly kind: 'agent-closed'; readonly reason: string }
  /** Whether a thread of the target has a SIGTRAP waiting (SigPnd, ShdPnd in /proc). */
  /** `standing`: a thread of the program stands because of Delve. */
  | {
      readonly kind: 'signals-read';
      readonly ticket: number;
      readonly trapPending: boolean;
      readonly standing?: boolean;
    }
  | { readonly kind: 'timer'; readonly name: TimerName }
  | { readonly kind: 'go-statements'; readonly ticket: number; readonly statements: readonly GoStatement[] }
  /** A stack in words, innermost first. */
  | { readonly kind: 'symbolised'; readonly ticket: number; readonly frames: readonly MomentFrame[] }
  /** Sessions without a debugger: the process that was started, or that is there. */
  | { readonly kind: 'target-found'; readonly pid: number }
  | { readonly kind: 'target-output'; readonly category: 'stdout' | 'stderr'; readonly text: string }
  /** `code`: 128 and the signal's number after a signal, as in a shell; undefined for a program that was not started here. */
  | { readonly kind: 'target-ended'; readonly code: number | undefined }
  /** Every thread stands still; or none does, because somebody has continued the program; or it has ended. */
  | { readonly kind: 'halted'; readonly ticket: number; readonly state: 'halted' | 'running' | 'gone' }
  | {
      readonly kind: 'control-add';
      readonly ticket: number;
      readonly text: string;
      readonly where: { readonly file: string; readonly line: number } | undefined;
    }
  | { readonly kind: 'control-remove'; readonly ticket: number; readonly id: number }
  | { readonly kind: 'control-list'; readonly ticket: number }
  | { readonly kind: 'control-timeline'; readonly ticket: number; readonly goroutine: number | undefined };
