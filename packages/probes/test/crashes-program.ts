/** Runs a kind of the fixture `crashes` while its crashes are traced, and keeps what it printed. */
import { once } from 'node:events';
import { execa } from 'execa';
import type { CrashReport } from '../src/crash/report.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startTrace, type TraceOptions } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

export interface CrashRun {
  readonly reports: readonly CrashReport[];
  readonly events: readonly TraceEvent[];
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly pid: number;
  readonly probes: Awaited<ReturnType<Awaited<ReturnType<typeof startTrace>>['stop']>>['probes'];
}

export interface CrashOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly probes?: readonly string[];
  /** After the program was let go. */
  readonly meanwhile?: (pid: number) => void;
}

/** The program waits until everything is armed; its end ends the trace. */
export const crash = async (binary: string, kind: string, options: CrashOptions = {}): Promise<CrashRun> => {
  const child = execa(binary, ['-wait', kind], { reject: false, env: options.env ?? {} });
  const { pid } = child;
  if (pid === undefined || child.stdout === null) throw new Error('the program did not start');
  await once(child.stdout, 'data');
  const reports: CrashReport[] = [];
  const events: TraceEvent[] = [];
  const asked: TraceOptions = {
    agentCommand: await agentCommandLine(),
    probes: options.probes ?? [],
    target: { kind: 'running', pid },
    budget: Number.POSITIVE_INFINITY,
    onCrash: (report) => reports.push(report),
    onEvent: (event) => events.push(event),
    onNote: () => undefined,
  };
  try {
    const trace = await startTrace(asked);
    child.stdin?.end('\n');
    options.meanwhile?.(pid);
    const { stdout, stderr, exitCode, signal } = await child;
    const { probes } = await trace.finished;
    return { reports, events, stdout, stderr, exitCode, signal, pid, probes };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
};
