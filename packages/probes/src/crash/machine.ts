/**
 * Crashes of every Go program of the machine. Processes are looked for a few times a second, so one that is over sooner
 * than that is not seen; programs are read once for all their processes.
 */
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { processState, processStatus } from '../agent/process-state.js';
import type { AgentTarget } from '../agent/protocol.js';
import { type AgentClient, startAgent, type TargetGone } from '../client/client.js';
import { AgentFailure } from '../client/errors.js';
import type { ProbeCounters, ProbeEvent } from '../events.js';
import { loadPlanner, type Planner } from '../plan/planner.js';
import { armRequest, crashRequests, type TraceRequest } from '../trace/request.js';
import { probeSummary, type TraceSummary } from '../trace/summary.js';
import { CrashCollector } from './collector.js';
import { readCrash } from './record.js';
import type { CrashReport } from './report.js';

export interface CrashWatchOptions {
  readonly agentCommand: readonly string[];
  readonly onCrash: (report: CrashReport) => void;
  /** Programs that are watched from now on, and why one is not. */
  readonly onNote: (sentence: string) => void;
  /** By the path of the program's file; default: all. */
  readonly wanted?: (path: string) => boolean;
}

export interface CrashWatch {
  /** Resolves after `stop`. Rejects with an `AgentFailure` when the agent died. */
  readonly finished: Promise<TraceSummary>;
  stop(): Promise<TraceSummary>;
}

const LOOK_EVERY_MS = 200;

/** One file with Go code. */
interface Program {
  readonly binary: GoBinary;
  readonly requests: readonly TraceRequest[];
}

interface Armed {
  readonly pid: number;
  readonly program: Program;
  readonly collector: CrashCollector;
  readonly request: TraceRequest;
}

const processes = (): readonly number[] =>
  readdirSync('/proc').flatMap((name) => (/^[1-9]\d*$/.test(name) ? [Number(name)] : []));

