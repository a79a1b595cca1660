import { Attr } from '../attr.js';
import { bpfCommand } from '../bpf-command.js';
import type { Program } from '../program.js';
import { refusal } from '../refusal.js';
import { bpfCall, closeDescriptor, ioctl, perfEventOpen } from '../syscall.js';
import { DescriptorLink, type Link } from './link.js';

/** PERF_ATTR_SIZE_VER7 = 128; offsets below are those of struct perf_event_attr, include/uapi/linux/perf_event.h. */
const attrBytes = 128;
const closeOnExec = 8;
/** _IOW('$', 8, __u32) and _IO('$', 0). */
const setBpf = 0x40042408;
const enable = 0x2400;
/** enum bpf_attach_type. */
const bpfPerfEvent = 41;
const clockMonotonic = 1;
const EINVAL = 22;

export interface PerfEventAttr {
  readonly type: number;
  readonly config: bigint | number;
  /** Event count between two samples, or samples a second. */
  readonly sample?: { readonly period: number } | { readonly frequency: number };
  readonly breakpointType?: number;
  readonly config1?: bigint | number | string;
  readonly config2?: bigint | number;
  /** Write a record of these parts (PERF_SAMPLE_*) into the event's ring at each sample. */
  readonly record?: number;
}

/** Opens one perf event. Throws KernelError. */
export function openPerfEvent(event: PerfEventAttr, pid: number, cpu: number, subject: string): number {
  const attr = new Attr(attrBytes).u32(0, event.type).u32(4, attrBytes).u64(8, event.config);
  // Flag bits at 40: disabled 0, freq 10.
  let flags = 1n;
  if (event.sample !== undefined) {
    const byFrequency = 'frequency' in event.sample;
    attr.u64(16, 'frequency' in event.sample ? event.sample.frequency : event.sample.period);
    if (byFrequency) flags |= 1n << 10n;
  }
  if (event.record !== undefined) {
    // use_clockid is bit 25; clockid at 92. One clock for all: that of bpf_ktime_get_ns. Each record wakes (48).
    flags |= 1n << 25n;
    attr.u64(24, event.record).u32(48, 1).u32(92, clockMonotonic);
  }
  attr.u64(40, flags).u32(52, event.breakpointType ?? 0);
  if (typeof event.config1 === 'string') attr.text(56, event.config1);
  else if (event.config1 !== undefined) attr.u64(56, event.config1);
  if (event.config2 !== undefined) attr.u64(64, event.config2);
  const fd = perfEventOpen(attr, pid, cpu, closeOnExec);
  if (fd < 0) throw refusal('perf_event_open', -fd, subject);
  return fd;
}

/**
 * Attaches the program to each event (as a BPF link with its cookie where the kernel has them, >= 5.15, else by ioctl)
 * and lets the events run. Takes over the descriptors: closes them if it throws.
 * @param method "ioctl" leaves the newer way untried.
 */
export function attachToEvents(
  program: Program,
  events: readonly number[],
  subject: string,
  cookie?: bigint,
  method: 'newest' | 'ioctl' = 'newest',
): Link {
  const links: number[] = [];
  try {
    for (const event of events) {
      const link = method === 'ioctl' ? -EINVAL : perfLink(program, event, cookie);
      if (link >= 0) links.push(link);
      else if (link !== -EINVAL || cookie !== undefined) throw refusal('BPF_LINK_CREATE', -link, subject);
      else {
        const result = ioctl(event, setBpf, program.fd);
        if (result < 0) throw refusal('PERF_EVENT_IOC_SET_BPF', -result, subject);
      }
    }
    for (const event of events) enableEvent(event, subject);
  } catch (error) {
    for (const fd of [...links, ...events]) closeDescriptor(fd);
    throw error;
  }
  return new DescriptorLink(subject, [...events, ...links], links[0]);
}

export function enableEvent(event: number, subject: string): void {
  const result = ioctl(event, enable, 0);
  if (result < 0) throw refusal('PERF_EVENT_IOC_ENABLE', -result, subject);
}

function perfLink(program: Program, event: number, cookie: bigint | undefined): number {
  // prog_fd 0, target_fd 4, attach_type 8, flags 12, perf_event.bpf_cookie 16.
  const attr = new Attr(24).u32(0, program.fd).u32(4, event).u32(8, bpfPerfEvent);
  if (cookie !== undefined) attr.u64(16, cookie);
  return bpfCall(bpfCommand.linkCreate, attr);
}
