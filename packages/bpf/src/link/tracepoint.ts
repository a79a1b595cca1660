import { Attr } from '../attr.js';
import { bpfCommand } from '../bpf-command.js';
import type { Program } from '../program.js';
import { refusal } from '../refusal.js';
import { bpfCall } from '../syscall.js';
import { readTracepointId } from '../tracepoint-format.js';
import { DescriptorLink, type Link } from './link.js';
import { attachToEvents, openPerfEvent } from './perf-event-open.js';

/** PERF_TYPE_TRACEPOINT. */
const perfTypeTracepoint = 2;

export interface TracepointOptions {
  /** Type "tracepoint"; "kprobe" for the dynamic ones (TracepointFormat.dynamic), whose context is the registers. */
  readonly program: Program;
  readonly category: string;
  readonly name: string;
  /** What get_attach_cookie returns (Linux >= 5.15). */
  readonly cookie?: bigint;
}

/**
 * Attaches to a tracepoint of tracefs, those made by `perf probe` included. It fires for every process and CPU: the
 * program filters. Throws KernelError (ENOENT: no such tracepoint).
 */
export function attachTracepoint({ program, category, name, cookie }: TracepointOptions): Link {
  const subject = `tracepoint ${category}:${name}`;
  const id = readTracepointId(category, name);
  // One event on one CPU is enough: perf_trace_run_bpf_submit runs the program before it looks for this CPU's events.
  const event = openPerfEvent({ type: perfTypeTracepoint, config: id }, -1, 0, subject);
  return attachToEvents(program, [event], subject, cookie);
}

/** Attaches a "raw-tracepoint" program: its context is the arguments of the kernel's trace_NAME(), 8 bytes each. */
export function attachRawTracepoint({ program, name }: { readonly program: Program; readonly name: string }): Link {
  const subject = `raw tracepoint ${name}`;
  // raw_tracepoint.name 0, prog_fd 8.
  const attr = new Attr(16).text(0, name).u32(8, program.fd);
  const fd = bpfCall(bpfCommand.rawTracepointOpen, attr);
  if (fd < 0) throw refusal('BPF_RAW_TRACEPOINT_OPEN', -fd, subject);
  return new DescriptorLink(subject, [fd], fd);
}
