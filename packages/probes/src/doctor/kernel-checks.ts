/** What the kernel can do, as the agent tried it. */
import type { Ability } from '../agent/protocol.js';
import { type Check, ok, wanting } from './check.js';

interface Meaning {
  readonly title: string;
  readonly without: 'degraded' | 'broken';
  /** What is lost. */
  readonly loss: string;
  readonly fix?: string;
}

/** By `Ability.id`. An ability that is not here is new and is shown as it is. */
const meanings: Readonly<Record<string, Meaning>> = {
  bpf: { title: 'BPF programs', without: 'broken', loss: 'Nothing can be probed.' },
  ringBuffer: { title: 'BPF ring buffer', without: 'broken', loss: 'Events cannot be read.' },
  pidfd: { title: 'process descriptors', without: 'broken', loss: "A program's end could be missed." },
  btf: { title: 'kernel types (BTF)', without: 'broken', loss: 'Stops cannot check who debugs a program.' },
  uprobeMulti: {
    title: 'many probes by one call',
    without: 'degraded',
    loss: 'Each probe takes some 10 ms to arm, and may not sleep to fetch a page.',
  },
  uprobeMultiPid: {
    title: 'probes in one process only',
    without: 'degraded',
    loss: 'Other processes of the same binary pay for a probe too, though it never counts or stops them.',
  },
  perfUprobe: {
    title: 'uprobes by perf',
    without: 'degraded',
    loss: 'There is no fallback for older kernels. It wants CAP_SYS_ADMIN; the other way does with CAP_BPF and CAP_PERFMON.',
  },
  sleepableUprobe: {
    title: 'sleepable probes',
    without: 'degraded',
    loss: 'A condition on memory that is not resident is judged by Delve.',
  },
  closeRange: {
    title: 'probes that go together',
    without: 'degraded',
    loss: 'At the end of a session they are taken out one by one, in the same order.',
  },
  cookies: { title: 'attach cookies', without: 'degraded', loss: 'Events do not say which of several places was hit.' },
  tracepoint: {
    title: 'tracepoints',
    without: 'degraded',
    loss: 'Scheduler and system calls cannot be shown.',
    fix: 'sudo mount -t tracefs nodev /sys/kernel/tracing',
  },
  rawTracepoint: { title: 'raw tracepoints', without: 'degraded', loss: 'Nothing that is used today.' },
  perfSoftware: { title: 'software counters', without: 'degraded', loss: 'Probes on perf events do not work.' },
  perfHardware: {
    title: 'hardware counters',
    without: 'degraded',
    loss: 'Probes on perf:cycles and its like do not work; virtual machines seldom have the counters.',
  },
  perfBreakpoint: { title: 'hardware breakpoints', without: 'degraded', loss: 'Nothing that is used today.' },
  taskRegisters: {
    title: 'registers at kernel events',
    without: 'degraded',
    loss: 'Snapshots at events of the kernel leave out the caller of the function that made the system call.',
  },
  instructionsV4: { title: 'newer BPF instructions', without: 'degraded', loss: 'Nothing: others are used instead.' },
};

export const abilityCheck = (ability: Ability): Check => {
  const meaning = meanings[ability.id] ?? { title: ability.id, without: 'degraded' as const, loss: '' };
  const id = `kernel-${ability.id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (ability.works) return ok(id, meaning.title, 'It was tried and works.');
  const detail = `${meaning.loss} ${ability.reason ?? ''}`.trim();
  return wanting(meaning.without, id, meaning.title, detail, meaning.fix);
};
