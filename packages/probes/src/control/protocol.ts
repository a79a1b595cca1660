/**
 * JSON-RPC between a live debug session (the adapter listens) and whoever wants probes in it (the language server
 * connects), on a Unix socket. Types only: both ends import them.
 */
import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';

/** Raised in a breaking way only; a session of another number is not shown. */
export const controlVersion = 1;

/** Where in the source the person stood when asking. Lines count from 1. */
export interface ControlPlace {
  /** Absolute path. */
  readonly file: string;
  readonly line: number;
}

export interface AddProbeParams {
  /** Text form of a probe: "main.price do count". */
  readonly text: string;
  readonly where?: ControlPlace | undefined;
}

export interface RemoveProbeParams {
  readonly id: number;
}

/**
 * waiting: accepted, armed as soon as there is a process. armed: in the kernel. delve: judged by Delve, which stops the
 * program for it. failed: could not be armed, `message` says why. removed: gone; its id is not used again.
 */
export type ControlProbeState = 'waiting' | 'armed' | 'delve' | 'failed' | 'removed';

export interface ControlProbe {
  /** Unique in its session, from 1. */
  readonly id: number;
  readonly text: string;
  /** The probed function as the linker spells it; undefined where the target is not a function. */
  readonly function: string | undefined;
  readonly state: ControlProbeState;
  /** Times the probed place was executed since the probe was armed. */
  readonly hits: number;
  /** A sentence for the person: why it failed, or what to know about it. */
  readonly message?: string | undefined;
}

export interface ControlChanged {
  /** The probes that changed, whole; one that is gone comes once more with the state "removed". */
  readonly probes: readonly ControlProbe[];
}

export interface ControlTimelineParams {
  /** Only what this goroutine did; everything where it is missing. */
  readonly goroutine?: number | undefined;
}

export interface ControlTimelineEntry {
  /** CLOCK_MONOTONIC, nanoseconds, decimal. */
  readonly time: string;
  /** 0 outside a goroutine, or where nobody knows. */
  readonly goroutine: number;
  readonly kind: string;
  readonly text: string;
}

export interface ControlTimeline {
  /** Ascending by time; the latest ones only. */
  readonly entries: readonly ControlTimelineEntry[];
  /** Earlier entries, of all goroutines, that are not there any more. */
  readonly dropped: number;
}

/** `data` of every error response; its message is a sentence for the person. */
export interface ControlErrorData {
  /** Stable, kebab-case: "unknown-function", "no-such-probe". */
  readonly code: string;
}

/** Answered when the probe is armed or waits for the program; an error response is a refusal. */
export const AddProbeRequest = new RequestType<AddProbeParams, ControlProbe, ControlErrorData>('control/add');
/** Answered when the probe is out of the kernel, with its final count. */
export const RemoveProbeRequest = new RequestType<RemoveProbeParams, ControlProbe, ControlErrorData>('control/remove');
export const ListProbesRequest = new RequestType0<readonly ControlProbe[], ControlErrorData>('control/list');
export const TimelineRequest = new RequestType<ControlTimelineParams, ControlTimeline, ControlErrorData>(
  'control/timeline',
);
export const ChangedNotification = new NotificationType<ControlChanged>('control/changed');
