/**
 * What /proc says of a process. Linux only. A process is named by its id *and* its start time: ids are used again.
 * proc_pid_stat(5): the command name may hold spaces and parentheses, so fields are counted from the last ")".
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, as printed in field 22 of /proc/PID/stat; two processes of one id never share it. */
  readonly startTime: string;
}

/** Of what was read from a message or a file. */
export const isIdentity = (value: unknown): value is ProcessIdentity =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  Number.isSafeInteger(value.pid) &&
  'startTime' in value &&
  typeof value.startTime === 'string';

export interface ProcessState extends ProcessIdentity {
  /** "R" running, "S" sleeping, "T" stopped by a signal, "t" stopped by its tracer, "Z" zombie ... */
  readonly state: string;
  readonly parent: number;
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');

/** The file's text, or undefined when the process is gone. */
const readProc = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** Undefined when there is no such process, or only its zombie. */
export const processState = (pid: number): ProcessState | undefined => {
  const text = readProc(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields ?? [];
  const startTime = fields?.[19];
  if (state === undefined || startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTime, state, parent: Number(parent) };
};

export const isAlive = (process: ProcessIdentity): boolean =>
  processState(process.pid)?.startTime === process.startTime;

export interface ProcessStatus {
  /** Real, effective, saved, file system. */
  readonly uids: readonly number[];
  readonly threadGroup: number;
  /** Id of the *thread* that traces; 0 = none. */
  readonly tracer: number;
  /** Signals pending for the whole process and for this thread, as bit masks (bit 0 = signal 1). */
  readonly pending: bigint;
}

const mask = (hex: string | undefined): bigint => (hex === undefined ? 0n : BigInt(`0x${hex}`));

const parseStatus = (text: string): ProcessStatus => {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1];
  return {
    uids: (field('Uid') ?? '').split(/\s+/).filter(Boolean).map(Number),
    threadGroup: Number(field('Tgid') ?? 0),
    tracer: Number(field('TracerPid') ?? 0),
    pending: mask(field('SigPnd')) | mask(field('ShdPnd')),
  };
};

export const processStatus = (pid: number): ProcessStatus | undefined => {
  const text = readProc(`/proc/${pid}/status`);
  return text === undefined ? undefined : parseStatus(text);
};

/** Thread ids of a process; empty when it is gone. */
export const threadsOf = (pid: number): readonly number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

/** States of all threads: a stop reaches them one by one. */
export const threadStates = (pid: number): readonly string[] =>
  threadsOf(pid).flatMap((tid) => {
    const text = readProc(`/proc/${pid}/task/${tid}/stat`);
    return text === undefined ? [] : [text.charAt(text.lastIndexOf(')') + 2)];
  });

/**
 * Program counters of the threads that stand still (proc_pid_syscall(5): "-1 SP PC", or a system call with SP and PC
 * behind it; "running" has none). Undefined where the kernel does not tell.
 */
export const programCounters = (pid: number): readonly number[] | undefined => {
  const lines = threadsOf(pid).map((tid) => readProc(`/proc/${pid}/task/${tid}/syscall`));
  if (lines.length > 0 && lines.every((line) => line === undefined)) return undefined;
  return lines.flatMap((line) => {
    const counter = Number(line?.trim().split(' ').at(-1));
    return Number.isNaN(counter) ? [] : [counter];
  });
};

/** Whether a signal stop (not a tracer's) holds the process. */
export const isStopped = (pid: number): boolean => threadStates(pid).includes('T');

/** SIGSTOP is signal 19 on x86-64 and arm64. */
const stopBit = 1n << 18n;

/** A signal stop that no thread has taken yet. SIGCONT takes it back (signal(7)). */
export const isStopPending = (pid: number): boolean => ((processStatus(pid)?.pending ?? 0n) & stopBit) !== 0n;

/** Sends `signal`; false when the process was already gone. Throws when it may not be signalled. */
export const sendSignal = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
};
