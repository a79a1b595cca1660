/** The kernel side as the core knows it: every ticket is answered, whatever became of the agent. */
import type { AgentClient } from '@probelens/probes';
import type { Input } from '../core/input.js';
import type { Armable, BpfAttributes, DelvePlaces, GoStatement, PlanItem, PlanOutcome } from '../core/kernel-words.js';
import type { Focus, KeepState, KernelWish } from '../core/output.js';
import type { MomentFrame } from '../core/state/moments.js';
import type { DelveShell } from '../delve/shell.js';
import { sentenceOf } from '../errors.js';
import type { DapOptions } from '../options.js';
import type { PlannerPort } from './item-plans.js';
import { Keeping } from './keeping.js';
import { changedPlaces, type TextPlace } from './live-text.js';
import { Mender } from './mender.js';
import { pathRules } from './paths.js';
import type { KernelRoom, RoomOptions } from './room.js';
import { standsTraced, trapPending } from './target.js';

/** The probes are out by then; it may still look after a program whose debugger died, two seconds. */
const endPatienceMs = 4_000;
const noAgent = 'the probe agent has ended.';

export class KernelShell {
  readonly #options: DapOptions;
  readonly #delve: DelveShell;
  readonly #tell: (input: Input) => void;
  #room: KernelRoom | undefined;
  readonly #keeping: Keeping;
  /** Started ahead of the program; taken by the first room that wants the same command. */
  #early: { readonly agent: Promise<AgentClient> } | undefined;

  constructor(options: DapOptions, delve: DelveShell, tell: (input: Input) => void) {
    this.#options = options;
    this.#delve = delve;
    this.#tell = tell;
    this.#keeping = new Keeping(options.keeperCommand, delve);
  }

  /** Starting agent and planner takes as long as Delve takes to start the program: they begin together. */
  prepare(agent: readonly string[] | undefined): void {
    const command = this.#command(agent);
    if (this.#closed || command === undefined || this.#early !== undefined || process.platform !== 'linux') return;
    const early = { agent: command.then((words) => this.#startAgent(words)) };
    // Whoever takes it hears of the failure; nobody else has to.
    early.agent.catch(() => undefined);
    this.#early = early;
    void this.#loadPlanner().catch(() => undefined);
  }

  /** Tells whether an agent can be had that may load programs; the one that was asked is kept. */
  async check(agent: readonly string[] | undefined): Promise<void> {
    this.#tell({ kind: 'kernel-checked', reason: await this.#incapability(agent) });
  }

  async #incapability(agent: readonly string[] | undefined): Promise<string | undefined> {
    if (process.platform !== 'linux') return 'kernel probes need Linux.';
    this.prepare(agent);
    if (this.#early === undefined) return 'no probe agent is configured; set "agent" in the launch arguments.';
    try {
      const { hello } = await this.#early.agent;
      return hello.capable ? undefined : (hello.reason ?? 'the probe agent cannot load programs here.');
    } catch (error) {
      this.#early = undefined;
      return sentenceOf(error);
    }
  }

  /** Undefined: none is configured. */
  #command(agent: readonly string[] | undefined): Promise<readonly string[]> | undefined {
    const command = agent ?? this.#options.agentCommand;
    if (command === undefined) return undefined;
    return typeof command === 'function' ? command() : Promise.resolve(command);
  }

  #startAgent(command: readonly string[]): Promise<AgentClient> {
    return (this.#options.startAgent ?? defaultAgent)(command, this.#abandoned.signal);
  }

  #planner: Promise<PlannerPort> | undefined;

  #loadPlanner(): Promise<PlannerPort> {
    this.#planner ??= (this.#options.loadPlanner ?? defaultPlanner)();
    return this.#planner;
  }

  /** The agent that was started ahead, or a new one. */
  #takeAgent(command: readonly string[]): Promise<AgentClient> {
    const early = this.#early;
    this.#early = undefined;
    return early === undefined ? this.#startAgent(command) : early.agent;
  }

  /** Resolves with the path of the program's binary, or undefined when the kernel side stays closed. */
  open(pid: number | undefined, kernel: KernelWish): Promise<string | undefined> {
    const opening = this.#open(pid, kernel);
    this.#opening = opening;
    return opening;
  }

  #opening: Promise<unknown> = Promise.resolve();

  /** The session is over: Delve may still tell of a program that it has started, and nothing is opened for it any more. */
  #closed = false;
  /** Nobody waits for an agent any more that has not said hello. */
  readonly #abandoned = new AbortController();
  readonly #mender = new Mender((command) => this.#startAgent(command), this.#abandoned.signal);

  /** The same for a program without a debugger. `path`: what it will become. */
  openAlone(
    process: { readonly pid: number; readonly path: string | undefined },
    kernel: KernelWish,
  ): Promise<string | undefined> {
    const opening = this.#enter(() => this.#openRoom({ kind: 'alone', ...process }, kernel));
    this.#opening = opening;
    return opening;
  }

