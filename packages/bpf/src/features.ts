/** One ability of this machine, tried for real. */
export interface Feature {
  readonly works: boolean;
  /** When it does not: one or two sentences with the next step. */
  readonly reason: string | undefined;
}

export interface Features {
  /** Maps and the simplest program can be loaded: everything else needs it. */
  readonly bpf: Feature;
  readonly ringBuffer: Feature;
  /** One link for many uprobes (Linux >= 6.6). */
  readonly uprobeMulti: Feature;
  /** Sleepable uprobe programs: copy_from_user reads pages that are not resident. */
  readonly sleepableUprobe: Feature;
  /** The perf PMU uprobe, the fallback. */
  readonly perfUprobe: Feature;
  /** get_attach_cookie. */
  readonly cookies: Feature;
  readonly tracepoint: Feature;
  readonly rawTracepoint: Feature;
  readonly perfSoftware: Feature;
  readonly perfHardware: Feature;
  readonly perfBreakpoint: Feature;
  /** /sys/kernel/btf/vmlinux can be read. */
  readonly btf: Feature;
  readonly pidfd: Feature;
  /** Signed division, sign-extending loads and moves, far jumps (Linux >= 6.6, "cpu v4"). */
  readonly instructionsV4: Feature;
}

/** What works here, tried once per process and remembered. Leaves nothing in the kernel. */
export function features(): Features {
  throw new Error('not built yet');
}
