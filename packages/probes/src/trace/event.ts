/** One line of a trace: the shape that scripts read, and the text that people read. */
import type { BpfCall } from '../bpf-load/call.js';
import { bpfDetails, bpfLine } from '../bpf-load/text.js';
import type { JsonValue } from '../events.js';
import type { ProbePlan } from '../plan/plan.js';

export interface TraceEvent {
  /** CLOCK_MONOTONIC, nanoseconds, decimal. */
  readonly t: string;
  /** Position among the probes that were asked for, from 1. */
  readonly probe: number;
  readonly pid: number;
  readonly tid: number;
  readonly cpu: number;
  /** Decimal; "0" outside a goroutine. */
  readonly goid: string;
  /** Go expression or kernel field -> value as Go prints it; "?" where it could not be read. */
  readonly values: Readonly<Record<string, string>>;
  /** Values of several parts as data, by the same names. */
  readonly json?: Readonly<Record<string, JsonValue>>;
  /** Events of this probe that are missing so far: left out by the rate limit or for want of room. */
  readonly lost: number;
  /** Function and line that were hit. Absent for kernel events. */
  readonly at?: string;
  /** The condition could not be judged: this may be no match. */
  readonly faulted?: true;
  /** Snapshots: the callers, innermost first, as "function (file:line)". */
  readonly stack?: readonly string[];
  /** With an empty stack: why. */
  readonly stackMissing?: string;
  /** Probes on `bpf:` only: the system call. */
  readonly bpf?: BpfCall;
}

export interface EventNames {
  /** Text of the probe. */
  readonly text: string;
  readonly template: string | undefined;
}

/** Counts the gaps in one probe's numbers. Records of several CPUs may arrive slightly out of order. */
export class LossCounter {
  #highest = 0;
  #seen = 0;

  /** Events missing so far, this one included in the count of those seen. */
  add(number: number): number {
    this.#seen++;
    if (number > this.#highest) this.#highest = number;
    return Math.max(0, this.#highest - this.#seen);
  }
}

/** Where each of a plan's sites is, "main.price (order.go:19)". */
export const placesOf = (plan: ProbePlan | undefined): readonly string[] =>
  (plan?.sites ?? []).map((site) => `${site.function} (${site.file.split('/').at(-1)}:${site.line})`);

/** The template with its holes filled; without a template the values by name. */
export const eventMessage = (names: EventNames, event: TraceEvent): string => {
  if (names.template !== undefined)
    return names.template.replace(/\{([^{}]*)\}/g, (_, hole: string) => event.values[hole.trim()] ?? '?');
  if (event.bpf !== undefined) return bpfLine(event.bpf);
  return Object.entries(event.values)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
};

const seconds = (nanoseconds: string): string => {
  const padded = nanoseconds.padStart(10, '0');
  return `${padded.slice(0, -9)}.${padded.slice(-9, -3)}`;
};

export interface LineOptions {
  /** Of eBPF programs: the verifier's whole log and the instructions too. */
  readonly wholeLog?: boolean;
}

/** "12.345678 cpu 0 tid 4242 goroutine 7 main.price (order.go:19): o.ID=3". */
export const formatTraceEvent = (names: EventNames, event: TraceEvent, options: LineOptions = {}): string => {
  const who = event.goid === '0' ? `tid ${event.tid}` : `tid ${event.tid} goroutine ${event.goid}`;
  const program = event.bpf?.comm === undefined ? '' : ` ${event.bpf.comm}[${event.pid}]`;
  const unsure = event.faulted === true ? ' (condition not judged)' : '';
  const lines = [
    `${seconds(event.t)} cpu ${event.cpu} ${who}${program} ${event.at ?? names.text}${unsure}: ${eventMessage(names, event)}`,
  ];
  for (const frame of event.stack ?? []) lines.push(`    ${frame}`);
  if (event.stackMissing !== undefined) lines.push(`    no callers: ${event.stackMissing}`);
  if (event.bpf !== undefined && names.template === undefined)
    for (const line of bpfDetails(event.bpf, { whole: options.wholeLog ?? false })) lines.push(`    ${line}`);
  return lines.join('\n');
};
