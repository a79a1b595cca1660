/** The system calls on eBPF that this session has seen (bpf/calls.ts). */

import type { BpfCall, BpfLoad } from '@probelens/probes';
import type { LoadInC } from '../bpf/c-loads.js';
import type { BpfAttributes } from '../kernel-words.js';
import type { Request } from '../message.js';

export interface BpfSeen {
  /** From 1, in the order of arrival. */
  readonly number: number;
  readonly goroutine: number;
  readonly thread: number;
  readonly time: bigint;
  /** Probe that saw it first. */
  readonly probe: number;
  readonly call: BpfCall;
  readonly line: string;
  readonly details: readonly string[];
}

/** A goroutine that stands before the system call, or before a call of C that makes it. */
export interface BpfBefore {
  readonly ticket: number;
  readonly goroutine: number;
  /** Undefined: it is being read. */
  readonly load: BpfLoad | LoadInC | 'unreadable' | undefined;
  readonly at: BpfAttributes | undefined;
  /** Somebody waited for it, and is shown all of it. */
  readonly awaited: boolean;
}

/** A `bpf reload` that the agent is busy with. */
export interface BpfReload {
  readonly ticket: number;
  readonly request: Request;
  /** Of a call that was seen; undefined: the one that the program stands before. */
  readonly number: number | undefined;
}

export interface BpfState {
  /** The latest ones. */
  readonly seen: readonly BpfSeen[];
  readonly last: number;
  readonly before: BpfBefore | undefined;
  /** Requests of the client that wait for what is being read. */
  readonly waiting: readonly Request[];
  /** Filters that the client has ticked. */
  readonly ticked: readonly string[];
  /** The next load is to be stopped at, once. */
  readonly pauseAtNext: boolean;
  /** The goroutine that stood before a load when the next one was asked for: what comes of this one is not meant. */
  readonly skipAfter: number | undefined;
  readonly reloads: readonly BpfReload[];
}

export const noBpf: BpfState = {
  seen: [],
  last: 0,
  before: undefined,
  waiting: [],
  ticked: [],
  pauseAtNext: false,
  skipAfter: undefined,
  reloads: [],
};
