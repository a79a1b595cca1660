/**
 * The one door to the kernel: raw system calls through koffi. No other file imports koffi.
 * Every function here returns what the kernel returned, negative errno for a failure; callers make the errors.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { KernelError } from './kernel-error.js';

/** Numbers by machine: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h. */
const numbersByMachine = {
  x64: { bpf: 321, perfEventOpen: 298, pidfdOpen: 434, pidfdSendSignal: 424, closeRange: 436 },
  arm64: { bpf: 280, perfEventOpen: 241, pidfdOpen: 434, pidfdSendSignal: 424, closeRange: 436 },
} as const;

/** F_DUPFD_CLOEXEC, include/uapi/linux/fcntl.h. */
const duplicateCloseOnExec = 1030;

const protection = { none: 0, read: 1, readWrite: 3 } as const;
const mapShared = 0x01;
/** MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, include/uapi/asm-generic/mman-common.h. */
const mapBlank = 0x02 | 0x10 | 0x20 | 0x4000;
const pollInput = 0x0001;
/** _SC_PAGESIZE, the same in glibc and musl. */
const sysconfPageSize = 30;

type Native = ReturnType<typeof bind>;
let native: Native | undefined;

function bind() {
  const numbers = numbersByMachine[process.arch === 'arm64' ? 'arm64' : 'x64'];
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64') || endianness() !== 'LE') {
    throw new KernelError(
      'bpf',
      38,
      `eBPF needs Linux on x86-64 or arm64; this is ${process.platform} ${process.arch}.`,
    );
  }
  // Loaded on first use: the library takes 15 ms, and whoever only assembles programs needs none of it.
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const libc = koffi.load(null);
  // syscall(2) is variadic in its declaration only; a fixed prototype saves building the call anew each time.
  const bpf = libc.func('long syscall(long number, int command, void *attr, uint size)');
  const perf = libc.func('long syscall(long number, void *attr, int pid, int cpu, int group, ulong flags)');
  const pidfd = libc.func('long syscall(long number, int pid, uint flags)');
  const signal = libc.func('long syscall(long number, int pidfd, int signal, void *info, uint flags)');
  const closeRange = libc.func('long syscall(long number, uint first, uint last, uint flags)');
  return {
    koffi,
    libc,
    numbers,
    bpf: (command: number, attr: Uint8Array): number => bpf(numbers.bpf, command, attr, attr.length),
    perf: (attr: Uint8Array, pid: number, cpu: number, flags: number): number =>
      perf(numbers.perfEventOpen, attr, pid, cpu, -1, flags),
    pidfd: (pid: number): number => pidfd(numbers.pidfdOpen, pid, 0),
    signal: (fd: number, number: number): number => signal(numbers.pidfdSendSignal, fd, number, null, 0),
    ioctl: libc.func('int ioctl(int fd, ulong request, ulong argument)'),
    ioctlWith: libc.func('int ioctl(int fd, ulong request, void *argument)'),
    closeRange: (first: number, last: number): number => closeRange(numbers.closeRange, first, last, 0),
    fcntl: libc.func('int fcntl(int fd, int command, int argument)'),
    close: libc.func('int close(int fd)'),
    poll: libc.func('int poll(void *descriptors, ulong count, int timeout)'),
    sysconf: libc.func('long sysconf(int name)'),
    sigmask: libc.func('int pthread_sigmask(int how, void *set, void *old)'),
    mmap: libc.func('intptr_t mmap(uintptr_t address, size_t length, int prot, int flags, int fd, long offset)'),
  };
}

const kernel = (): Native => {
  native ??= bind();
  return native;
};

/** The return value, or the negative errno of a call that failed. */
const answer = (returned: number | bigint): number => {
  const value = Number(returned);
  return value === -1 ? -kernel().koffi.errno() : value;
};

/** Address of the bytes, for an attribute's pointer field. The caller keeps the array alive over the call. */
export const addressOf = (bytes: Uint8Array): bigint => kernel().koffi.address(bytes);

/** An attribute structure that owns what its pointers name (attr.ts). */
interface Attributes {
  readonly bytes: Uint8Array;
}

/**
 * The attributes of the call that is under way. Only their bytes go through koffi; without this reference the collector
 * might free what their pointers name while the kernel reads it.
 */
let underWay: Attributes | undefined;

function holding(attributes: Attributes, call: () => number): number {
  underWay = attributes;
  try {
    return call();
  } finally {
    if (underWay === attributes) underWay = undefined;
  }
}

export const bpfCall = (command: number, attr: Attributes): number =>
  holding(attr, () => answer(kernel().bpf(command, attr.bytes)));

export const perfEventOpen = (attr: Attributes, pid: number, cpu: number, flags: number): number =>
  holding(attr, () => answer(kernel().perf(attr.bytes, pid, cpu, flags)));

export const ioctl = (fd: number, request: number, argument: number): number =>
  answer(kernel().ioctl(fd, request, argument));

/** The same with a pointer to bytes that the kernel reads or fills. */
export const ioctlWith = (fd: number, request: number, argument: Uint8Array): number =>
  answer(kernel().ioctlWith(fd, request, argument));

export const pidfdOpen = (pid: number): number => answer(kernel().pidfd(pid));

export const pidfdSendSignal = (pidfd: number, signal: number): number => answer(kernel().signal(pidfd, signal));

/** A second descriptor of the same file: the lowest free number from `lowest` on. */
export const duplicate = (fd: number, lowest = 0): number => answer(kernel().fcntl(fd, duplicateCloseOnExec, lowest));

/**
 * Closes a descriptor. Not by fs.closeSync, which warns in a worker thread about descriptors that it did not open.
 * Linux has closed it whatever it answers.
 */
