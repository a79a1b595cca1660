import type { Program } from '../program.js';
import { kernelFile, refusal } from '../refusal.js';
import type { Link } from './link.js';
import { attachToEvents, openPerfEvent } from './perf-event-open.js';
import { fileOffset } from './uprobe-multi.js';

export interface PerfUprobeOptions {
  /** Type "kprobe", loaded without expectedAttachType. */
  readonly program: Program;
  readonly path: string;
  /** File offset of the instruction. */
  readonly offset: number;
  /** Only in this process; absent: every process that maps the file. */
  readonly pid?: number;
  /** What get_attach_cookie returns (Linux >= 5.15). */
  readonly cookie?: bigint;
}

const ENOENT = 2;

/** One uprobe by the perf PMU, for kernels before 6.6; 8-15 ms each where uprobe_multi takes 16 ms for thousands. */
export function attachPerfUprobe(options: PerfUprobeOptions): Link {
  const subject = `uprobe ${options.path}+0x${options.offset.toString(16)}`;
  const type = kernelFile('/sys/bus/event_source/devices/uprobe/type');
  if (type === undefined) throw refusal('perf_event_open', ENOENT, `${subject} (no uprobe PMU in /sys)`);
  const attr = { type: Number(type), config: 0, config1: options.path, config2: fileOffset(options.offset) };
  // Without a pid the event names CPU 0, yet the program runs on all: uprobe_perf_func calls it before it looks at CPUs.
  const event = openPerfEvent(attr, options.pid ?? -1, options.pid === undefined ? 0 : -1, subject);
  return attachToEvents(options.program, [event], subject, options.cookie);
}