  #open(pid: number | undefined, kernel: KernelWish): Promise<string | undefined> {
    return this.#enter(() => {
      const delvePid = this.#delve.pid;
      if (delvePid === undefined)
        throw new Error('the Delve that was connected to is not among the processes that can be seen on this machine.');
      return this.#openRoom({ kind: 'traced', pid, delvePid }, kernel);
    });
  }

  #entries = 0;
  /** Of the agent of this session. */
  #lastCommand: readonly string[] | undefined;

  /** One after the other; a program that was restarted while its kernel side was being opened is not told of. */
  async #enter(open: () => Promise<KernelRoom>): Promise<string | undefined> {
    this.#entries += 1;
    const entry = this.#entries;
    await this.#opening;
    try {
      // A restarted program is another binary and another process: its room is another one too.
      await this.#closeRoom();
      await this.dismissKeeper();
      if (entry !== this.#entries) return undefined;
      const room = await open();
      if (entry !== this.#entries) {
        await room.close();
        return undefined;
      }
      this.#room = room;
      this.#tell({ kind: 'kernel-opened', bias: room.bias, pid: room.pid });
      return room.programPath;
    } catch (error) {
      if (entry !== this.#entries) return undefined;
      this.#tell({ kind: 'kernel-unavailable', reason: sentenceOf(error) });
      return undefined;
    }
  }

  async #openRoom(process: RoomOptions['process'], kernel: KernelWish): Promise<KernelRoom> {
    const command = await this.#command(kernel.agent);
    if (command === undefined) throw new Error('no probe agent is configured; set "agent" in the launch arguments.');
    if (this.#closed) throw new Error('the session is ending.');
    this.#lastCommand = command;
    const { openBinary } = this.#options;
    // Loaded when first needed: a session with Delve alone never pays for it.
    const { KernelRoom } = await import('./room.js');
    return KernelRoom.open({
      process,
      agentCommand: command,
      paths: pathRules(kernel.substitutePath),
      openBinary: openBinary ?? (async (path) => (await import('@probelens/gosym')).openGoBinary(path)),
      loadPlanner: () => this.#loadPlanner(),
      startAgent: (wanted) => this.#takeAgent(wanted),
      onEvents: (events) => this.#tell({ kind: 'probe-events', events }),
      onCounted: (counters) => this.#tell({ kind: 'counted', counters }),
      onClosed: (reason) => {
        this.#room = undefined;
        this.#tell({ kind: 'agent-closed', reason });
      },
    });
  }

  plan(ticket: number, items: readonly PlanItem[], avoid: DelvePlaces): void {
    let outcomes: readonly PlanOutcome[];
    try {
      const message = noAgent;
      outcomes = this.#room?.plan(items, avoid) ?? items.map(() => ({ ok: false, message }));
    } catch (error) {
      // A binary that cannot be read in one place must not cost the session.
      const message = sentenceOf(error);
      outcomes = items.map(() => ({ ok: false, message }));
    }
    this.#tell({ kind: 'planned', ticket, outcomes });
  }

  /** A line of the console. */
  #say(sentence: string): void {
    const body = { category: 'console', output: `${sentence}\n` };
    this.#tell({ kind: 'delve-message', message: { seq: 0, type: 'event', event: 'output', body } });
  }

  /** At once: Delve is sent its breakpoints next. */
  inspect(places: DelvePlaces, held: DelvePlaces, own: readonly string[]): void {
    try {
      const found = this.#room?.strangers(places, held, own) ?? [];
      if (found.length > 0) this.#tell({ kind: 'strangers-found', places: found });
    } catch (error) {
      // A look that failed must not cost the breakpoint.
      this.#say(`The program's code could not be compared with its file: ${sentenceOf(error)}`);
    }
  }

  /** At once, with or without an agent. */
  compareText(ticket: number, pid: number, places: readonly TextPlace[]): void {
    this.#tell({
      kind: 'text-compared',
      ticket,
      changed: process.platform === 'linux' ? changedPlaces(pid, places) : [],
    });
  }

  /** By a new agent: the last one is gone. Whether it has helped is seen when the text is compared again. */
  async mendText(ticket: number, pid: number, offsets: readonly number[]): Promise<void> {
    if (this.#lastCommand !== undefined) await this.#mender.mend(this.#lastCommand, pid, offsets);
    this.#tell({ kind: 'text-mended', ticket });
  }

  async arm(ticket: number, plans: readonly Armable[]): Promise<void> {
    try {
      await this.#keeping.ensure(this.#room?.agentOutput);
    } catch (error) {
      this.#say(`No keeper for this session: ${sentenceOf(error)}`);
    }
    const outcomes = (await this.#room?.arm(plans)) ?? plans.map(() => ({ ok: false as const, message: noAgent }));
    this.#tell({ kind: 'armed', ticket, outcomes });
  }

  async disarm(ticket: number, probes: readonly number[]): Promise<void> {
    const counters = await this.#room?.disarm(probes).catch(() => undefined);
    this.#tell({ kind: 'disarmed', ticket, counters: counters ?? [] });
  }

  async drain(ticket: number): Promise<void> {
    await this.drained();
    this.#tell({ kind: 'drained', ticket });
  }

  async focus(ticket: number, goroutine: Focus): Promise<void> {
    await this.#room?.focus(goroutine).catch(() => undefined);
    this.#tell({ kind: 'focused', ticket });
  }

  /** The program is being halted; the answer takes that back. */
  halting(): () => void {
    const room = this.#room;
    if (room !== undefined) room.halted = true;
    return () => {
      if (room !== undefined) room.halted = false;
    };
  }

  /** Every event of before has been told, and so have the counts. */
  async drained(): Promise<void> {
    const room = this.#room;
    // Asked at once: a drain takes no longer for it.
    const [counters] = await Promise.all([
      room?.counters().catch(() => undefined),
      room?.drain().catch(() => undefined),
    ]);
    if (counters !== undefined) this.#tell({ kind: 'counted', counters });
  }

  /** On with a halted program; false when there is no agent that could do it. */
  async goOn(goroutine: Focus): Promise<boolean> {
    const room = this.#room;
    if (room === undefined) return false;
    try {
      await room.goOn(goroutine);
      return true;
    } catch (error) {
      // Its end is told by itself.
      if (error instanceof Error) return false;
      throw error;
    }
  }

  symbolise(ticket: number, stack: readonly string[], top: string | undefined): void {
    let frames: readonly MomentFrame[];
    try {
      frames = this.#room?.frames(stack, top) ?? unnamed(stack);
    } catch (error) {
      // A binary that cannot be read in one place still has addresses.
      if (!(error instanceof Error)) throw error;
      frames = unnamed(stack);
    }
    this.#tell({ kind: 'symbolised', ticket, frames });
  }

  findGoStatements(ticket: number, pc: bigint): void {
    let statements: readonly GoStatement[] = [];
    try {
      statements = this.#room?.goStatements(pc) ?? [];
    } catch (error) {
      // Code that cannot be read starts nothing that anybody could follow.
      if (!(error instanceof Error)) throw error;
    }
    this.#tell({ kind: 'go-statements', ticket, statements });
  }

  complete(ticket: number, prefix: string): void {
    this.#tell({ kind: 'completed', ticket, names: this.#room?.functionNames(prefix) ?? [] });
  }

  async describeLoad(ticket: number, at: BpfAttributes, verify: boolean): Promise<void> {
    const described = await this.#room?.describeLoad(at, verify).catch(() => undefined);
    this.#tell({ kind: 'load-described', ticket, described });
  }

  async count(): Promise<void> {
    const counters = await this.#room?.counters().catch(() => undefined);
    if (counters !== undefined) this.#tell({ kind: 'counted', counters });
  }

  readSignals(ticket: number, pid: number): void {
    const isLinux = process.platform === 'linux';
    this.#tell({
      kind: 'signals-read',
      ticket,
      trapPending: isLinux && trapPending(pid),
      standing: isLinux && standsTraced(pid),
    });
  }

  keep(state: KeepState): void {
    this.#keeping.tell(state);
  }

  /** Whoever waits for an answer of its has one then. */
  endAgent(): Promise<void> {
    return this.#closeRoom(0);
  }

  async closeAgent(): Promise<void> {
    this.#closed = true;
    this.#abandoned.abort();
    // What is being opened is closed as well: nothing may be left of a session that ends early.
    await this.#opening;
    await this.#closeRoom(endPatienceMs);
    const early = await this.#early?.agent.catch(() => undefined);
    this.#early = undefined;
    await early?.dispose(endPatienceMs);
    await this.#mender.settled;
  }

  async #closeRoom(patienceMs?: number): Promise<void> {
    const room = this.#room;
    this.#room = undefined;
    await room?.close(patienceMs);
  }

  async dismissKeeper(): Promise<void> {
    await this.#keeping.dismiss();
  }
}

const unnamed = (stack: readonly string[]): readonly MomentFrame[] =>
  stack.map((address) => ({ name: address, file: undefined, line: 0, address }));

const defaultPlanner = async (): Promise<PlannerPort> => {
  const { loadPlanner } = await import('@probelens/probes');
  return loadPlanner();
};

/** Records that wait here, bytes: more of them wait in the pipe and the agent's ring. All of it counts in the adapter's 120 MB. */
const waitingBytes = 2 * 1024 * 1024;

const defaultAgent = async (command: readonly string[], abandoned: AbortSignal): Promise<AgentClient> => {
  const { startAgent } = await import('@probelens/probes');
  return startAgent({ command, abandoned, waitingBytes, asRoot: true });
};
