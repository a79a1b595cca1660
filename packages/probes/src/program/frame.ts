/**
 * How a program uses its 512 bytes of stack, offsets from r10. The verifier proves the bounds; this file makes them
 * easy to see.
 */
import { stackBytes } from '@probelens/bpf';

/** Where a read of user memory lands: one value, or a piece of a string. */
export const scratchBytes = 64;

export const frame = {
  /** Id of the goroutine. */
  goroutine: -8,
  /** Flags of the record (program/record.ts). */
  flags: -16,
  /** Number of this event. */
  number: -24,
  /** Thread-group id and thread id. */
  pidTid: -32,
  /** Bits of the captures that could not be read. */
  captureFaults: -40,
  /** Index of the site, where sites differ; at events of the kernel, which have none, what is known of the current g. */
  site: -48,
  scratch: -48 - scratchBytes,
} as const;

/** Temporaries of expressions that are being computed, 8 bytes each, below everything else. */
export const temporaries = Math.floor((stackBytes + frame.scratch) / 8);

export const temporary = (index: number): number => frame.scratch - 8 * (index + 1);
