/**
 * A whole trace, without a debugger: texts -> plans -> armed -> events -> summary. The program is started here, or runs
 * already.
 */
import type { GoBinary } from '@probelens/gosym';
import { isAlive, type ProcessIdentity, processState, sendSignal } from '../agent/process-state.js';
import type { AgentTarget } from '../agent/protocol.js';
import { type AgentClient, startAgent, type TargetGone } from '../client/client.js';
import { AgentFailure } from '../client/errors.js';
import { CrashCollector } from '../crash/collector.js';
import { readableCrash } from '../crash/event.js';
import { readCrash } from '../crash/record.js';
import type { CrashReport } from '../crash/report.js';
import type { JsonValue, ProbeCounters, ProbeEvent } from '../events.js';
import { loadPlanner } from '../plan/planner.js';
import { parseProbeText } from '../spec/text.js';
import { Budget } from './budget.js';
import { type EventNames, eventMessage, LossCounter, placesOf, type TraceEvent } from './event.js';
import { openTraced } from './executable.js';
import * as failure from './failure.js';
import { forecast, formatForecast } from './forecast.js';
import { type HeldProgram, launchHeld } from './launch.js';
import { startProcessTrace } from './machine.js';
import { armRequest, crashRequests, historyRequests, type TraceRequest, traceRequest } from './request.js';
import { probeSummary, type TraceSummary } from './summary.js';
import { switchedRequests } from './switching.js';
import { symboliseStack } from './symbolise.js';

export type TraceTarget =
  | { readonly kind: 'running'; readonly pid: number }
  | {
      readonly kind: 'program';
      readonly path: string;
      readonly args: readonly string[];
      readonly stdio?: 'inherit' | 'ignore';
    };

export interface TraceOptions {
  readonly agentCommand: readonly string[];
  /** Probe texts. */
  readonly probes: readonly string[];
  readonly target: TraceTarget;
  /** The Go code is in this shared library, which the program loads; by default it is in the program itself. */
  readonly library?: string;
  readonly onEvent: (event: TraceEvent, names: EventNames) => void;
  /** Sentences that are no failure: a forecast, a probe that was taken out. */
  readonly onNote: (sentence: string) => void;
  /** `bpf:load` only: a refused program that asked for no log is loaded once more, by the agent, with one. */
  readonly reloadForLog?: boolean;
  /** Each crash of the program, and what it recovers from; then `probes` may be empty. */
  readonly onCrash?: (report: CrashReport) => void;
  /** Of one core, for each probe; default 0.5. `Infinity`: none. */
  readonly budget?: number;
}

export interface Trace {
  readonly pid: number;
  /** Resolves when the program has ended or `stop` was called. Rejects with an `AgentFailure` when the agent died. */
  readonly finished: Promise<TraceSummary>;
  /** Takes the probes out; a program that the trace started is asked to end (SIGTERM). */
  stop(): Promise<TraceSummary>;
}

/** A burst of half a million events waits here until its lines are written. */
const WAITING_BYTES = 64 * 1024 * 1024;

/** A probe may take half a core of what it looks at before it is taken out. */
const DEFAULT_BUDGET = 0.5;

/** eBPF is loaded by programs of every kind. */
const needsNoGo = ({ probes, onCrash }: TraceOptions): boolean =>
  onCrash === undefined &&
  probes.every((text) => {
    const parsed = parseProbeText(text);
    return parsed.ok && parsed.spec.target.kind === 'bpf';
  });

interface Traced {
  readonly request: TraceRequest;
  readonly position: number;
  readonly losses: LossCounter;
  /** Of its sites. */
  readonly places: readonly string[];
  id: number;
  final: ProbeCounters | undefined;
  stoppedEarly: boolean;
}

