import { constants } from 'node:os';

/** Second names of EAGAIN and EOPNOTSUPP on Linux. */
const aliases = new Set(['EWOULDBLOCK', 'ENOTSUP']);

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => !aliases.has(name))
    .map(([name, number]) => [number, name]),
);

/** Not in the C library: include/linux/errno.h, which escapes from a few BPF calls. */
const kernelOnly: ReadonlyMap<number, string> = new Map([[524, 'ENOTSUPP']]);

/** "EPERM" for 1; "E123" for a number without a name. */
export const errnoName = (errno: number): string => names.get(errno) ?? kernelOnly.get(errno) ?? `E${errno}`;

/** A system call that the kernel refused. The message is one sentence or two and says what to do. */
export class KernelError extends Error {
  override readonly name: string = 'KernelError';
  /** "EPERM", "EINVAL", ... */
  readonly code: string;
  constructor(
    /** What was called: "BPF_PROG_LOAD", "perf_event_open", ... */
    readonly call: string,
    /** Positive errno of the C library. */
    readonly errno: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = errnoName(errno);
  }
}
