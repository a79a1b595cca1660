/**
 * JSON-RPC between whoever wants probes and the privileged agent, on the agent's stdin and stdout. Types only: both
 * ends import them. The agent validates every field again; it trusts nobody.
 */
import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { BpfLoad } from '../bpf-load/call.js';
import type { ProbeCounters, ProbeEvent } from '../events.js';
import type { LoweredExpression } from '../plan/expression.js';
import type { CaptureShape, PlannedCapture, PlannedSite, ProbePlan } from '../plan/plan.js';
import type { HitCondition } from '../program/request.js';
import type { ProbeSpec, ProbeTarget } from '../spec/spec.js';

/** Raised in a breaking way only; the two ends refuse each other when it differs. */
export const protocolVersion = 3;

/** Who may be probed, and how a stop is made. */
export interface AgentTarget {
  /** Thread-group id of the debuggee as the agent's machine numbers it. */
  readonly pid: number;
  /** Thread-group id of its tracer: traps are sent only while it traces the thread. Absent: no traps at all. */
  readonly tracer: number | undefined;
  /** Without a tracer: a stop is SIGSTOP of the whole process. Disarming continues it. */
  readonly halt?: boolean;
  /** The process has not yet executed the planned binary (a launcher that waits): its executable is not compared. */
  readonly starting?: boolean;
}

export interface Hello {
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  readonly kernel: string;
  /** Whether programs can be loaded and attached; tried, not inferred. */
  readonly capable: boolean;
  /** One sentence with the next step when not capable. */
  readonly reason: string | undefined;
}

/**
 * A probe's place in a list that the client keeps: `then arm N` of one means the other with the number N, in the kernel and
 * without the client. Numbers are from 1 on; a program is switched only when its probe was armed with a place. The word of
 * a number is set (`initially`) when its probe is armed, and may have been switched before the answer comes.
 */
export interface ListPlace {
  readonly number: number;
  /** How many probes the list has: `then arm N` of a greater N is refused. */
  readonly of: number;
}

export interface ArmParams {
  readonly plan: ProbePlan;
  readonly target: AgentTarget;
  /** Absent: no probe can switch this one, and `then arm` and `then disarm` are refused. */
  readonly place?: ListPlace;
  /** Which of the hits whose condition is true are told; absent: all. Only where `canCountHits`. */
  readonly hits?: HitCondition;
}

export interface Armed {
  readonly probe: number;
}

/** Where a goroutine's id is found from inside the kernel; from the binary's `runtime`. Bytes. */
export interface SourceRuntime {
  /** offsetof(runtime.g, goid). */
  readonly goid: number;
  /** Of the current g, from the thread pointer (negative on x86-64). */
  readonly tlsG: number;
}

/** By which the kernel's view of a process is matched with the binary that it runs. */
export interface ProgramCode {
  /** "0x...": `codeEnd` of the binary, as linked. */
  readonly end: string;
  /** It lies where it was linked (it is not position independent). */
  readonly fixed: boolean;
}

/** One field of a kernel event: what its expressions are typed with. */
export interface SourceFieldDescription {
  readonly name: string;
  /** As the kernel declares it: "pid_t", "const char *". */
  readonly typeName: string;
  readonly shape: CaptureShape;
}

/**
 * Events of the kernel (target "tracepoint" or "perf-event") while the target's threads run.
 *
 * With the action "stop" and a `tracer` (the debugger of the target), a match makes an "armed thread": debuggers cannot
 * stop inside the kernel, so the goroutine stops at the next gate of this agent that it executes (its thread, where the
 * event had no goroutine), and that gate's event has `because`, the id of this probe. Any stop gate of the target will do;
 * those of `Planner.armedThreadPlans` (returns of the wrappers of system calls) are there for nothing else: arm each with
 * `ArmRequest` and the same target, and disarm them after this probe. Whoever is armed and not yet stopped when this probe
 * is disarmed goes on. The focus and mute of `FocusRequest` hold for the event as for the gate.
 * Without a tracer and with `halt`: SIGSTOP of the process at the event itself.
 */
export interface ArmSourceParams {
  readonly spec: ProbeSpec;
  readonly target: AgentTarget;
  /** Absent: events carry no goroutine, and a scope on one is refused. */
  readonly runtime: SourceRuntime | undefined;
  /**
   * The condition and what stands in the template's holes beside fields, lowered (plan/source-expressions.ts): "registers"
   * are fields by name. `AgentClient.armSource` adds both by itself.
   */
  readonly condition?: LoweredExpression;
  readonly captures?: readonly PlannedCapture[];
  /** As in `ArmParams`. */
  readonly place?: ListPlace;
  /**
   * Field with the process that the event is about: events count whose field is the target's id, whoever runs meanwhile. A
   * record's `pid`, `tid` and `current_comm` are of him who runs: the sender of a signal. Such events stop nobody.
   */
  readonly subject?: string;
  /**
   * The program whose events these are: for the callers of snapshots and halts, and to tell it from what a process that is
   * still to begin ran before.
   */
  readonly code?: ProgramCode;
  /** With a scope on a pprof label: whether the current g, the one register that it names, has it (plan/pprof-label.ts). */
  readonly label?: LoweredExpression;
}