/** Rejects with an `AgentFailure` or a `FormatError`; nothing is left armed or running then. */
export const startTrace = async (options: TraceOptions): Promise<Trace> => {
  if (options.probes.length === 0 && options.onCrash === undefined) throw failure.noProbes();
  const { target } = options;
  const identity = target.kind === 'running' ? processState(target.pid) : undefined;
  const binary = await openTraced(target, options.library).catch((error: unknown) => {
    if (error instanceof AgentFailure && error.code === 'no-go-code' && needsNoGo(options)) return undefined;
    throw error;
  });
  if (binary === undefined) return await startProcessTrace(options, target);
  const planner = await loadPlanner();
  let requests: readonly TraceRequest[];
  try {
    const asked = switchedRequests(options.probes.map((text) => traceRequest(text, binary, planner)));
    for (const { names, notes = [] } of asked) for (const note of notes) options.onNote(`"${names.text}": ${note}`);
    requests =
      options.onCrash === undefined
        ? asked
        : [...asked, ...crashRequests(binary, planner), ...historyRequests(binary, planner)];
  } catch (error) {
    binary.close();
    throw error;
  } finally {
    planner.dispose();
  }
  let agent: AgentClient | undefined;
  let held: HeldProgram | undefined;
  try {
    agent = await startAgent({ command: options.agentCommand, waitingBytes: WAITING_BYTES });
    held = target.kind === 'program' ? await launchHeld(target) : undefined;
    const pid = target.kind === 'program' ? (held?.pid ?? 0) : target.pid;
    const running = new RunningTrace(options, { agent, binary, held, pid, identity }, requests);
    await running.arm();
    return running;
  } catch (error) {
    if (held !== undefined) sendSignal(held.pid, 'SIGKILL');
    await agent?.dispose();
    binary.close();
    throw error;
  }
};

interface TraceParts {
  readonly agent: AgentClient;
  /** Closed at the end of the trace. */
  readonly binary: GoBinary;
  readonly held: HeldProgram | undefined;
  readonly pid: number;
  /** Of a program that ran before. */
  readonly identity: ProcessIdentity | undefined;
}

