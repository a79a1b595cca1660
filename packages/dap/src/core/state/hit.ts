/** Hits of gates, from the trap to what the client looks at. */
import type { CapturedValue, ProbeEvent } from '@probelens/probes';
import type { Event } from '../message.js';

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
