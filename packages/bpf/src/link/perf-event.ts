import { possibleCpus } from '../map.js';
import type { Program } from '../program.js';
import { kernelFile } from '../refusal.js';
import { closeDescriptor } from '../syscall.js';
import type { Link } from './link.js';
import { attachToEvents, openPerfEvent, type PerfEventAttr } from './perf-event-open.js';

/** enum perf_sw_ids, include/uapi/linux/perf_event.h. */
export const softwareEvents = {
  'cpu-clock': 0,
  'task-clock': 1,
  'page-faults': 2,
  'context-switches': 3,
  'cpu-migrations': 4,
  'minor-faults': 5,
  'major-faults': 6,
  'alignment-faults': 7,
  'emulation-faults': 8,
} as const;
export type SoftwareEvent = keyof typeof softwareEvents;

/** enum perf_hw_id. */
export const hardwareEvents = {
  cycles: 0,
  instructions: 1,
  'cache-references': 2,
  'cache-misses': 3,
  branches: 4,
  'branch-misses': 5,
  'bus-cycles': 6,
  'stalled-cycles-frontend': 7,
  'stalled-cycles-backend': 8,
  'ref-cycles': 9,
} as const;
export type HardwareEvent = keyof typeof hardwareEvents;

export type PerfEvent =
  | { readonly type: 'software'; readonly name: SoftwareEvent }
  | { readonly type: 'hardware'; readonly name: HardwareEvent }
  /** A debug register on an address of the process: `length` bytes (1, 2, 4, 8; for "execute" always 8). */
  | {
      readonly type: 'breakpoint';
      readonly address: bigint;
      readonly access: 'write' | 'read-write' | 'execute';
      readonly length?: 1 | 2 | 4 | 8;
    };

export interface PerfEventOptions {
  /** Type "perf-event". */
  readonly program: Program;
  readonly event: PerfEvent;
  /** Events between two runs of the program (default 1), or runs a second. */
  readonly sample?: { readonly period: number } | { readonly frequency: number };
  /** One thread; absent: all threads, by one event for each CPU. Breakpoints need it. */
  readonly tid?: number;
  readonly cookie?: bigint;
}

/** PERF_TYPE_*. */
const perfType = { hardware: 0, software: 1, breakpoint: 5 } as const;
/** HW_BREAKPOINT_*, include/uapi/linux/hw_breakpoint.h. */
const breakpointAccess = { write: 2, 'read-write': 3, execute: 4 } as const;

/** Runs the program at samples of a perf event. Throws KernelError (ENOENT, ENODEV: the machine has no such counter). */
export function attachPerfEvent(options: PerfEventOptions): Link {
  const { event, tid } = options;
  const subject = `perf event ${event.type === 'breakpoint' ? `breakpoint 0x${event.address.toString(16)}` : event.name}`;
  const attr = attribute(event, options.sample ?? { period: 1 });
  if (event.type === 'breakpoint' && tid === undefined) {
    throw new RangeError(`${subject}: an address means nothing without a thread`);
  }
  const events: number[] = [];
  try {
    if (tid !== undefined) events.push(openPerfEvent(attr, tid, -1, subject));
    else for (const cpu of onlineCpus()) events.push(openPerfEvent(attr, -1, cpu, subject));
  } catch (error) {
    for (const fd of events) closeDescriptor(fd);
    throw error;
  }
  return attachToEvents(options.program, events, subject, options.cookie);
}

function attribute(event: PerfEvent, sample: NonNullable<PerfEventOptions['sample']>): PerfEventAttr {
  switch (event.type) {
    case 'software':
      return { type: perfType.software, config: softwareEvents[event.name], sample };
    case 'hardware':
      return { type: perfType.hardware, config: hardwareEvents[event.name], sample };
    case 'breakpoint': {
      const config2 = event.access === 'execute' ? 8 : (event.length ?? 8);
      const type = breakpointAccess[event.access];
      return { type: perfType.breakpoint, config: 0, sample, breakpointType: type, config1: event.address, config2 };
    }
  }
}

/** "0-1,3": the CPUs that can carry an event now. */
export function onlineCpus(): readonly number[] {
  const text = kernelFile('/sys/devices/system/cpu/online');
  if (text === undefined) return Array.from({ length: possibleCpus() }, (_, cpu) => cpu);
  return text.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