class RunningTrace implements Trace {
  readonly pid: number;
  readonly finished: Promise<TraceSummary>;
  readonly #options: TraceOptions;
  readonly #agent: AgentClient;
  readonly #binary: GoBinary;
  readonly #traced: readonly Traced[];
  readonly #held: HeldProgram | undefined;
  readonly #byId = new Map<number, Traced>();
  /** Events may overtake the answer that names their probe. */
  readonly #early: ProbeEvent[] = [];
  #budget: Budget | undefined;
  readonly #identity: ProcessIdentity | undefined;
  readonly #crashes: CrashCollector | undefined;
  #started = process.hrtime.bigint();
  #ending = false;
  #finish: (summary: TraceSummary) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(options: TraceOptions, parts: TraceParts, requests: readonly TraceRequest[]) {
    const { agent } = parts;
    this.#options = options;
    this.#agent = agent;
    this.#binary = parts.binary;
    this.#held = parts.held;
    this.pid = parts.pid;
    this.#identity = parts.identity ?? processState(parts.pid);
    this.#crashes = options.onCrash && new CrashCollector(parts.pid, options.onCrash);
    this.#traced = requests.map((request, index) => ({
      request,
      position: index + 1,
      losses: new LossCounter(),
      places: placesOf(request.plan),
      id: 0,
      final: undefined,
      stoppedEarly: false,
    }));
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Whoever only calls `stop` need not listen here.
    this.finished.catch(() => undefined);
    agent.onEvents((events) => this.#onEvents(events));
    agent.onTargetGone((gone) => void this.#onGone(gone));
    agent.onClosed((reason) => {
      if (reason !== undefined) this.#fail(reason);
    });
  }

  async arm(): Promise<void> {
    const target: AgentTarget = { pid: this.pid, tracer: undefined, starting: this.#held !== undefined };
    try {
      for (const each of this.#traced) await this.#armOne(each, target);
    } catch (error) {
      // It ended while probes went in: what they saw until then is the trace.
      if (!this.#targetEnded()) throw error;
      // With a probe in it the agent tells of its end, and with what that counted.
      if (this.#byId.size === 0) await this.#onGone({ pid: this.pid, why: 'target-exited', counters: [] });
    }
    if (this.#targetEnded()) return;
    this.#started = process.hrtime.bigint();
    const share = this.#options.budget ?? DEFAULT_BUDGET;
    if (Number.isFinite(share)) this.#budget = this.#watch(share);
    this.#held?.release();
  }

  async #armOne(each: Traced, target: AgentTarget): Promise<void> {
    if (this.#ending) return;
    if (this.#held === undefined && each.request.forCrashes === undefined) await this.#warn(each, target);
    try {
      each.id = await armRequest(this.#agent, each.request, target, this.#options.reloadForLog);
    } catch (error) {
      if (each.request.optional !== true || !(error instanceof AgentFailure) || this.#targetEnded()) throw error;
      const { names, moment } = each.request;
      const lacks = moment !== undefined ? 'Reports will not tell of calls of' : 'There will be no reports of';
      this.#options.onNote(`${lacks} ${names.text}: ${error.message}`);
      return;
    }
    this.#byId.set(each.id, each);
    this.#onEvents(this.#early.splice(0));
  }

  #targetEnded(): boolean {
    return this.#ending || (this.#identity !== undefined && !isAlive(this.#identity));
  }

  /** Above the budget a person hears it before the probe is armed. */
  async #warn(each: Traced, target: AgentTarget): Promise<void> {
    const share = this.#options.budget ?? DEFAULT_BUDGET;
    const { plan } = each.request;
    if (!Number.isFinite(share) || plan === undefined) return;
    const found = await forecast(this.#agent, plan, target);
    if (found.share > share)
      this.#options.onNote(`"${each.request.names.text}" is hot: ${formatForecast(found)}; it will be taken out soon.`);
  }

  #watch(share: number): Budget {
    return new Budget({
      agent: this.#agent,
      share,
      probes: this.#traced.map((each) => ({ probe: each.id, cost: each.request.cost })),
      onExceeded: (probe, found, counters) => {
        const each = this.#byId.get(probe);
        if (each === undefined) return;
        each.final = counters;
        each.stoppedEarly = true;
        this.#options.onNote(
          `"${each.request.names.text}" was taken out: ${formatForecast(found)}, and its budget is ${(share * 100).toFixed(0)} %; raise the budget or add a condition.`,
        );
      },
      // The agent's end is told by onClosed.
      onFailure: () => undefined,
    });
  }

  async stop(): Promise<TraceSummary> {
    if (this.#ending) return await this.finished;
    this.#ending = true;
    const counters = await this.#agent.disarmAll();
    if (this.#held !== undefined) sendSignal(this.pid, 'SIGTERM');
    return await this.#end(counters);
  }

  async #onGone(gone: TargetGone): Promise<void> {
    if (gone.pid !== this.pid || this.#ending) return;
    this.#ending = true;
    await this.#end(gone.counters);
  }

  async #end(counters: readonly ProbeCounters[]): Promise<TraceSummary> {
    this.#budget?.stop();
    const seconds = Number(process.hrtime.bigint() - this.#started) / 1e9;
    const exitCode = await this.#held?.exited;
    this.#crashes?.end();
    const last = new Map(counters.map((each) => [each.probe, each]));
    const summary: TraceSummary = {
      seconds,
      probes: this.#traced
        .filter(({ request }) => request.moment === undefined)
        .map((each) =>
          probeSummary(each.position, each.request.names.text, last.get(each.id) ?? each.final, each.stoppedEarly),
        ),
      exitCode,
    };
    await this.#agent.dispose();
    this.#binary.close();
    this.#finish(summary);
    return summary;
  }

  #onEvents(events: readonly ProbeEvent[]): void {
    for (const event of events) {
      const traced = this.#byId.get(event.probe);
      if (traced === undefined) this.#early.push(event);
      else this.#onEvent(traced, event);
    }
  }

  #onEvent(traced: Traced, event: ProbeEvent): void {
    const { names, spec, plan, forCrashes, moment } = traced.request;
    if (forCrashes === true) {
      if (moment !== undefined) this.#crashes?.note(event, moment(event.values));
      else this.#crashes?.onEvent(event, spec, plan && readCrash(event, plan, this.#binary));
      return;
    }
    const shown = traceEvent(traced, readableCrash(event, plan, this.#binary), this.#binary);
    this.#crashes?.note(event, `${shown.at ?? names.text}: ${eventMessage(names, shown)}`);
    this.#options.onEvent(shown, names);
  }
}

/** This runs for every event: no more than its line needs. */
const traceEvent = (traced: Traced, event: ProbeEvent, binary: GoBinary): TraceEvent => {
  const values: Record<string, string> = {};
  let json: Record<string, JsonValue> | undefined;
  for (const value of event.values) {
    values[value.name] = value.text;
    if (value.json === undefined) continue;
    json ??= {};
    json[value.name] = value.json;
  }
  const at = traced.places[event.site ?? 0];
  const { stack } = event;
  return {
    t: event.time,
    probe: traced.position,
    pid: event.pid,
    tid: event.tid,
    cpu: event.cpu,
    goid: event.goid,
    values,
    ...(json === undefined ? undefined : { json }),
    lost: traced.losses.add(event.number),
    ...(at === undefined ? undefined : { at }),
    ...(event.faulted ? { faulted: true as const } : undefined),
    ...(event.bpf === undefined ? undefined : { bpf: event.bpf }),
    ...(stack === undefined ? undefined : { stack: symboliseStack(binary, stack, event.stackTop) }),
    ...(event.stackMissing === undefined ? undefined : { stackMissing: event.stackMissing }),
  };
};
