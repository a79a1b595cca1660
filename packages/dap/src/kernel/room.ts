/** The kernel side of one session: the target's binary, the planner and the agent. Opened when Delve has the program. */

import type { GoBinary } from '@probelens/gosym';
import {
  type AgentClient,
  type AgentTarget,
  type Armed,
  type ArmSourceParams,
  type DescribedLoad,
  type ProbeCounters,
  type ProbeEvent,
  type ProbePlan,
  sourceOrigin,
  stackPositions,
} from '@probelens/probes';
import type {
  Armable,
  ArmOutcome,
  BpfAttributes,
  DelvePlaces,
  GoStatement,
  PlanItem,
  PlanOutcome,
  SourcePlan,
  StrangerPlace,
} from '../core/kernel-words.js';
import type { Focus } from '../core/output.js';
import type { MomentFrame } from '../core/state/moments.js';
import { sentenceOf } from '../errors.js';
import { functionNames } from '../function-names.js';
import { CrashEvents } from './crash-events.js';
import { goStatementsAt } from './go-statements.js';
import { Halts } from './halts.js';
import { ItemPlans, type PlannerPort } from './item-plans.js';
import { foreignBreakpoints } from './live-text.js';
import type { PathRules } from './paths.js';
import { avoidedOffsets, placesOf, together } from './planning.js';
import { addressInMemory, programOf, tracedBy } from './target.js';

export interface RoomOptions {
  readonly process: /** `pid`: Delve said so, or the client attached to it; undefined: whoever Delve traces. */
    | { readonly kind: 'traced'; readonly pid: number | undefined; readonly delvePid: number }
    /** Nobody traces it; `path`: what it will become when it begins, undefined when it runs already. */
    | { readonly kind: 'alone'; readonly pid: number; readonly path: string | undefined };
  readonly agentCommand: readonly string[];
  /** The editor's paths and the binary's. */
  readonly paths: PathRules;
  readonly openBinary: (path: string) => Promise<GoBinary>;
  readonly loadPlanner: () => Promise<PlannerPort>;
  readonly startAgent: (command: readonly string[]) => Promise<AgentClient>;
  readonly onEvents: (events: readonly ProbeEvent[]) => void;
  /** Last counts of a program that is gone. */
  readonly onCounted: (counters: readonly ProbeCounters[]) => void;
  /** The agent is gone; everything it had armed is out of the kernel. */
  readonly onClosed: (reason: string) => void;
}

const processOf = (
  process: RoomOptions['process'],
): { readonly pid: number; readonly program: ReturnType<typeof programOf> } => {
  const pid = process.kind === 'alone' ? process.pid : (process.pid ?? tracedBy(process.delvePid));
  if (pid === undefined) throw new Error('the program was not found among the processes that Delve traces.');
  const future = process.kind === 'alone' ? process.path : undefined;
  return { pid, program: future === undefined ? programOf(pid) : { path: future } };
};

const agentTarget = (process: RoomOptions['process'], pid: number): AgentTarget =>
  process.kind === 'traced'
    ? { pid, tracer: process.delvePid }
    : { pid, tracer: undefined, halt: true, starting: process.path !== undefined };

/** Refusals of the agent's that are over when the program has gone on. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'thread-there' || error.code === 'changed-text');

const withoutPlace = ({ place: _, hits: __, ...plan }: ProbePlan & Armable): ProbePlan => plan;

/** More than a person reads through. */
const mostNames = 100;

export class KernelRoom {
  readonly #binary: GoBinary;
  readonly #plans: ItemPlans;
  readonly #agent: AgentClient;
  readonly #target: AgentTarget;
  readonly #halts: Halts | undefined;
  readonly #paths: PathRules;
  readonly #crashes: CrashEvents;
  #closing = false;

