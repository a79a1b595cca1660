/**
 * Breakpoints that a debugger left in a program when it was killed. Whoever executes one dies of SIGTRAP.
 *
 * What differs from the file is found through the kernel's own account: a page of code that somebody wrote to is no longer
 * the file's (smaps, "Anonymous"). What is found is taken out by the kernel as well: a uprobe that is put on the place takes
 * the breakpoint for its own, and writes the original byte back when it goes, unless another uprobe of that process is
 * there (kernel/events/uprobes.c: verify_insn, filter_chain). So nothing is ever written over anybody's uprobe, and a
 * thread that comes by meanwhile is handled as at any uprobe.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import {
  Assembler,
  attachPerfUprobe,
  attachUprobeMulti,
  closeTogether,
  features,
  KernelError,
  type Link,
  loadProgram,
  type Program,
} from '@probelens/bpf';
import { type AddressRange, callBytes, isOptimisedCall, trampolinesOf } from './optimised-call.js';
import { type ProcessIdentity, processState, processStatus, threadsOf } from './process-state.js';
import { sharedSites } from './shared-sites.js';

export interface StrayBreakpoints {
  readonly target: ProcessIdentity;
  /** The program's file, as the process has it: a path below /proc. */
  readonly path: string;
  /** File offsets. */
  readonly offsets: readonly number[];
  /** Those of them that are calls into the kernel's page for uprobes (optimised-call.ts). */
  readonly calls: readonly number[];
  /** Why they cannot be taken out; undefined when they can. */
  readonly refusal: string | undefined;
}

const BREAKPOINT = 0xcc;
const PAGE = 4096;

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly inode: string;
  /** Something in it is not the file's any more. */
  readonly written: boolean;
}

/** Code of files, by proc_pid_smaps(5). Empty for kernel threads and for processes that may not be looked at. */
const codeOf = (pid: number): readonly Mapping[] => {
  const text = read(`/proc/${pid}/smaps`);
  // Each mapping is a head line and lines of "Name: value".
  return (text ?? '').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/).flatMap((part) => {
    const head = /^([0-9a-f]+)-([0-9a-f]+) r-x\S ([0-9a-f]+) \S+ ([1-9]\d*) /.exec(part);
    const [start, end, offset] = (head ?? []).slice(1, 4).map((hex) => Number.parseInt(hex, 16));
    const inode = head?.[4];
    if (start === undefined || end === undefined || offset === undefined || inode === undefined) return [];
    return [{ start, end, offset, inode, written: !/^Anonymous: +0 kB/m.test(part) }];
  });
};

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    // Gone, or somebody else's.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
};

const opened = <T>(path: string, use: (descriptor: number) => T): T | undefined => {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
  try {
    return use(descriptor);
  } catch (error) {
    // The process ended, or a page is not there.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  } finally {
    closeSync(descriptor);
  }
};

interface Differences {
  /** Where the memory has a breakpoint and the file has not. */
  readonly offsets: readonly number[];
  /** Where it has the call of a uprobe. */
  readonly calls: readonly number[];
  /** Anything else differs too. */
  readonly patched: boolean;
}

const differencesIn = (
  memory: number,
  file: number,
  mapping: Mapping,
  trampolines: readonly AddressRange[],
): Differences => {
  const offsets: number[] = [];
  const calls: number[] = [];
  let patched = false;
  const [live, planned] = [Buffer.alloc(PAGE), Buffer.alloc(PAGE)];
  for (let at = 0; at < mapping.end - mapping.start; at += PAGE) {
    const got = readSync(file, planned, 0, PAGE, mapping.offset + at);
    readSync(memory, live, 0, PAGE, mapping.start + at);
    // Behind the end of the file there is no code.
    if (live.compare(planned, 0, got, 0, got) === 0) continue;
    for (let byte = 0; byte < got; byte++) {
      if (live[byte] === planned[byte]) continue;
      const address = mapping.start + at + byte;
      if (live[byte] === BREAKPOINT) offsets.push(mapping.offset + at + byte);
      // Never across pages (can_optimize).
      else if (isOptimisedCall(planned.subarray(byte, got), live.subarray(byte, got), address, trampolines)) {
        calls.push(mapping.offset + at + byte);
        byte += callBytes - 1;
      } else patched = true;
    }
  }
  return { offsets, calls, patched };
};

