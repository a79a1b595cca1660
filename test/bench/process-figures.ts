/** What the kernel knows of a process: memory, processor time, whether it stands still. */
import { readdirSync, readFileSync } from 'node:fs';

const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'latin1');

/** Resident memory, megabytes; `peak`: the most that it ever was. */
export const residentMegabytes = (pid: number, which: 'now' | 'peak' = 'now'): number => {
  const field = which === 'now' ? 'VmRSS' : 'VmHWM';
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status(pid))?.[1]) / 1024;
};

/** Time on a processor of all its threads so far, nanoseconds (/proc/PID/task/TID/schedstat). */
export const processorTime = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]),
    0,
  );

/** Resolves when it stands still after a SIGSTOP. */
export const standsStill = async (pid: number): Promise<void> => {
  while (!/^State:\s*T/m.test(status(pid))) await new Promise((resolve) => setImmediate(resolve));
};

/** Processes that were started by this one and still run. */
export const childrenOf = (pid: number): readonly { readonly pid: number; readonly command: string }[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')
      .split(' ')
      .filter(Boolean)
      .map((child) => ({
        pid: Number(child),
        command: readFileSync(`/proc/${child}/cmdline`, 'latin1').replaceAll('\0', ' '),
      })),
  );