/** The same for `bpf:` targets. */
export interface ArmBpfParams extends ArmSourceParams {
  /** In every process that the asking user may probe; `target` says nothing then. */
  readonly everywhere?: boolean;
  /** `bpf:load` only: a refused program that asked for no log is loaded once more, by the agent, with one. */
  readonly reloadForLog?: boolean;
}

/** One thing that the kernel can or cannot do for the agent; tried, not inferred. */
export interface Ability {
  /** Name in `Features` of @probelens/bpf: "uprobeMulti". */
  readonly id: string;
  readonly works: boolean;
  /** One or two sentences with the next step when it does not. */
  readonly reason: string | undefined;
}

/** `data` of every error response. */
export interface AgentErrorData {
  /** Stable, kebab-case: "wrong-build-id", "not-your-process". */
  readonly code: string;
}

export const HelloRequest = new RequestType0<Hello, AgentErrorData>('agent/hello');
export const AbilitiesRequest = new RequestType0<readonly Ability[], AgentErrorData>('agent/abilities');
export const ArmRequest = new RequestType<ArmParams, Armed, AgentErrorData>('agent/arm');
export const ArmSourceRequest = new RequestType<ArmSourceParams, Armed, AgentErrorData>('agent/armSource');
/** The fields of an event, for the expressions of `ArmSourceRequest`. */
export const SourceFieldsRequest = new RequestType<
  { readonly target: ProbeTarget },
  readonly SourceFieldDescription[],
  AgentErrorData
>('agent/sourceFields');
/** Answered when the probe is out of the kernel. */
export const DisarmRequest = new RequestType<{ readonly probe: number }, ProbeCounters, AgentErrorData>('agent/disarm');
export const DisarmAllRequest = new RequestType0<readonly ProbeCounters[], AgentErrorData>('agent/disarmAll');
/** Answered after every event that was in the ring buffer when it arrived has been sent. */
export const DrainRequest = new RequestType0<void, AgentErrorData>('agent/drain');
export const CountersRequest = new RequestType0<readonly ProbeCounters[], AgentErrorData>('agent/counters');
/** Continues a process that a probe with `halt` stopped (SIGCONT); nothing happens when it runs. */
export const ResumeRequest = new RequestType<{ readonly pid: number }, void, AgentErrorData>('agent/resume');
export interface Focus {
  /** Only this goroutine may trap, undefined = all. Counting and logging go on. */
  readonly goid: string | undefined;
  /** This goroutine never traps: a debugger runs a call on it. */
  readonly muted?: string;
  /** Nothing traps at all. */
  readonly quiet?: boolean;
}

export const FocusRequest = new RequestType<Focus, void, AgentErrorData>('agent/focus');

/** Where a stack was taken. */
export type StackSite = Pick<PlannedSite, 'address' | 'instruction'>;

/** How the records of a probe are read. */
export interface RecordShape {
  readonly probe: number;
  readonly captures: readonly PlannedCapture[];
  /** Present when the records carry a stack: the probe's sites, in the order of its plan. */
  readonly stackSites: readonly StackSite[] | undefined;
  /** In their stead at events of the kernel. */
  readonly code?: ProgramCode | undefined;
}

/** Sent before the first record of a probe, also where the answer to its arming comes later. */
export const RecordShapeNotification = new NotificationType<RecordShape>('agent/recordShape');

/**
 * Records as they lay in the ring buffer (program/record.ts). The message's body is these bytes and no JSON: see
 * messages.ts.
 */
export interface Records {
  readonly bytes: Uint8Array;
}

export const RecordsNotification = new NotificationType<Records>('agent/records');
/** Attributes of BPF_PROG_LOAD in a process's memory. */
export interface DescribeLoadParams {
  readonly pid: number;
  /** "0x...". */
  readonly pointer: string;
  /** Bytes. */
  readonly size: number;
  /** Loads it once more, in the agent, for the verifier's log. */
  readonly verify?: boolean;
}

export interface DescribedLoad {
  /** Says nothing of an outcome: `errno` is 0. */
  readonly load: BpfLoad;
  /** What the load's log and notes come to, in words. */
  readonly details: readonly string[];
}

/** Null where that memory cannot be read. */
export const DescribeLoadRequest = new RequestType<DescribeLoadParams, DescribedLoad | null, AgentErrorData>(
  'agent/describeLoad',
);

/** Events of `bpf:` probes, which the agent has asked the kernel about. */
export const BpfEventsNotification = new NotificationType<{ readonly events: readonly ProbeEvent[] }>(
  'agent/bpfEvents',
);
/** The target ended, or its tracer did: the agent has disarmed. */
export const TargetGoneNotification = new NotificationType<{
  readonly pid: number;
  readonly why: 'target-exited' | 'tracer-exited';
  /** Last counts of the probes that were armed on it. */
  readonly counters: readonly ProbeCounters[];
}>('agent/targetGone');