/** A thread that has just executed a breakpoint stands in the midst of an instruction. */
const standsBehind = (pid: number, mapping: Mapping, offsets: readonly number[]): boolean =>
  threadsOf(pid).some((tid) => {
    // proc_pid_syscall(5): "-1 SP PC" for one that is stopped, "running" for one that is not.
    const counter = Number(read(`/proc/${pid}/task/${tid}/syscall`)?.trim().split(' ').at(-1));
    return offsets.includes(counter - 1 - mapping.start + mapping.offset);
  });

const strayIn = (pid: number): StrayBreakpoints | undefined => {
  const target = processState(pid);
  const written = codeOf(pid).filter((mapping) => mapping.written);
  if (target === undefined || written.length === 0 || processStatus(pid)?.tracer !== 0) return undefined;
  const path = `/proc/${pid}/exe`;
  return opened(`/proc/${pid}/mem`, (memory) =>
    opened(path, (file) => {
      const { dev: device, ino: inode } = fstatSync(file, { bigint: true });
      const here = written.filter((mapping) => mapping.inode === String(inode));
      const trampolines = trampolinesOf(pid);
      const found = here.map((mapping) => ({ mapping, ...differencesIn(memory, file, mapping, trampolines) }));
      const isUprobe = sharedSites(pid, { device, inode });
      const breakpoints = found.flatMap((each) => each.offsets).filter((offset) => !isUprobe(offset));
      const calls = found.flatMap((each) => each.calls).filter((offset) => !isUprobe(offset));
      const offsets = [...breakpoints, ...calls];
      if (offsets.length === 0) return undefined;
      const patched = found.some((each) => each.patched);
      const within = found.some(({ mapping }) => standsBehind(pid, mapping, breakpoints));
      const refusal = patched
        ? 'more of its code differs from its file than breakpoints'
        : within
          ? 'a thread stands in the midst of an instruction, which nobody can repair'
          : undefined;
      return { target: { pid, startTime: target.startTime }, path, offsets, calls, refusal };
    }),
  );
};

const everybody = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number);

/** In what this user may look into and nobody debugs. Breakpoints of a uprobe that no link tells of may be among them. */
export const findStrayBreakpoints = (pids: readonly number[] = everybody()): readonly StrayBreakpoints[] =>
  pids.flatMap((pid) => strayIn(pid) ?? []);

const nothing = (multi: boolean): Program =>
  loadProgram({
    type: 'kprobe',
    name: 'probelens_mend',
    instructions: new Assembler().mov('r0', 0).exit().assemble(),
    ...(multi ? { expectedAttachType: 'uprobe-multi' as const } : {}),
  });

/**
 * Lets the kernel take out the breakpoints that a process has at these file offsets, unless uprobes of others explain
 * them. Undefined when it did; else why it cannot be done here, a sentence. The highest goes first: a sentinel is behind
 * its gate in the code, and without the gate the program executes an instruction with a breakpoint for its last byte.
 */
export const liftBreakpoints = (pid: number, path: string, offsets: readonly number[]): string | undefined => {
  const links: Link[] = [];
  let program: Program | undefined;
  try {
    const multi = features().uprobeMultiPid.works;
    program = nothing(multi);
    const place = { program, path, pid };
    // From the highest on: where one cannot be had, all below it stay.
    for (const offset of offsets.toSorted((one, other) => other - one))
      links.unshift(
        multi ? attachUprobeMulti({ ...place, offsets: [offset] }) : attachPerfUprobe({ ...place, offset }),
      );
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  } finally {
    closeTogether(links);
    program?.close();
  }
  return undefined;
};

/** "removed"; "uprobes": they are uprobes' and stay; or a sentence that says why it cannot be done here. */
export const removeStrayBreakpoints = ({ target, path, offsets }: StrayBreakpoints): 'removed' | 'uprobes' | string => {
  const refusal = liftBreakpoints(target.pid, path, offsets);
  if (refusal !== undefined) return refusal;
  return strayIn(target.pid)?.target.startTime === target.startTime ? 'uprobes' : 'removed';
};
