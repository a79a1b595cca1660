import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Assembler } from './assembler.js';
import { kernelBtf } from './btf/btf.js';
import { BtfError } from './btf/raw.js';
import { KernelError } from './kernel-error.js';
import { tryCloseRange } from './link/close-together.js';
import { attachPerfEvent, type PerfEvent } from './link/perf-event.js';
import { attachPerfUprobe } from './link/perf-uprobe.js';
import { attachRawTracepoint, attachTracepoint } from './link/tracepoint.js';
import { attachUprobeMulti, requireProcessPid } from './link/uprobe-multi.js';
import { createMap } from './map.js';
import { openProcess } from './process.js';
import { loadProgram, type Program, type ProgramOptions } from './program.js';

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
  /**
   * The pid of a uprobe_multi link means the process. Before Linux 6.10 it meant one thread: leave it out there, and let
   * the program compare the process.
   */
  readonly uprobeMultiPid: Feature;
  /** Sleepable uprobe programs: copy_from_user reads pages that are not resident. */
  readonly sleepableUprobe: Feature;
  /** close_range(2), by which links go together (Linux >= 5.9; some container runtimes refuse it). */
  readonly closeRange: Feature;
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
  /** task_pt_regs: the program's registers at an event of the kernel (Linux >= 5.15). */
  readonly taskRegisters: Feature;
  /** Signed division, sign-extending loads and moves, far jumps (Linux >= 6.6, "cpu v4"). */
  readonly instructionsV4: Feature;
}

type Trial = (scratch: string) => void;

/**
 * What works here. Each feature is tried when it is first asked for and remembered: a program is loaded, attached to a
 * file that nobody maps, and taken out again (up to 100 ms). Nothing is inferred from the kernel's version, since
 * distributions backport and remove.
 */
export function features(): Features {
  return known;
}

const multi = { expectedAttachType: 'uprobe-multi' } as const;

const trials: Readonly<Record<keyof Features, Trial>> = {
  bpf: () => {
    createMap({ type: 'array', name: 'feature', valueSize: 8, maxEntries: 1 }).close();
    withProgram('socket-filter', nothing(), {}, () => undefined);
  },
  ringBuffer: () => createMap({ type: 'ringbuf', name: 'feature', maxEntries: largestPage }).close(),
  uprobeMulti: (path) =>
    withProgram('kprobe', nothing(), multi, (program) => attachUprobeMulti({ program, path, offsets: [0] })),
  uprobeMultiPid: (path) =>
    withProgram('kprobe', nothing(), multi, (program) => {
      const link = attachUprobeMulti({ program, path, offsets: [0] });
      requireProcessPid(program, path);
      return link;
    }),
  sleepableUprobe: (path) =>
    withProgram('kprobe', copyFromUser(), { ...multi, sleepable: true }, (program) =>
      attachUprobeMulti({ program, path, offsets: [0] }),
    ),
  closeRange: () => tryCloseRange(),
  perfUprobe: (path) =>
    withProgram('kprobe', nothing(), {}, (program) => attachPerfUprobe({ program, path, offset: 0 })),
  cookies: () =>
    withProgram('kprobe', new Assembler().call('get_attach_cookie').mov('r0', 0).exit(), {}, () => undefined),
  tracepoint: () =>
    withProgram('tracepoint', nothing(), {}, (program) =>
      attachTracepoint({ program, category: 'sched', name: 'sched_process_exit' }),
    ),
  rawTracepoint: () =>
    withProgram('raw-tracepoint', nothing(), {}, (program) =>
      attachRawTracepoint({ program, name: 'sched_process_exit' }),
    ),
  perfSoftware: () => tryPerfEvent({ type: 'software', name: 'page-faults' }),
  perfHardware: () => tryPerfEvent({ type: 'hardware', name: 'cycles' }),
  perfBreakpoint: () => tryPerfEvent({ type: 'breakpoint', access: 'write', address: 0x1000n }),
  btf: () => void kernelBtf(),
  pidfd: () => openProcess(process.pid).close(),
  taskRegisters: () => withProgram('tracepoint', taskRegisters(), {}, () => undefined),
  instructionsV4: () =>
    withProgram('socket-filter', new Assembler().mov('r0', 0).movSigned('r0', 'r0', 32).exit(), {}, () => undefined),
};

