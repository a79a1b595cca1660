/** What a person asked for. Plain data: the text form (`text.ts`) and JSON say the same thing. */
import type { BpfWhat } from '../bpf-load/call.js';
import type { CrashWhat } from '../crash/what.js';

export type ProbeTarget =
  | { readonly kind: 'function'; readonly name: string }
  /** Every `ret` of the function. */
  | { readonly kind: 'return'; readonly name: string }
  /** Every place where the function was inlined, and its own body if there is one. */
  | { readonly kind: 'inlined'; readonly name: string }
  | { readonly kind: 'line'; readonly file: string; readonly line: number }
  /** All functions of a package; `path/...` includes those below it. */
  | { readonly kind: 'package'; readonly pattern: string }
  | { readonly kind: 'tracepoint'; readonly category: string; readonly name: string }
  | { readonly kind: 'perf-event'; readonly name: string; readonly period: number | undefined }
  /** System calls that load eBPF programs, make maps, links or attachments. */
  | { readonly kind: 'bpf'; readonly what: BpfWhat }
  /** Where the Go runtime panics, recovers and ends the program (crash/what.ts). */
  | { readonly kind: 'crash'; readonly what: CrashWhat };

export type ProbeScope =
  | { readonly kind: 'process' }
  /** Decimal, because JSON has no 64-bit integers. */
  | { readonly kind: 'goroutine'; readonly id: string }
  /** The goroutine that is selected when the probe is armed. */
  | { readonly kind: 'current' }
  | { readonly kind: 'main' }
  | { readonly kind: 'label'; readonly key: string; readonly value: string };

export type ProbeAction =
  | { readonly kind: 'stop' }
  | { readonly kind: 'count' }
  /** `template` has `{expression}` holes; without one the arguments are shown. */
  | { readonly kind: 'log'; readonly template: string | undefined }
  | { readonly kind: 'snapshot' };

export type ProbeThen =
  /** Switches another probe on or off in the kernel; `probe`: its number in the list that both are in, from 1. */
  | { readonly kind: 'arm' | 'disarm'; readonly probe: number }
  /** The event carries the stack as well. */
  | { readonly kind: 'snapshot' };

export interface ProbeSpec {
  readonly target: ProbeTarget;
  /** Go expression, as the person wrote it. */
  readonly condition: string | undefined;
  readonly scope: ProbeScope;
  readonly action: ProbeAction;
  /** Events sent a second at most; hits are counted all the same. */
  readonly rateLimit: number | undefined;
  /** What a match does besides; in this order, at least one. */
  readonly onMatch?: readonly ProbeThen[];
  /** Whether the probe is on when it is armed. Absent: on, unless another one of the list arms it. */
  readonly initially?: 'on' | 'off';
}
