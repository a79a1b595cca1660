/** Loading eBPF programs, as exception filters: before the system call at its Go wrapper, and after it with the result. */
import type { ProbeEvent } from '@probelens/probes';
import { cgoLoaders, inCText, loaderInC } from '../bpf/c-loads.js';
import type { ExceptionFilter, FilterSource, Told } from './filter.js';

/** __NR_bpf of x86-64, where gates stop (arch/x86/entry/syscalls/syscall_64.tbl); BPF_PROG_LOAD, enum bpf_cmd. */
const isLoad = 'trap == 321 && a1 == 5';

/** A signal made the verifier give up (EAGAIN), and whoever loads tries again. */
const isOver = 'errno != 11';

/**
 * golang.org/x/sys/unix, cilium/ebpf and syscall itself all come through these three; libbpf in C does not, and what can be
 * stopped at is Go's call of it, or of a skeleton's loader. Which of them a program has depends on what it uses.
 */
const before: readonly FilterSource[] = [
  ...['syscall.Syscall', 'syscall.RawSyscall', 'syscall.Syscall6'].map((name) => ({
    text: `${name} if ${isLoad} do stop`,
    subject: undefined,
    optional: true,
  })),
  { text: `${cgoLoaders[0]} do stop`, subject: undefined, optional: true, named: cgoLoaders },
];

const source = (text: string): FilterSource => ({ text, subject: undefined });

const tellLoad = (event: ProbeEvent): Told | undefined => {
  const { bpf, told } = event;
  if (bpf?.kind !== 'load' || told === undefined) return undefined;
  const verdict = bpf.log?.report?.message;
  return {
    id: bpf.errno === 0 ? 'BPF program loaded' : 'BPF program refused',
    description: verdict === undefined ? told.line : `${told.line}. ${verdict}`,
    stops: true,
  };
};

const aboutToLoad = (_: unknown, functionName: string): Told => {
  const inC = loaderInC(functionName);
  const description =
    inC === undefined ? 'An eBPF program is about to be loaded; the scope eBPF shows it.' : inCText(inC);
  return { id: 'BPF program load', description, stops: true };
};

export const bpfFilters: readonly ExceptionFilter[] = [
  {
    filter: 'bpf-load',
    label: 'BPF Program Load',
    description:
      'Before an eBPF program is loaded, at the Go function that calls the kernel or libbpf, and after it with the result; of what other C code loads after it only',
    sources: [
      ...before,
      source(`bpf:load if ${isOver} do stop`),
      ...['map', 'link', 'attach'].map((what) => source(`bpf:${what} do log`)),
    ],
    tell: tellLoad,
    place: aboutToLoad,
  },
  {
    filter: 'bpf-refused',
    label: 'BPF Program Refused',
    description: 'After the verifier or the kernel refused an eBPF program, with what it says and the usual cure',
    sources: [source(`bpf:load if errno != 0 && ${isOver} do stop`)],
    tell: tellLoad,
  },
  {
    filter: 'bpf-next-load',
    label: 'The Next BPF Program Load',
    description: 'Once, for the request probelens/pauseAtNextLoad',
    // What C loads through other functions than libbpf's and a skeleton's comes to no place before: it is stopped after.
    sources: [...before, source(`bpf:load if ${isOver} do stop`)],
    tell: tellLoad,
    place: aboutToLoad,
    hidden: true,
  },
];