/** What a process runs: its path, device and inode. Undefined for kernel threads, what is gone, and what may not be seen. */
const fileOf = (pid: number): { readonly path: string; readonly key: string } | undefined => {
  try {
    const { dev, ino, mtimeMs } = statSync(`/proc/${pid}/exe`);
    return { path: readlinkSync(`/proc/${pid}/exe`), key: `${dev}:${ino}:${mtimeMs}` };
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
};

/** The plan names the file by a process that has it: that of each its own. */
const ofProcess = (request: TraceRequest, pid: number): TraceRequest => {
  const { plan } = request;
  if (plan === undefined) return request;
  return { ...request, plan: { ...plan, binary: { ...plan.binary, path: `/proc/${pid}/exe` } } };
};

/** Undefined for what is no Go program that could be watched. */
const openProgram = async (pid: number, planner: Planner): Promise<Program | undefined> => {
  let binary: GoBinary;
  try {
    binary = await openGoBinary(`/proc/${pid}/exe`);
  } catch (error) {
    // Not Go, or gone again.
    if (error instanceof Error) return undefined;
    throw error;
  }
  try {
    return { binary, requests: crashRequests(binary, planner) };
  } catch (error) {
    binary.close();
    if (error instanceof AgentFailure) return undefined;
    throw error;
  }
};

class RunningWatch implements CrashWatch {
  readonly finished: Promise<TraceSummary>;
  readonly #agent: AgentClient;
  readonly #planner: Planner;
  readonly #options: CrashWatchOptions;
  readonly #started = process.hrtime.bigint();
  readonly #programs = new Map<string, Program | undefined>();
  /** By process: when it began, and what it runs since. */
  readonly #seen = new Map<number, string>();
  readonly #armed = new Map<number, Armed>();
  /** Events may overtake the answer that names their probe. */
  readonly #early: ProbeEvent[] = [];
  readonly #counted = new Map<string, ProbeCounters>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopping: Promise<TraceSummary> | undefined;
  #finish: (summary: TraceSummary) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(agent: AgentClient, planner: Planner, options: CrashWatchOptions) {
    this.#agent = agent;
    this.#planner = planner;
    this.#options = options;
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.finished.catch(() => undefined);
    agent.onEvents((events) => this.#onEvents(events));
    agent.onTargetGone((gone) => this.#onGone(gone));
    agent.onClosed((reason) => {
      if (reason !== undefined) this.#fail(reason);
    });
  }

  /** All that run at this moment, and then those that come. */
  async start(): Promise<void> {
    await this.#look();
    this.#wait();
  }

  #wait(): void {
    if (this.#stopping !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look();
      this.#looking.then(
        () => this.#wait(),
        (error: unknown) => this.#fail(error),
      );
    }, LOOK_EVERY_MS);
  }

  async #look(): Promise<void> {
    for (const pid of processes()) {
      if (this.#stopping !== undefined) return;
      const began = processState(pid)?.startTime;
      const file = began === undefined ? undefined : fileOf(pid);
      const run = `${began} ${file?.key}`;
      if (file === undefined || this.#seen.get(pid) === run) continue;
      this.#seen.set(pid, run);
      if (this.#options.wanted?.(file.path) === false) continue;
      if (!this.#programs.has(file.key)) this.#programs.set(file.key, await openProgram(pid, this.#planner));
      const program = this.#programs.get(file.key);
      if (program === undefined) continue;
      // Whoever debugs it sees its end; breakpoints of two in one program are for a session, where they know of each other.
      if ((processStatus(pid)?.tracer ?? 0) !== 0)
        this.#options.onNote(`Process ${pid} has a debugger and is left to it.`);
      else await this.#watch(pid, program);
    }
  }

  async #watch(pid: number, program: Program): Promise<void> {
    const collector = new CrashCollector(pid, this.#options.onCrash);
    const target = { pid, tracer: undefined };
    try {
      for (const request of program.requests) {
        const probe = await this.#armOne(ofProcess(request, pid), target);
        if (probe === undefined) continue;
        this.#armed.set(probe, { pid, program, collector, request });
        this.#onEvents(this.#early.splice(0));
      }
      this.#options.onNote(`Process ${pid} is watched for crashes.`);
    } catch (error) {
      if (!(error instanceof AgentFailure)) throw error;
      if (processState(pid) !== undefined)
        this.#options.onNote(`Process ${pid} is not watched for crashes: ${error.message}`);
    }
  }

  /** Undefined for what this kernel has not. */
  async #armOne(request: TraceRequest, target: AgentTarget): Promise<number | undefined> {
    try {
      return await armRequest(this.#agent, request, target);
    } catch (error) {
      if (request.optional !== true || !(error instanceof AgentFailure) || processState(target.pid) === undefined)
        throw error;
      return undefined;
    }
  }

  #onEvents(events: readonly ProbeEvent[]): void {
    for (const event of events) {
      const armed = this.#armed.get(event.probe);
      if (armed === undefined) {
        this.#early.push(event);
        continue;
      }
      const { request, collector, program } = armed;
      collector.onEvent(event, request.spec, request.plan && readCrash(event, request.plan, program.binary));
    }
  }

  #count(counters: readonly ProbeCounters[]): void {
    for (const each of counters) {
      const text = this.#armed.get(each.probe)?.request.names.text ?? '';
      const sum = this.#counted.get(text);
      const add = (name: 'hits' | 'matches' | 'faults' | 'dropped'): number => (sum?.[name] ?? 0) + each[name];
      const counted = { hits: add('hits'), matches: add('matches'), faults: add('faults'), dropped: add('dropped') };
      this.#counted.set(text, { probe: 0, ...counted });
    }
  }

  #onGone({ pid, counters }: TargetGone): void {
    this.#count(counters);
    for (const [probe, armed] of this.#armed) {
      if (armed.pid !== pid) continue;
      armed.collector.end();
      this.#armed.delete(probe);
    }
  }

  stop(): Promise<TraceSummary> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<TraceSummary> {
    clearTimeout(this.#timer);
    await this.#looking;
    this.#count(await this.#agent.disarmAll());
    for (const { collector } of this.#armed.values()) collector.end();
    await this.#agent.dispose();
    this.#planner.dispose();
    for (const program of this.#programs.values()) program?.binary.close();
    const seconds = Number(process.hrtime.bigint() - this.#started) / 1e9;
    const probes = [...this.#counted].map(([text, counters], index) => probeSummary(index + 1, text, counters, false));
    const summary = { seconds, probes, exitCode: undefined };
    this.#finish(summary);
    return summary;
  }
}

/** Resolves when every Go program that runs is watched. Rejects with an `AgentFailure`; nothing is left armed then. */
export const startCrashWatch = async (options: CrashWatchOptions): Promise<CrashWatch> => {
  const agent = await startAgent({ command: options.agentCommand });
  const planner = await loadPlanner();
  try {
    const watch = new RunningWatch(agent, planner, options);
    await watch.start();
    return watch;
  } catch (error) {
    await agent.dispose();
    planner.dispose();
    throw error;
  }
};
