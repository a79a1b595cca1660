/** What the kernel recorded of one goroutine at one instant (moments.ts). */
import type { CapturedValue, ProbeEvent } from '@probelens/probes';
import type { Request } from '../message.js';

/** One level of a moment's stack, innermost first, inlined calls included. */
export interface MomentFrame {
  readonly name: string;
  /** Undefined outside the program's own code. */
  readonly file: string | undefined;
  readonly line: number;
  /** As linked, "0x...". */
  readonly address: string;
}

export interface Moment {
  /** From 1, in the order of arrival. */
  readonly number: number;
  readonly kind: 'snapshot' | 'halt';
  /** Client's id of the breakpoint or probe. */
  readonly gate: number;
  /** Where the probe sits, as the person knows it. */
  readonly place: { readonly function: string; readonly file: string; readonly line: number };
  /** 0 outside a goroutine. */
  readonly goroutine: number;
  readonly thread: number;
  readonly cpu: number;
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: bigint;
  readonly values: readonly CapturedValue[];
  readonly stack: readonly string[];
  readonly stackTop: string | undefined;
  /** Undefined until somebody looks. */
  readonly frames: readonly MomentFrame[] | undefined;
  /** Of a system call on eBPF: all that is known of it. */
  readonly cause: ProbeEvent | undefined;
}

/** One line of a scope. */
export interface Row {
  readonly name: string;
  readonly value: string;
  readonly type: string;
  /** What is inside, where there is something. */
  readonly inside: unknown;
  /** What `disassemble` may be asked with. */
  readonly memory?: string;
}

export interface Moments {
  readonly count: number;
  /** Snapshots that were given up for later ones. */
  readonly forgotten: number;
  /** By slot, oldest first. */
  readonly kept: ReadonlyMap<number, Moment>;
  /** Snapshots that the person wants to see among the threads, by slot. */
  readonly listed: ReadonlySet<number>;
  /** What a variablesReference stands for. */
  readonly rows: ReadonlyMap<number, readonly Row[]>;
  readonly references: number;
  /** Questions for a stack that is being put into words, by ticket. */
  readonly asking: ReadonlyMap<number, { readonly slot: number; readonly question: MomentQuestion }>;
}

/** Who wants to see the frames. */
export interface MomentQuestion {
  readonly request: Request;
  readonly as: 'stack' | 'text';
}

export const noMoments: Moments = {
  count: 0,
  forgotten: 0,
  kept: new Map(),
  listed: new Set(),
  rows: new Map(),
  references: 0,
  asking: new Map(),
};
