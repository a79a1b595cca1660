/** What comes back from the kernel, decoded. */
import type { BpfCall } from './bpf-load/call.js';

export interface CapturedValue {
  readonly name: string;
  readonly type: string;
  /** As Go would print it: `42`, `"ACME"`, `nil`, `0xc000012345`, `?` where the read failed. */
  readonly text: string;
  readonly faulted: boolean;
  /** Values of several parts only: the same as data. Integers beyond 2^53 and addresses are texts, null is nil. */
  readonly json?: JsonValue;
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** What came from the client of an agent decodes itself when it is looked at: read it, do not spread or serialise it. */
export interface ProbeEvent {
  /** Id that `arm` gave. */
  readonly probe: number;
  /** Hit number among the sent events of this probe, from 1: gaps are drops. */
  readonly number: number;
  /** CLOCK_MONOTONIC, nanoseconds. Decimal string: it exceeds 2^53 on machines with a long uptime. */
  readonly time: string;
  readonly cpu: number;
  readonly pid: number;
  readonly tid: number;
  /** Goroutine id, decimal; "0" outside a goroutine. */
  readonly goid: string;
  /** The condition could not be judged (a page was not resident): whoever shows it must judge again. */
  readonly faulted: boolean;
  /** A signal was sent to the thread. */
  readonly trapped: boolean;
  /**
   * Gates only: the probe of a kernel event (`tracepoint:... do stop`) that armed this goroutine or thread; the gate fired
   * because of it, whatever its own condition says. That event came before, with the same goroutine.
   */
  readonly because?: number | undefined;
  /** Which of the plan's sites was hit; absent = the first. */
  readonly site?: number | undefined;
  readonly values: readonly CapturedValue[];
  /** Snapshots and halts (stops without a debugger) only: code addresses as linked, "0x...", innermost first; all but the first are return addresses. */
  readonly stack?: readonly string[] | undefined;
  /** With `stack`: the word at the stack pointer as if it were such an address; a frameless function's caller. */
  readonly stackTop?: string | undefined;
  /** With an empty `stack`: why there are no callers, the end of a sentence. */
  readonly stackMissing?: string | undefined;
  /** Probes on `bpf:` only: the system call. */
  readonly bpf?: BpfCall | undefined;
  /** With `bpf`: the same in words, one line and what belongs below it. */
  readonly told?: { readonly line: string; readonly details: readonly string[] } | undefined;
}

export interface ProbeCounters {
  readonly probe: number;
  /** Times the site was executed by the target. */
  readonly hits: number;
  /** Hits whose condition was true. */
  readonly matches: number;
  /** Hits whose condition could not be judged. */
  readonly faults: number;
  /** Matches left out by the rate limit or for want of room in the ring buffer. */
  readonly dropped: number;
  /** How many of those found no room; the others were left out by the rate limit. Absent: not known. */
  readonly full?: number;
}
