/** A trace of `bpf:` probes alone, which need no Go program to look at: of the whole machine, or of one process of any kind. */
import { isAlive, type ProcessIdentity, processState, sendSignal } from '../agent/process-state.js';
import type { AgentTarget } from '../agent/protocol.js';
import { type AgentClient, startAgent } from '../client/client.js';
import type { ProbeCounters, ProbeEvent } from '../events.js';
import type { ProbeSpec } from '../spec/spec.js';
import { parseProbeText } from '../spec/text.js';
import { type EventNames, LossCounter, type TraceEvent } from './event.js';
import * as failure from './failure.js';
import { type HeldProgram, type Launch, launchHeld } from './launch.js';
import { probeSummary, type TraceSummary } from './summary.js';

export interface MachineTraceOptions {
  readonly agentCommand: readonly string[];
  /** Probe texts, all of them `bpf:`. */
  readonly probes: readonly string[];
  readonly onEvent: (event: TraceEvent, names: EventNames) => void;
  /** A refused program that asked for no log is loaded once more, by the agent, with one. */
  readonly reloadForLog?: boolean;
}

export interface MachineTrace {
  /** Resolves after `stop`. Rejects with an `AgentFailure` when the agent died. */
  readonly finished: Promise<TraceSummary>;
  stop(): Promise<TraceSummary>;
}

/** One process: one that runs, or one that is started. */
export type AnyProgram =
  | { readonly kind: 'running'; readonly pid: number }
  | ({ readonly kind: 'program' } & Pick<Launch, 'path' | 'args' | 'stdio'>);

interface Watched {
  readonly spec: ProbeSpec;
  readonly names: EventNames;
  readonly position: number;
  readonly losses: LossCounter;
}

const watchedOf = (text: string, index: number, isMachine: boolean): Watched => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw failure.badProbeText(text, parsed.position, parsed.message);
  const { spec } = parsed;
  if (!isMachine && spec.scope.kind !== 'process') throw failure.noGoroutines(text);
  if (spec.target.kind !== 'bpf') throw failure.needsProgram(text);
  if (spec.action.kind === 'stop') throw failure.needsDebugger(text);
  const template = spec.action.kind === 'log' ? spec.action.template : undefined;
  return { spec, names: { text, template }, position: index + 1, losses: new LossCounter() };
};

/** Says nothing where everything is looked at. */
const nobody = { pid: 1, tracer: undefined } as const;

interface Place {
  readonly target: AgentTarget;
  readonly held: HeldProgram | undefined;
  /** Undefined: it has ended already. */
  readonly identity: ProcessIdentity | undefined;
}

class RunningMachineTrace implements MachineTrace {
  readonly finished: Promise<TraceSummary>;
  readonly #agent: AgentClient;
  readonly #options: MachineTraceOptions;
  /** Undefined: the whole machine. */
  readonly #place: Place | undefined;
  readonly #watched: readonly Watched[];
  readonly #byId = new Map<number, Watched>();
  /** Events may overtake the answer that names their probe. */
  readonly #early: ProbeEvent[] = [];
  readonly #started = process.hrtime.bigint();
  #stopping: Promise<TraceSummary> | undefined;
  #finish: (summary: TraceSummary) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(agent: AgentClient, options: MachineTraceOptions, watched: readonly Watched[], place: Place | undefined) {
    this.#agent = agent;
    this.#watched = watched;
    this.#options = options;
    this.#place = place;
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.finished.catch(() => undefined);
    agent.onEvents((events) => this.#onEvents(events));
    agent.onTargetGone(({ pid, counters }) => {
      if (pid === this.pid) this.#stopping ??= this.#end(counters);
    });
    agent.onClosed((reason) => {
      if (reason !== undefined) this.#fail(reason);
    });
  }

  /** 0 for the whole machine. */
  get pid(): number {
    return this.#place?.target.pid ?? 0;
  }

