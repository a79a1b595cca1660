import { Attr } from '../attr.js';
import { bpfCommand } from '../bpf-command.js';
import { KernelError } from '../kernel-error.js';
import type { Program } from '../program.js';
import { refusal } from '../refusal.js';
import { bpfCall } from '../syscall.js';
import { DescriptorLink, type Link } from './link.js';

/** BPF_TRACE_UPROBE_MULTI, enum bpf_attach_type. */
const traceUprobeMulti = 48;
/** MAX_UPROBE_MULTI_CNT, kernel/trace/bpf_trace.c. */
export const maxUprobesPerLink = 1024 * 1024;

export interface UprobeMultiOptions {
  /** Type "kprobe", loaded with expectedAttachType "uprobe-multi"; may be sleepable. */
  readonly program: Program;
  readonly path: string;
  /** File offsets of the instructions. */
  readonly offsets: readonly number[];
  /** One per offset: what the helper get_attach_cookie returns there. */
  readonly cookies?: readonly bigint[];
  /**
   * Only in this process (thread group); absent: every process that maps the file. Refused on kernels that would take
   * it for one thread (Linux 6.6 to 6.9): there the program must compare the process, see features().uprobeMultiPid.
   */
  readonly pid?: number;
}

const EINVAL = 22;
const EOPNOTSUPP = 95;
const noProcess = 0xffff_ffff;
/** Set when a link with a pid was accepted by a kernel that knows processes. */
let pidMeansProcess = false;

/**
 * Puts uprobes on any number of instructions of a file by one call (Linux >= 6.6). All or nothing.
 * Throws KernelError; RangeError for offsets that are not file offsets.
 */
export function attachUprobeMulti(options: UprobeMultiOptions): Link {
  const { program, path, offsets, cookies, pid } = options;
  if (offsets.length === 0 || offsets.length > maxUprobesPerLink) {
    throw new RangeError(`${offsets.length} uprobes in one link; it takes 1 to ${maxUprobesPerLink}`);
  }
  if (cookies !== undefined && cookies.length !== offsets.length) {
    throw new RangeError(`${cookies.length} cookies for ${offsets.length} uprobes`);
  }
  if (pid !== undefined) requireProcessPid(program, path);
  const description = `uprobe_multi ${path} (${offsets.length} ${offsets.length === 1 ? 'site' : 'sites'})`;
  const fd = create(program, path, offsets.map(fileOffset), pid ?? 0, cookies);
  if (fd < 0) throw refusal('BPF_LINK_CREATE', -fd, description);
  pidMeansProcess ||= pid !== undefined;
  return new DescriptorLink(description, [fd], fd);
}

function create(
  program: Program,
  path: string,
  offsets: readonly bigint[],
  pid: number,
  cookies?: readonly bigint[],
): number {
  // prog_fd 0, target_fd 4, attach_type 8, flags 12; uprobe_multi: path 16, offsets 24, ref_ctr_offsets 32, cookies 40,
  // cnt 48, flags 52, pid 56.
  const attr = new Attr(64)
    .u32(0, program.fd)
    .u32(8, traceUprobeMulti)
    .text(16, path)
    .pointer(24, words(offsets))
    .u32(48, offsets.length)
    .u32(56, pid);
  if (cookies !== undefined) attr.pointer(40, words(cookies));
  return bpfCall(bpfCommand.linkCreate, attr);
}

/**
 * Throws KernelError where the pid of a link means one thread. Linux 6.10 repaired that, and refuses -1 since then at
 * once (EINVAL), where older kernels went on to the file and the thread (ENOENT, ESRCH). A program that no link takes gives EINVAL
 * too, and fails the real call next.
 */
export function requireProcessPid(program: Program, path: string): void {
  if (pidMeansProcess || create(program, path, [0n], noProcess) === -EINVAL) return;
  throw new KernelError(
    'BPF_LINK_CREATE',
    EOPNOTSUPP,
    'This kernel takes the pid of a uprobe_multi link for one thread: leave it out and compare the process in the program, or use Linux 6.10 or newer.',
  );
}

const words = (values: readonly bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);

export function fileOffset(offset: number): bigint {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`${offset} is no file offset`);
  return BigInt(offset);
}
