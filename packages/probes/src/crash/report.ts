/** What is known of a crash. Plain data: this is the JSON that scripts read. */

export interface CrashFrame {
  readonly function: string;
  readonly file: string;
  readonly line: number;
  /** Code address as linked, "0x..."; several frames share one where calls were inlined. */
  readonly address: string;
}

export interface CrashPanic {
  /** As the runtime prints it. Of a recovered panic: as it would, where that can be had without calling its methods. */
  readonly text: string;
  /** Of the value as it was found: an error that nobody recovered is its message by then, a string. */
  readonly type: string | undefined;
  readonly recovered: boolean;
  /** The same value panicked again, which the runtime prints once (Go >= 1.25). */
  readonly repanicked?: true;
  /** runtime.Goexit ran when the panic began. */
  readonly goexit: boolean;
}

export interface CreatedBy extends Omit<CrashFrame, 'address'> {
  /** Decimal. */
  readonly goroutine: string;
}

export interface SignalCause {
  /** "SIGSEGV". */
  readonly name: string;
  readonly number: number;
  /** Process that sent it, and its name; absent: the kernel did, for a fault of the program's. */
  readonly sender?: { readonly pid: number; readonly name?: string };
  /** Of the fault, "0x...". */
  readonly address?: string;
}

/** What a goroutine did that the processor would not do. */
export interface Fault {
  /** "SIGSEGV", "SIGBUS", "SIGFPE". */
  readonly name: string;
  /** "0x...", as the kernel told it. */
  readonly address: string;
}

/** An entry of the timeline before the crash. */
export interface CrashMoment {
  /** CLOCK_MONOTONIC, nanoseconds, decimal. */
  readonly t: string;
  readonly tid: number;
  readonly goid: string;
  readonly text: string;
}

export type CrashKind = 'panic' | 'recovered-panic' | 'fatal-error' | 'signal' | 'killed' | 'out-of-memory' | 'exit';

export interface CrashReport {
  readonly kind: CrashKind;
  /** CLOCK_MONOTONIC, nanoseconds, decimal. */
  readonly t: string;
  readonly pid: number;
  readonly tid: number;
  /** Decimal; "0": no goroutine ran on the thread. */
  readonly goroutine: string;
  /** One sentence. */
  readonly message: string;
  /** The order in which they began. */
  readonly panics?: readonly CrashPanic[];
  readonly signal?: SignalCause;
  /** That a panic or fatal error came of. */
  readonly fault?: Fault;
  /** What the process told the kernel when it ended. */
  readonly exitCode?: number;
  /** Innermost first, as tracebacks show it: without the runtime's own frames. */
  readonly stack: readonly CrashFrame[];
  readonly createdBy?: CreatedBy;
  readonly timeline: readonly CrashMoment[];
  /** Panics that were recovered since the last report of one, and were too many to be told one by one. */
  readonly omitted?: number;
  /** Sentences: what is missing, and why. */
  readonly notes: readonly string[];
}