  async arm(): Promise<void> {
    try {
      for (const each of this.#watched) if (!this.#hasEnded()) await this.#armOne(each);
    } catch (error) {
      // It ended while probes went in: what they saw until then is the trace.
      if (!this.#hasEnded()) throw error;
    }
    // With a probe in it the agent tells of its end, and with what that counted.
    if (this.#hasEnded() && this.#byId.size === 0) this.#stopping ??= this.#end([]);
    else this.#place?.held?.release();
  }

  async #armOne(each: Watched): Promise<void> {
    const { spec } = each;
    const where = { target: this.#place?.target ?? nobody, everywhere: this.#place === undefined };
    const reloadForLog = (this.#options.reloadForLog ?? false) && isLoad(spec);
    const { probe } = await this.#agent.armSource({ spec, ...where, runtime: undefined, reloadForLog });
    this.#byId.set(probe, each);
    this.#onEvents(this.#early.splice(0));
  }

  #hasEnded(): boolean {
    if (this.#stopping !== undefined) return true;
    return this.#place !== undefined && (this.#place.identity === undefined || !isAlive(this.#place.identity));
  }

  stop(): Promise<TraceSummary> {
    this.#stopping ??= this.#takeOut();
    return this.#stopping;
  }

  async #takeOut(): Promise<TraceSummary> {
    const counters = await this.#agent.disarmAll();
    if (this.#place?.held !== undefined) sendSignal(this.pid, 'SIGTERM');
    return await this.#end(counters);
  }

  async #end(last: readonly ProbeCounters[]): Promise<TraceSummary> {
    const counters = new Map(last.map((each) => [this.#byId.get(each.probe), each]));
    const summary: TraceSummary = {
      seconds: Number(process.hrtime.bigint() - this.#started) / 1e9,
      probes: this.#watched.map((each) => summaryOf(each, counters.get(each))),
      exitCode: await this.#place?.held?.exited,
    };
    await this.#agent.dispose();
    this.#finish(summary);
    return summary;
  }

  #onEvents(events: readonly ProbeEvent[]): void {
    for (const event of events) {
      const watched = this.#byId.get(event.probe);
      if (watched === undefined) this.#early.push(event);
      else this.#options.onEvent(lineOf(watched, event), watched.names);
    }
  }
}

const isLoad = ({ target }: ProbeSpec): boolean => target.kind === 'bpf' && target.what === 'load';

const summaryOf = ({ position, names }: Watched, counters: ProbeCounters | undefined) =>
  probeSummary(position, names.text, counters, false);

const lineOf = (watched: Watched, event: ProbeEvent): TraceEvent => ({
  t: event.time,
  probe: watched.position,
  pid: event.pid,
  tid: event.tid,
  cpu: event.cpu,
  goid: event.goid,
  values: Object.fromEntries(event.values.map(({ name, text }) => [name, text])),
  lost: watched.losses.add(event.number),
  ...(event.bpf === undefined ? {} : { bpf: event.bpf }),
});

const placeOf = (pid: number, held: HeldProgram | undefined, known: ProcessIdentity | undefined): Place => ({
  target: { pid, tracer: undefined, starting: held !== undefined },
  held,
  identity: held === undefined ? known : processState(pid),
});

const startOn = async (options: MachineTraceOptions, program: AnyProgram | undefined): Promise<RunningMachineTrace> => {
  if (options.probes.length === 0) throw failure.noProbes();
  const watched = options.probes.map((text, index) => watchedOf(text, index, program === undefined));
  // Before the agent's start, which takes a moment: a number is given to another process some time.
  const known = program?.kind === 'running' ? processState(program.pid) : undefined;
  const agent = await startAgent({ command: options.agentCommand });
  let held: HeldProgram | undefined;
  try {
    held = program?.kind === 'program' ? await launchHeld(program) : undefined;
    const pid = program?.kind === 'running' ? program.pid : held?.pid;
    const place = pid === undefined ? undefined : placeOf(pid, held, known);
    const trace = new RunningMachineTrace(agent, options, watched, place);
    await trace.arm();
    return trace;
  } catch (error) {
    if (held !== undefined) sendSignal(held.pid, 'SIGKILL');
    await agent.dispose();
    throw error;
  }
};

/** Rejects with an `AgentFailure`; nothing is left armed then. */
export const startMachineTrace = (options: MachineTraceOptions): Promise<MachineTrace> => startOn(options, undefined);

/** The same of one process, whatever it is written in. It ends with the process. */
export const startProcessTrace = (
  options: MachineTraceOptions,
  program: AnyProgram,
): Promise<MachineTrace & { readonly pid: number }> => startOn(options, program);