export const closeDescriptor = (fd: number): void => void kernel().close(fd);

/** Closes all descriptors from `first` to `last` by one call (Linux >= 5.9). */
export const closeDescriptors = (first: number, last: number): number => answer(kernel().closeRange(first, last));

/** Whether the descriptor can be read now, or the negative errno. */
export function readable(fd: number): boolean | number {
  const request = new DataView(new ArrayBuffer(8));
  request.setInt32(0, fd, true);
  request.setInt16(4, pollInput, true);
  const count = answer(kernel().poll(new Uint8Array(request.buffer), 1, 0));
  return count < 0 ? count : (request.getInt16(6, true) & pollInput) !== 0;
}

/** sigset_t of glibc and musl, and the two ways to change a mask: include/uapi/asm-generic/signal-defs.h. */
const signalSetBytes = 128;
const [block, restore] = [0, 2];

/** Makes the call with every signal held back from this thread; they arrive when it is done. */
export function withoutSignals<T>(call: () => T): T {
  const { sigmask } = kernel();
  const before = new Uint8Array(signalSetBytes);
  sigmask(block, new Uint8Array(signalSetBytes).fill(0xff), before);
  try {
    return call();
  } finally {
    sigmask(restore, before, null);
  }
}

/** Bytes of a page: 4096 on x86-64, up to 65,536 on arm64. */
export const pageSize = (): number => answer(kernel().sysconf(sysconfPageSize));

/** Memory shared with the kernel. After `release()` the memory reads as zeros: a stale view is wrong, never a crash. */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  release(): void;
}

/** Maps `length` bytes of a descriptor, or gives the negative errno. */
export function mapShare(fd: number, offset: number, length: number, writable: boolean): Mapping | number {
  const { koffi, mmap } = kernel();
  const prot = writable ? protection.readWrite : protection.read;
  const address = mmap(0, length, prot, mapShared, fd, offset);
  if (BigInt(address) === -1n) return -koffi.errno();
  let released = false;
  return {
    buffer: koffi.view(BigInt(address), length),
    release: () => {
      if (released) return;
      released = true;
      // The ArrayBuffer cannot be detached (Node marks native memory untransferable), so the addresses stay reserved.
      mmap(address, length, writable ? protection.readWrite : protection.read, mapBlank, -1, 0);
    },
  };
}

/** A watch on a descriptor by Node's own event loop (uv_poll): no thread, no timer. */
export interface Watch {
  ref(): void;
  unref(): void;
  close(): void;
}

/** Strong references: koffi closes a handle that is garbage collected, and it would fall silent. */
const watches = new Set<Watch>();

export interface WatchOptions {
  /**
   * Least milliseconds between two calls (default 0). The first comes at once; while the next waits, a ring buffer that
   * is not drained costs its producers no wake-ups, and records arrive in larger batches.
   */
  readonly interval?: number;
  /** Milliseconds before the first call (default 0). */
  readonly delay?: number;
}

/**
 * Calls back, on a fresh turn of the event loop, whenever the descriptor is readable: again and again until somebody
 * reads. Holds the process open until closed or unref'd. The descriptor must stay open until `close()`.
 */
export function watchReadable(fd: number, callback: () => void, { interval = 0, delay = 0 }: WatchOptions = {}): Watch {
  let turn: NodeJS.Immediate | undefined;
  let pause: NodeJS.Timeout | undefined;
  let closed = false;
  let referenced = true;
  // koffi calls from the poll phase without a callback scope: promises would not settle and a throw would be lost.
  const readable = (): void => {
    if (!closed) turn ??= setImmediate(deliver);
  };
  const resume = (): void => {
    pause = undefined;
    handle.start({ readable: true }, readable);
  };
  const deliver = (): void => {
    turn = undefined;
    rest(interval);
    callback();
  };
  const handle = kernel().koffi.node.poll(fd, { readable: true }, readable);
  const rest = (milliseconds: number): void => {
    if (milliseconds <= 0) return;
    handle.stop();
    pause = setTimeout(resume, milliseconds);
    if (!referenced) pause.unref();
  };
  rest(delay);
  const setReferenced = (value: boolean): void => {
    referenced = value;
    if (closed) return;
    if (value) handle.ref();
    else handle.unref();
    if (value) pause?.ref();
    else pause?.unref();
  };
  const watch: Watch = {
    ref: () => setReferenced(true),
    unref: () => setReferenced(false),
    close: () => {
      if (closed) return;
      closed = true;
      watches.delete(watch);
      clearImmediate(turn);
      clearTimeout(pause);
      handle.close();
    },
  };
  watches.add(watch);
  return watch;
}

/** M_MMAP_THRESHOLD, and what it is before glibc moves it: malloc.h, malloc/malloc.c. */
const mmapThreshold = { parameter: -3, bytes: 128 * 1024 };

type Mallopt = (parameter: number, value: number) => number;

/** glibc's own: musl has none. */
const mallopt = (): Mallopt | undefined => {
  try {
    return kernel().libc.func('int mallopt(int parameter, int value)');
  } catch (error) {
    if (error instanceof Error && /find function/.test(error.message)) return undefined;
    throw error;
  }
};

/**
 * From now on what this process frees goes back to the system. By itself glibc takes the size of a large block that was
 * freed, up to 32 MiB, as its measure of what to keep: a program that once read a large file holds on to tens of megabytes.
 * False where the C library has no such thing to be told. Elsewhere than on Linux nothing happens.
 */
export const returnFreedMemory = (): boolean =>
  process.platform === 'linux' && mallopt()?.(mmapThreshold.parameter, mmapThreshold.bytes) === 1;
