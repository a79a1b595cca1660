/** The debuggee as /proc shows it. Linux only; elsewhere every question has the answer "nothing". */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

export const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(String(error.code));

/** Undefined when the process is gone or not ours to look at. */
const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
};

/** As maps(5) names the same file; undefined as with `read`. */
const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
};

const field = (status: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];

/** proc_pid_stat(5), fields 3 and 22, counted behind the name in parentheses. Undefined when there is none. */
export const statOf = (pid: number): { readonly state: string; readonly startTime: string } | undefined => {
  const text = read(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields?.[0], fields?.[19]];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
};

/** Process that traces `pid`. /proc names the tracing *thread*: Delve traces from one of its own. */
export const tracerOf = (pid: number): number | undefined => {
  const tracer = Number(field(read(`/proc/${pid}/status`) ?? '', 'TracerPid') ?? 0);
  if (tracer === 0) return undefined;
  return Number(field(read(`/proc/${tracer}/status`) ?? '', 'Tgid') ?? tracer);
};

/** The first process that `tracer` traces, where Delve did not say which it is. */
export const tracedBy = (tracer: number): number | undefined => {
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && tracerOf(Number(name)) === tracer) return Number(name);
  }
  return undefined;
};

const isSameFile = (path: string, other: string): boolean => {
  try {
    const [one, two] = [statSync(path, { bigint: true }), statSync(other, { bigint: true })];
    return one.dev === two.dev && one.ino === two.ino;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
};

/** proc_pid_exe(5): opens the file that runs, also where its name means another one or none. */
const runningFile = (pid: number): string => `/proc/${pid}/exe`;

/**
 * Path of the program that runs, or why there is none to open. Not its name where that leads elsewhere: the file was
 * deleted or built again meanwhile, or the process has a file system of its own, as in a container.
 */
export const programOf = (pid: number): { readonly path: string } | { readonly reason: string } => {
  const running = runningFile(pid);
  const path = linkOf(running);
  if (path === undefined) return { reason: `the program (process ${pid}) is gone or belongs to somebody else.` };
  return { path: isSameFile(path, running) ? path : running };
};

/** proc_pid_maps(5): start-end permissions offset device inode path. */
const mapsLine = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ +(.*)$/;

/**
 * Where the byte at a file offset of the program's text is in memory; undefined where it is not mapped, or the process
 * is not ours to look at. Both in bytes.
 */
export const addressInMemory = (pid: number, path: string, offset: number): number | undefined => {
  const name = path === runningFile(pid) ? linkOf(path) : path;
  for (const line of (read(`/proc/${pid}/maps`) ?? '').split('\n')) {
    const [, start = '', end = '', at = '', mapped] = mapsLine.exec(line) ?? [];
    if (mapped !== name) continue;
    const distance = offset - Number.parseInt(at, 16);
    const from = Number.parseInt(start, 16);
    if (distance >= 0 && from + distance < Number.parseInt(end, 16)) return from + distance;
  }
  return undefined;
};

/** State letters of all threads, "T" = stopped by a signal; empty when the process is gone. */
export const threadStates = (pid: number): readonly string[] => {
  let threads: readonly string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
  return threads.flatMap((thread) => {
    const text = read(`/proc/${pid}/task/${thread}/stat`);
    // proc_pid_stat(5): the name may hold parentheses itself.
    return text === undefined ? [] : [text.charAt(text.lastIndexOf(')') + 2)];
  });
};

/** Threads of a program under a debugger that the debugger does not trace; none where nobody traces its first thread. */
export const untracedThreads = (pid: number): number => {
  if (tracerOf(pid) === undefined) return 0;
  let threads: readonly string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
  return threads.filter((thread) => {
    const status = read(`/proc/${pid}/task/${thread}/status`);
    // One that is ending has no tracer any more.
    return status !== undefined && field(status, 'TracerPid') === '0' && !/^State:\s+[ZX]/m.test(status);
  }).length;
};

/** A thread stands because of its debugger: that has not let the program run yet, or is at work on a stop of it. */
export const standsTraced = (pid: number): boolean => threadStates(pid).includes('t');

/** SIGTRAP is signal 5: bit 4 of SigPnd (for one thread) and ShdPnd (for the process). */
const trapBit = 1n << 4n;

/** Whether a thread would die of a trap that is already on its way to it, once nobody traces it. */
export const trapPending = (pid: number): boolean => {
  let threads: readonly string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
  return threads.some((thread) => {
    const status = read(`/proc/${pid}/task/${thread}/status`) ?? '';
    const pending = BigInt(`0x${field(status, 'SigPnd') ?? '0'}`) | BigInt(`0x${field(status, 'ShdPnd') ?? '0'}`);
    return (pending & trapBit) !== 0n;
  });
};
