/** A system call on eBPF as the event of its probe. */
import type { BpfCall } from '../../bpf-load/call.js';
import { bpfValues } from '../../bpf-load/fields.js';
import { bpfDetails, bpfLine } from '../../bpf-load/text.js';
import type { ProbeEvent } from '../../events.js';
import { roamingStack } from '../linked-stack.js';
import type { ProgramCode } from '../protocol.js';
import type { SeenCall } from './records.js';

/** `code`: of the program, where callers were asked for. */
export const eventOf = (
  probe: number,
  number: number,
  { header, callers }: SeenCall,
  bpf: BpfCall,
  code: ProgramCode | undefined,
): ProbeEvent => ({
  probe,
  number,
  time: String(header.time),
  cpu: header.cpu,
  pid: header.pid,
  tid: header.tid,
  goid: String(header.goroutine),
  faulted: false,
  trapped: header.trapped,
  values: bpfValues(bpf),
  bpf,
  told: { line: bpfLine(bpf), details: bpfDetails(bpf, { whole: false }) },
  ...(code === undefined || callers === undefined ? {} : roamingStack(code, callers.codeEnd, callers.recorded)),
});