const answers = new Map<keyof Features, Feature>();

const answer = (name: keyof Features): Feature => {
  const before = answers.get(name);
  if (before !== undefined) return before;
  const now = attempt(() => withScratchFile(trials[name]));
  answers.set(name, now);
  return now;
};

const known: Features = {
  get bpf() {
    return answer('bpf');
  },
  get ringBuffer() {
    return answer('ringBuffer');
  },
  get uprobeMulti() {
    return answer('uprobeMulti');
  },
  get uprobeMultiPid() {
    return answer('uprobeMultiPid');
  },
  get sleepableUprobe() {
    return answer('sleepableUprobe');
  },
  get closeRange() {
    return answer('closeRange');
  },
  get perfUprobe() {
    return answer('perfUprobe');
  },
  get cookies() {
    return answer('cookies');
  },
  get tracepoint() {
    return answer('tracepoint');
  },
  get rawTracepoint() {
    return answer('rawTracepoint');
  },
  get perfSoftware() {
    return answer('perfSoftware');
  },
  get perfHardware() {
    return answer('perfHardware');
  },
  get perfBreakpoint() {
    return answer('perfBreakpoint');
  },
  get btf() {
    return answer('btf');
  },
  get pidfd() {
    return answer('pidfd');
  },
  get taskRegisters() {
    return answer('taskRegisters');
  },
  get instructionsV4() {
    return answer('instructionsV4');
  },
};

/** A ring buffer's size must be a multiple of the page, which is 64 KiB at most (arm64). */
const largestPage = 65_536;

const nothing = (): Assembler => new Assembler().mov('r0', 0).exit();

const copyFromUser = (): Assembler =>
  new Assembler().mov('r1', 'r10').add('r1', -8).mov('r2', 8).mov('r3', 0).call('copy_from_user').mov('r0', 0).exit();

const taskRegisters = (): Assembler =>
  new Assembler().call('get_current_task_btf').mov('r1', 'r0').call('task_pt_regs').mov('r0', 0).exit();

/** Loads and hands over the program, closes what was attached, then the program. */
function withProgram(
  type: ProgramOptions['type'],
  assembler: Assembler,
  options: Partial<ProgramOptions>,
  attach: (program: Program) => { close(): void } | undefined,
): void {
  const program = loadProgram({ type, name: 'feature', instructions: assembler.assemble(), ...options });
  try {
    attach(program)?.close();
  } finally {
    program.close();
  }
}

const tryPerfEvent = (event: PerfEvent): void =>
  withProgram('perf-event', nothing(), {}, (program) =>
    attachPerfEvent({ program, event, tid: process.pid, sample: { period: 1_000_000 } }),
  );

/** Uprobes are tried on a file of our own. */
class NowhereToWrite extends Error {}

function attempt(action: () => unknown): Feature {
  try {
    action();
    return { works: true, reason: undefined };
  } catch (error) {
    if (error instanceof KernelError || error instanceof BtfError || error instanceof NowhereToWrite)
      return { works: false, reason: error.message };
    throw error;
  }
}

/** The first is the usual one; the others are in memory, and can be written to where the disk is full or read-only. */
const scratchDirectories = (): readonly string[] => [tmpdir(), '/dev/shm', '/run'];

/** Undefined, and a reason more, where nothing can be written. */
function scratchFile(parent: string, problems: string[]): string | undefined {
  let directory: string | undefined;
  try {
    directory = mkdtempSync(join(parent, 'probelens-features-'));
    const path = join(directory, 'nobody-maps-this');
    writeFileSync(path, new Uint8Array(4096));
    return path;
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    if (directory !== undefined) rmSync(directory, { recursive: true });
    problems.push(error.message);
    return undefined;
  }
}

function withScratchFile<T>(use: (path: string) => T): T {
  const problems: string[] = [];
  for (const parent of scratchDirectories()) {
    const path = scratchFile(parent, problems);
    if (path === undefined) continue;
    try {
      return use(path);
    } finally {
      rmSync(dirname(path), { recursive: true });
    }
  }
  throw new NowhereToWrite(`No directory can be written to (${problems.join('; ')}); set TMPDIR to one that can.`);
}
