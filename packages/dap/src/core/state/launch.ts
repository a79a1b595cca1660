/** What the client asked for when the session began. */
import type { JsonObject, Request } from '../message.js';

export type KernelMode = 'auto' | 'off' | 'required';

export interface Launch {
  readonly request: Request;
  /** Arguments for Delve: the client's without ours. */
  readonly forDelve: JsonObject;
  readonly kernel: KernelMode;
  readonly agent: readonly string[] | undefined;
  readonly probes: readonly string[];
  /** "goroutine": gates fire only for the stepping goroutine while a step runs; "process": Delve's own way. */
  readonly steps: 'goroutine' | 'process';
  /** The target was there before us: it must survive. */
  readonly live: boolean;
  /** Known before Delve says so only when attaching by id. */
  readonly pid: number | undefined;
  readonly remote: boolean;
}
