import { readFileSync } from 'node:fs';
import { errnoName, KernelError } from './kernel-error.js';

const isFile = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'code' in error;

/** The trimmed text of a small kernel file, undefined where there is none. */
export function kernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch (error) {
    if (isFile(error)) return undefined;
    throw error;
  }
}

/** Bits of CapEff in /proc/self/status; include/uapi/linux/capability.h. */
const capabilities = { CAP_SYS_ADMIN: 21n, CAP_SYS_RESOURCE: 24n, CAP_PERFMON: 38n, CAP_BPF: 39n } as const;
export type Capability = keyof typeof capabilities;

/** The capabilities out of `wanted` that this process does not have in effect; CAP_SYS_ADMIN stands for BPF and PERFMON. */
export function missingCapabilities(wanted: readonly Capability[]): readonly Capability[] {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(kernelFile('/proc/self/status') ?? '')?.[1];
  if (mask === undefined) return [];
  const has = (capability: Capability) => (BigInt(`0x${mask}`) & (1n << capabilities[capability])) !== 0n;
  return wanted.filter(
    (capability) => !has(capability) && !(capability !== 'CAP_SYS_RESOURCE' && has('CAP_SYS_ADMIN')),
  );
}

/** The active word of "none [integrity] confidentiality"; undefined when the kernel has no lockdown. */
export const lockdown = (): string | undefined =>
  /\[(\w+)\]/.exec(kernelFile('/sys/kernel/security/lockdown') ?? '')?.[1];

export type KernelCall =
  | 'BPF_MAP_CREATE'
  | 'BPF_MAP_LOOKUP_ELEM'
  | 'BPF_MAP_UPDATE_ELEM'
  | 'BPF_MAP_DELETE_ELEM'
  | 'BPF_MAP_LOOKUP_AND_DELETE_ELEM'
  | 'BPF_MAP_GET_NEXT_KEY'
  | 'BPF_PROG_LOAD'
  | 'BPF_PROG_TEST_RUN'
  | 'BPF_BTF_LOAD'
  | 'BPF_OBJ_GET_INFO_BY_FD'
  | 'BPF_PROG_GET_FD_BY_ID'
  | 'BPF_MAP_GET_FD_BY_ID'
  | 'BPF_LINK_GET_FD_BY_ID'
  | 'BPF_LINK_GET_NEXT_ID'
  | 'BPF_BTF_GET_FD_BY_ID'
  | 'BPF_RAW_TRACEPOINT_OPEN'
  | 'BPF_LINK_CREATE'
  | 'perf_event_open'
  | 'PERF_EVENT_IOC_SET_BPF'
  | 'PERF_EVENT_IOC_ENABLE'
  | 'mmap'
  | 'fcntl'
  | 'poll'
  | 'close_range'
  | 'pidfd_open'
  | 'pidfd_send_signal';

/**
 * The error for a call that failed: what was attempted, errno, and the next step as far as this machine's state tells.
 * @param subject what it was about, as it reads after "for": "the ring buffer \"events\"".
 */
export function refusal(call: KernelCall, errno: number, subject: string, options?: ErrorOptions): KernelError {
  const message = `${call} failed for ${subject}: ${errnoName(errno)}. ${nextStep(call, errno)}`;
  return new KernelError(call, errno, message, options);
}

function nextStep(call: KernelCall, errno: number): string {
  switch (errnoName(errno)) {
    case 'EPERM':
    case 'EACCES':
      return permissionStep(call);
    case 'ENOSYS':
      return 'This kernel was built without it (CONFIG_BPF_SYSCALL, CONFIG_PERF_EVENTS), or a container filter hides it.';
    case 'ENOMEM':
      return 'The kernel could not allocate it; ask for a smaller one.';
    case 'EMFILE':
      return 'Too many open files: raise the limit (ulimit -n) or close probes.';
    case 'ENFILE':
      return 'The whole machine has too many open files.';
    case 'E2BIG':
      return call === 'BPF_PROG_LOAD'
        ? 'The program is too long or has too many paths for the verifier; make it smaller.'
        : 'More than the kernel accepts here, or a field that this kernel does not know yet: it is too old for this.';
    case 'EINVAL':
      return call.startsWith('BPF_MAP')
        ? 'Sizes or flags do not suit this type of map, or this kernel is too old for it.'
        : 'This kernel is too old for it, or was given something that does not fit together.';
    case 'EOPNOTSUPP':
    case 'ENOTSUPP':
      return 'This kernel was not built with support for it.';
    case 'EBUSY':
      return 'Something else holds it; try again.';
    case 'EAGAIN':
      return 'A signal kept interrupting it; try again.';
    case 'ENOENT':
      return call === 'perf_event_open'
        ? 'This machine has no such event (virtual machines often have no hardware counters).'
        : 'There is no such thing on this machine: check the name.';
    case 'ENODEV':
      return 'This machine has no such counter (virtual machines often have no hardware counters).';
    case 'ESRCH':
      return 'There is no such process: it has ended.';
    case 'ENOSPC':
      return 'No more of these are left: a CPU has few breakpoint registers (4 on x86-64).';
    default:
      return 'See the kernel log (dmesg) for details.';
  }
}

function permissionStep(call: KernelCall): string {
  const locked = lockdown();
  if (locked === 'confidentiality') {
    return 'Kernel lockdown is in confidentiality mode and forbids BPF to read memory: boot with lockdown=integrity or none.';
  }
  const perf = call === 'perf_event_open' || call.startsWith('PERF_EVENT');
  const missing = missingCapabilities(perf ? ['CAP_PERFMON'] : ['CAP_BPF', 'CAP_PERFMON']);
  if (missing.length > 0) {
    const paranoid = perf ? kernelFile('/proc/sys/kernel/perf_event_paranoid') : undefined;
    const also = paranoid === undefined ? '' : ` (kernel.perf_event_paranoid is ${paranoid})`;
    return `The process lacks ${missing.join(' and ')}${also}: run it with sudo, or give it exactly these capabilities.`;
  }
  if (perf && missingCapabilities(['CAP_SYS_ADMIN']).length > 0) {
    return 'The perf PMU wants CAP_SYS_ADMIN for uprobes and some other events, CAP_PERFMON is not enough: run it with sudo.';
  }
  if (call === 'BPF_MAP_CREATE' && missingCapabilities(['CAP_SYS_RESOURCE']).length > 0 && oldMemoryAccounting()) {
    return 'Kernels before 5.11 count BPF memory against RLIMIT_MEMLOCK: raise it (ulimit -l unlimited).';
  }
  return 'A security policy (seccomp, AppArmor, SELinux, or a container) forbids it: allow the call there.';
}

/** Only to word an error: whether this kernel still charges maps to RLIMIT_MEMLOCK (memory cgroups since 5.11). */
function oldMemoryAccounting(): boolean {
  const [major, minor] = (kernelFile('/proc/sys/kernel/osrelease') ?? '').split('.').map(Number);
  return major !== undefined && minor !== undefined && (major < 5 || (major === 5 && minor < 11));
}
