import { existsSync } from 'node:fs';
import { KernelError } from './kernel-error.js';
import { kernelFile } from './refusal.js';

const ENOENT = 2;

/** Where tracefs is mounted. Throws KernelError when it is not, with the command that mounts it. */
export function tracefs(): string {
  for (const directory of ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']) {
    if (existsSync(`${directory}/events`)) return directory;
  }
  throw new KernelError(
    'open',
    ENOENT,
    'tracefs is not mounted or not readable: run "mount -t tracefs nodev /sys/kernel/tracing" as root.',
  );
}

/** The number by which perf_event_open knows a tracepoint. */
export function readTracepointId(category: string, name: string): number {
  const id = kernelFile(`${tracefs()}/events/${category}/${name}/id`);
  if (id === undefined) {
    throw new KernelError(
      'open',
      ENOENT,
      `There is no tracepoint ${category}:${name} on this kernel; "perf list tracepoint" or ${tracefs()}/available_events lists them.`,
    );
  }
  return Number(id);
}
