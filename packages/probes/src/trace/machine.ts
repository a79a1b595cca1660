/** A trace of the whole machine: `bpf:` probes, which need no program to look at. */
import { type AgentClient, startAgent } from '../client/client.js';
import type { ProbeCounters, ProbeEvent } from '../events.js';
import type { ProbeSpec } from '../spec/spec.js';
import { parseProbeText } from '../spec/text.js';
import { type EventNames, LossCounter, type TraceEvent } from './event.js';
import * as failure from './failure.js';
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

interface Watched {
  readonly spec: ProbeSpec;
  readonly names: EventNames;
  readonly position: number;
  readonly losses: LossCounter;
}

const watchedOf = (text: string, index: number): Watched => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw failure.badProbeText(text, parsed.position, parsed.message);
  const { spec } = parsed;
  if (spec.target.kind !== 'bpf') throw failure.needsProgram(text);
  if (spec.action.kind === 'stop') throw failure.needsDebugger(text);
  const template = spec.action.kind === 'log' ? spec.action.template : undefined;
  return { spec, names: { text, template }, position: index + 1, losses: new LossCounter() };
};

/** Says nothing where everything is looked at. */
const nobody = { pid: 1, tracer: undefined } as const;

class RunningMachineTrace implements MachineTrace {
  readonly finished: Promise<TraceSummary>;
  readonly #agent: AgentClient;
  readonly #options: MachineTraceOptions;
  readonly #byId = new Map<number, Watched>();
  /** Events may overtake the answer that names their probe. */
  readonly #early: ProbeEvent[] = [];
  readonly #started = process.hrtime.bigint();
  #stopping: Promise<TraceSummary> | undefined;
  #finish: (summary: TraceSummary) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(agent: AgentClient, options: MachineTraceOptions) {
    this.#agent = agent;
    this.#options = options;
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.finished.catch(() => undefined);
    agent.onEvents((events) => this.#onEvents(events));
    agent.onClosed((reason) => {
      if (reason !== undefined) this.#fail(reason);
    });
  }

  async arm(watched: readonly Watched[]): Promise<void> {
    const reloadForLog = this.#options.reloadForLog ?? false;
    for (const each of watched) {
      const { spec } = each;
      const asked = { spec, target: nobody, runtime: undefined, everywhere: true };
      const { probe } = await this.#agent.armSource({ ...asked, reloadForLog: reloadForLog && isLoad(spec) });
      this.#byId.set(probe, each);
      this.#onEvents(this.#early.splice(0));
    }
  }

  stop(): Promise<TraceSummary> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<TraceSummary> {
    const counters = new Map((await this.#agent.disarmAll()).map((each) => [each.probe, each]));
    const summary: TraceSummary = {
      seconds: Number(process.hrtime.bigint() - this.#started) / 1e9,
      probes: [...this.#byId].map(([id, watched]) => summaryOf(watched, counters.get(id))),
      exitCode: undefined,
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

/** Rejects with an `AgentFailure`; nothing is left armed then. */
export const startMachineTrace = async (options: MachineTraceOptions): Promise<MachineTrace> => {
  if (options.probes.length === 0) throw failure.noProbes();
  const watched = options.probes.map(watchedOf);
  const agent = await startAgent({ command: options.agentCommand });
  try {
    const trace = new RunningMachineTrace(agent, options);
    await trace.arm(watched);
    return trace;
  } catch (error) {
    await agent.dispose();
    throw error;
  }
};
