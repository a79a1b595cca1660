/** The program fixtures/programs/bpfload: what it says that it did. */
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { BpfLoad } from '../src/bpf-load/call.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startMachineTrace } from '../src/trace/machine.js';
import type { TraceSummary } from '../src/trace/summary.js';
import { agentCommandLine } from './agent-process.js';

/** One line of its output. */
export interface LoadReport {
  readonly case: string;
  readonly pid: number;
  readonly name: string;
  readonly type: string;
  readonly license: string;
  readonly instructions: number;
  readonly fd?: number;
  readonly errno?: number;
  readonly id?: number;
  readonly tag?: string;
  readonly mapIds?: readonly number[];
  readonly linkId?: number;
  readonly log?: string;
}

export interface Bpfload {
  readonly pid: number;
  /** One for each case, when the program has said so. */
  readonly reports: Promise<readonly LoadReport[]>;
  /** Ends a program that was started with -hold, and waits for it. */
  end(): Promise<void>;
}

/** Starts it with `-hold`: everything that it loads stays until `end`. */
export const startBpfload = (path: string, flags: readonly string[], cases: readonly string[]): Bpfload => {
  const child = execa(path, [...flags, '-hold', ...cases], { reject: false });
  const read = async (): Promise<readonly LoadReport[]> => {
    const reports: LoadReport[] = [];
    if (cases.length === 0) return reports;
    for await (const line of createInterface({ input: child.stdout })) {
      reports.push(JSON.parse(line));
      if (reports.length === cases.length) return reports;
    }
    throw new Error(`bpfload ended early: ${(await child).stderr}`);
  };
  const reports = read();
  reports.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    reports,
    end: async () => {
      child.stdin.end();
      await child;
    },
  };
};

export interface Watched {
  readonly reports: readonly LoadReport[];
  readonly summary: TraceSummary;
  /** Of this program, without what a signal interrupted (EAGAIN, 11): it tries again then. */
  readonly events: readonly TraceEvent[];
  readonly program: Bpfload;
}

/** The whole machine is watched while the program does what it was told to; `program` holds what it has loaded. */
export const watchMachine = async (
  path: string,
  probes: readonly string[],
  flags: readonly string[],
  cases: readonly string[],
  reloadForLog = false,
): Promise<Watched> => {
  const events: TraceEvent[] = [];
  const trace = await startMachineTrace({
    agentCommand: await agentCommandLine(),
    probes,
    reloadForLog,
    onEvent: (event) => events.push(event),
  });
  const program = startBpfload(path, flags, cases);
  const isOfProgram = ({ pid, bpf }: TraceEvent): boolean => pid === program.pid && bpf?.errno !== 11;
  try {
    const reports = await program.reports;
    const summary = await trace.stop();
    return { reports, summary, events: events.filter(isOfProgram), program };
  } catch (error) {
    await program.end();
    throw error;
  }
};

export const loadOf = (event: TraceEvent | undefined): BpfLoad => {
  if (event?.bpf?.kind !== 'load') throw new Error('no load');
  return event.bpf;
};