  private constructor(binary: GoBinary, planner: PlannerPort, agent: AgentClient, options: RoomOptions, pid: number) {
    this.#binary = binary;
    this.#plans = new ItemPlans(binary, planner, options.process.kind === 'traced');
    this.#agent = agent;
    this.#target = agentTarget(options.process, pid);
    this.#paths = options.paths;
    this.#halts = options.process.kind === 'alone' ? new Halts(agent, pid) : undefined;
    this.#crashes = new CrashEvents(binary);
    agent.onEvents((events) => options.onEvents(this.#crashes.readable(events)));
    agent.onTargetGone(({ counters }) => options.onCounted(counters));
    agent.onClosed((failure) => {
      if (!this.#closing) options.onClosed(failure?.message ?? 'the probe agent has ended.');
    });
  }

  /** Rejects with an Error whose message is the sentence to show. Nothing is left running then. */
  static async open(options: RoomOptions): Promise<KernelRoom> {
    if (process.platform !== 'linux') throw new Error('kernel probes need Linux.');
    const { pid, program } = processOf(options.process);
    if ('reason' in program) throw new Error(program.reason);
    const [binary, planner, agent] = await Promise.allSettled([
      options.openBinary(program.path),
      options.loadPlanner(),
      options.startAgent(options.agentCommand),
    ]);
    if (binary.status === 'fulfilled' && planner.status === 'fulfilled' && agent.status === 'fulfilled') {
      if (agent.value.hello.capable) return new KernelRoom(binary.value, planner.value, agent.value, options, pid);
      await agent.value.dispose();
      binary.value.close();
      throw new Error(agent.value.hello.reason ?? 'the probe agent cannot load programs here.');
    }
    if (agent.status === 'fulfilled') await agent.value.dispose();
    if (binary.status === 'fulfilled') binary.value.close();
    const failed = [binary, planner, agent].find((result) => result.status === 'rejected');
    throw failed?.status === 'rejected' ? failed.reason : new Error('the kernel side could not be opened.');
  }

  get agentPid(): number | undefined {
    return this.#agent.pid;
  }

  get agentOutput(): NodeJS.ReadableStream {
    return this.#agent.stdout;
  }

  get pid(): number {
    return this.#target.pid;
  }

  get programPath(): string {
    return this.#binary.path;
  }

  /** Where the program was loaded, less where it was linked, in bytes; undefined where /proc does not show it. */
  get bias(): bigint | undefined {
    if (!this.#binary.positionIndependent) return 0n;
    for (const { entry } of this.#binary.functions()) {
      const loaded = addressInMemory(this.#target.pid, this.#binary.path, this.#binary.offsetOf(entry));
      return loaded === undefined ? undefined : BigInt(loaded) - BigInt(entry);
    }
    return undefined;
  }

  #avoided(places: DelvePlaces): readonly number[] {
    return avoidedOffsets(this.#binary, this.#asLinked(places), this.bias);
  }

  #asLinked(places: DelvePlaces): DelvePlaces {
    const lines = places.lines.map(({ file, line }) => ({ file: this.#paths.toBinary(file), line }));
    return { ...places, lines };
  }

  plan(items: readonly PlanItem[], places: DelvePlaces): readonly PlanOutcome[] {
    const avoid = this.#avoided(places);
    return items.map((item) => {
      const here = item.kind === 'line' ? { ...item, file: this.#paths.toBinary(item.file) } : item;
      const outcomes = this.#plans.outcomes(here, avoid);
      return together(outcomes, (file) => this.#paths.toClient(file));
    });
  }

  /** Functions that a person may be writing the name of; whole names, or from the last part of the import path on. */
  functionNames(prefix: string): readonly string[] {
    return functionNames(this.#binary, prefix, mostNames);
  }

  /** Int3s in the running program's text that its file does not have, at places that are nobody's here. */
  strangers(places: DelvePlaces, held: DelvePlaces, own: readonly string[]): readonly StrangerPlace[] {
    const { bias } = this;
    if (bias === undefined) return [];
    const known = new Set([...this.#avoided(held), ...own.map(Number)]);
    const wanted = placesOf(this.#binary, this.#asLinked(places)).filter(
      ({ address }) => !known.has(this.#binary.offsetOf(address)),
    );
    return foreignBreakpoints(this.#target.pid, this.#binary, wanted, Number(bias));
  }

  /** In order; the failure of one does not touch the others. */
  async arm(plans: readonly Armable[]): Promise<readonly ArmOutcome[]> {
    const outcomes: ArmOutcome[] = [];
    for (const plan of plans) {
      try {
        const { probe } = await this.#armOne(plan);
        outcomes.push({ ok: true, probe });
      } catch (error) {
        outcomes.push({ ok: false, message: sentenceOf(error), busy: isBusy(error) });
      }
    }
    return outcomes;
  }

  #armOne(plan: Armable): Promise<Armed> {
    return this.#crashes.armed('source' in plan ? undefined : plan, () => this.#armPlan(plan));
  }

  #armPlan(plan: Armable): Promise<Armed> {
    const { place, hits } = plan;
    const at = { target: this.#target, ...(place === undefined ? {} : { place }) };
    const own = hits === undefined ? at : { ...at, hits };
    const armed = 'source' in plan ? this.#armSource(plan, at) : this.#agent.arm({ plan: withoutPlace(plan), ...own });
    return this.#halts === undefined || plan.spec.action.kind !== 'stop' ? armed : this.#halts.added(armed);
  }

  async #armSource(plan: SourcePlan, at: Pick<ArmSourceParams, 'target' | 'place'>): Promise<Armed> {
    const { spec, subject } = plan;
    return await this.#agent.armSource({
      ...at,
      spec,
      ...sourceOrigin(spec, this.#binary),
      ...(subject === undefined ? {} : { subject }),
    });
  }

  /** An empty list means all. A probe that is gone already has no counters. */
  async disarm(probes: readonly number[]): Promise<readonly ProbeCounters[]> {
    if (probes.length === 0) return this.#agent.disarmAll();
    const counters: ProbeCounters[] = [];
    if (this.#halts !== undefined) return this.#halts.disarm(probes);
    for (const probe of probes) counters.push(await this.#agent.disarm(probe));
    return counters;
  }

  /** Undefined where the program's memory cannot be read. */
  async describeLoad(at: BpfAttributes, verify: boolean): Promise<DescribedLoad | undefined> {
    return (await this.#agent.describeLoad({ pid: this.#target.pid, ...at, verify })) ?? undefined;
  }

  drain(): Promise<void> {
    return this.#agent.drain();
  }

  focus(goroutine: Focus): Promise<void> {
    if (goroutine === 'nobody') return this.#agent.focus(undefined, { quiet: true });
    return this.#agent.focus(goroutine === undefined ? undefined : String(goroutine));
  }

  /** Sessions without a debugger only: the program stands still from now on, or does not after all. */
  set halted(halted: boolean) {
    this.#halts?.set(halted);
  }

  async goOn(goroutine: Focus): Promise<void> {
    await this.focus(goroutine);
    await this.#halts?.goOn();
  }

  goStatements(pc: bigint): readonly GoStatement[] {
    return goStatementsAt(this.#binary, Number(pc));
  }

  /** A stack in words, innermost first. */
  frames(stack: readonly string[], top: string | undefined): readonly MomentFrame[] {
    return stackPositions(this.#binary, stack, top).map(({ address, position }) => ({
      name: position?.function ?? address,
      file: position === undefined ? undefined : this.#paths.toClient(position.file),
      line: position?.line ?? 0,
      address,
    }));
  }

  counters(): Promise<readonly ProbeCounters[]> {
    return this.#agent.counters();
  }

  /** Resolves when the agent's process is gone, and with it everything in the kernel. */
  async close(patienceMs?: number): Promise<void> {
    this.#closing = true;
    await this.#agent.dispose(patienceMs);
    this.#binary.close();
  }
}
