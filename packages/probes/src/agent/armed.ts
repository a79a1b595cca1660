/** What the agent has in the kernel for one request, whatever it is attached to. */
import type { ProbeCounters } from '../events.js';
import type { PlannedCapture } from '../plan/plan.js';
import { type RecordLayout, stateOffsets, stateSize } from '../program/index.js';
import type { FileIdentity } from './live-text.js';
import type { ProcessIdentity } from './process-state.js';
import type { ProgramCode, StackSite } from './protocol.js';

export interface Armed {
  readonly id: number;
  readonly target: ProcessIdentity;
  readonly captures: readonly PlannedCapture[];
  readonly layout: RecordLayout;
  readonly stop: 'none' | 'trap' | 'halt';
  readonly counters: ProbeCounters;
  /** Whether it changes the byte at `offset` of the file in the target's memory. */
  holds(file: FileIdentity, offset: number): boolean;
  /** Its records carry stacks, taken at these places. */
  readonly stackSites?: readonly StackSite[] | undefined;
  readonly code?: ProgramCode | undefined;
  /** Its events have a way of their own: resolves when all that have happened have left this process. */
  flush?(): Promise<void>;
  /** Out of the kernel, at once. May be called again. The counters stay as they were. */
  disarm(): ProbeCounters;
}

/** Reads the element of a probe's state map. */
export const countersFrom = (probe: number, value: Uint8Array | undefined): ProbeCounters => {
  const bytes = value ?? new Uint8Array(stateSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number => Number(view.getBigUint64(at, true));
  return {
    probe,
    hits: word(stateOffsets.hits),
    matches: word(stateOffsets.matches),
    faults: word(stateOffsets.faults),
    dropped: word(stateOffsets.dropped),
    full: word(stateOffsets.lost),
  };
};

/** Whatever is open is closed again, newest first. */
export class Opened {
  readonly #closers: (() => void)[] = [];

  add<T extends { close(): void }>(resource: T): T {
    this.#closers.push(() => resource.close());
    return resource;
  }

  close(): void {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) closer();
  }
}
