/** The unprivileged end of the agent: starts it, speaks to it, and says in one sentence what went wrong. */
import { createMessageConnection, type Disposable, type MessageConnection, ResponseError } from 'vscode-jsonrpc/node';
import { type MendParams, MendRequest } from '../agent/mend-protocol.js';
import {
  AbilitiesRequest,
  type Ability,
  type AgentErrorData,
  type ArmBpfParams,
  type Armed,
  type ArmParams,
  ArmRequest,
  type ArmSourceParams,
  ArmSourceRequest,
  BpfEventsNotification,
  CountersRequest,
  type DescribedLoad,
  type DescribeLoadParams,
  DescribeLoadRequest,
  DisarmAllRequest,
  DisarmRequest,
  DrainRequest,
  type Focus,
  FocusRequest,
  type Hello,
  HelloRequest,
  protocolVersion,
  RecordShapeNotification,
  RecordsNotification,
  ResumeRequest,
  type SourceFieldDescription,
  SourceFieldsRequest,
  TargetGoneNotification,
} from '../agent/protocol.js';
import type { ProbeCounters, ProbeEvent } from '../events.js';
import { FrameError } from '../framing.js';
import { messageReader, messageWriter } from '../messages.js';
import type { ProbeTarget } from '../spec/spec.js';
import { type AgentFailure, agentRefused, agentSilent, agentWrongProtocol } from './errors.js';
import { Inflow } from './inflow.js';
import { AgentProcess } from './process.js';
import { RecordedEvents } from './recorded-event.js';
import { loweredForSource } from './source-expressions.js';

export interface TargetGone {
  readonly pid: number;
  readonly why: 'target-exited' | 'tracer-exited';
  /** Last counts of the probes that were armed on it. */
  readonly counters: readonly ProbeCounters[];
}

export interface AgentClient {
  readonly hello: Hello;
  /** Process id of the command that was started (of `sudo`, where that was needed). */
  readonly pid: number | undefined;
  /** The agent's end of the conversation: whoever holds a duplicate sees it end when the agent is gone. Not to be read. */
  readonly stdout: NodeJS.ReadableStream;
  /** All of these reject with an `AgentFailure`. */
  abilities(): Promise<readonly Ability[]>;
  arm(params: ArmParams): Promise<Armed>;
  /** For tracepoints and perf events. */
  armSource(params: ArmSourceParams | ArmBpfParams): Promise<Armed>;
  /** What a process is about to load; null where its memory cannot be read. */
  describeLoad(params: DescribeLoadParams): Promise<DescribedLoad | null>;
  /** Of a tracepoint or a perf event: what its expressions may name. */
  sourceFields(target: ProbeTarget): Promise<readonly SourceFieldDescription[]>;
  disarm(probe: number): Promise<ProbeCounters>;
  disarmAll(): Promise<readonly ProbeCounters[]>;
  /** Resolves after `onEvents` has been given everything that was in the ring buffer when the agent read the request. */
  drain(): Promise<void>;
  counters(): Promise<readonly ProbeCounters[]>;
  /** Which goroutines may trap; `rest` mutes one, or all. Each call replaces what the one before said. */
  focus(goid: string | undefined, rest?: Omit<Focus, 'goid'>): Promise<void>;
  /** Continues a process that a probe armed with `halt` has stopped. */
  resume(pid: number): Promise<void>;
  /** Breakpoints of an agent that was killed: true when none of them is left. Of a new agent, see MendRequest. */
  mend(params: MendParams): Promise<boolean>;
  onEvents(listener: (events: readonly ProbeEvent[]) => void): Disposable;
  onTargetGone(listener: (gone: TargetGone) => void): Disposable;
  /** Called once; `undefined` after `dispose`. */
  onClosed(listener: (failure: AgentFailure | undefined) => void): Disposable;
  /** Ends the agent, which disarms everything; one that has not ended after `patienceMs` (10 s) is killed. */
  dispose(patienceMs?: number): Promise<void>;
}

export interface StartAgentOptions {
  readonly command: readonly string[];
  /**
   * Where this process is root through sudo: whether it asks for itself, as a debugger whose program is root's too, and
   * not for the user behind sudo (default).
   */
  readonly asRoot?: boolean;
  /** How long the agent may take to say hello. */
  readonly helloTimeoutMs?: number;
  /** Nobody waits for its hello any longer: as if it had been silent for as long as that. */
  readonly abandoned?: AbortSignal;
  /** What the agent prints on stderr, line by line. */
  readonly onLog?: (text: string) => void;
  /**
   * Bytes of records that may wait here for their listeners (default 8 MiB); beyond that they wait in the pipe and in the
   * agent's ring, and what finds that full is lost and counted.
   */
  readonly waitingBytes?: number;
}

const WAITING_BYTES = 8 * 1024 * 1024;

/** Node's start plus koffi is 0.1 s; a loaded machine over ssh may need a hundred times that. */
const HELLO_TIMEOUT_MS = 15_000;
const greet = async (
  connection: MessageConnection,
  agent: AgentProcess,
  command: readonly string[],
  timeoutMs: number,
  abandoned: AbortSignal | undefined,
): Promise<Hello> => {
  let timer: NodeJS.Timeout | undefined;
  const { ended, garbled } = agent;
  const silence = new Promise<AgentFailure>((resolve) => {
    const giveUp = (): void => resolve(agentSilent(command, timeoutMs / 1000));
    timer = setTimeout(giveUp, timeoutMs);
    if (abandoned?.aborted === true) giveUp();
    else abandoned?.addEventListener('abort', giveUp, { once: true });
  });
  // A connection that dies with the process rejects too; the process's own ending says more, so it is awaited.
  const answer = connection
    .sendRequest(HelloRequest)
    .catch(async (error: unknown) => refusalIn(error) ?? (await Promise.race([ended, garbled, silence])));
  try {
    const first = await Promise.race([answer, ended, garbled, silence]);
    if (first instanceof Error) throw first;
    if (first.protocol !== protocolVersion) throw agentWrongProtocol(protocolVersion, first.protocol);
    return first;
  } finally {
    clearTimeout(timer);
  }
};

class Client implements AgentClient {
  readonly hello: Hello;
  readonly pid: number | undefined;
  readonly stdout: NodeJS.ReadableStream;
  readonly #connection: MessageConnection;
  readonly #agent: AgentProcess;
  readonly #inflow: Inflow;
  readonly #recorded = new RecordedEvents();
  readonly #closedListeners = new Set<(failure: AgentFailure | undefined) => void>();
  #disposed = false;
  #failure: AgentFailure | undefined;

  constructor(hello: Hello, connection: MessageConnection, agent: AgentProcess, inflow: Inflow) {
    this.hello = hello;
    this.pid = agent.pid;
    this.stdout = agent.output;
    this.#connection = connection;
    this.#agent = agent;
    this.#inflow = inflow;
    void agent.ended.then((failure) => {
      this.#failure = failure;
      connection.dispose();
      for (const listener of this.#closedListeners) listener(this.#disposed ? undefined : failure);
      this.#closedListeners.clear();
    });
  }

  async #ask<T>(request: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await request();
    } catch (error) {
      if (error instanceof ResponseError) {
        const data: unknown = error.data;
        const code = isErrorData(data) ? data.code : undefined;
        // "Pending response rejected" comes from the connection itself when the agent is gone.
        if (code !== undefined || !this.#connectionLost(error)) throw agentRefused(code, error.message);
      }
      throw await this.#agent.ended;
    }
  }

  #connectionLost(error: ResponseError<unknown>): boolean {
    // vscode-jsonrpc ErrorCodes: PendingResponseRejected, ConnectionInactive, and write errors.
    return error.code === -32097 || error.code === -32096 || error.code === -32099;
  }

  abilities(): Promise<readonly Ability[]> {
    return this.#ask(() => this.#connection.sendRequest(AbilitiesRequest));
  }
  arm(params: ArmParams): Promise<Armed> {
    return this.#ask(() => this.#connection.sendRequest(ArmRequest, params));
  }
  sourceFields(target: ProbeTarget): Promise<readonly SourceFieldDescription[]> {
    return this.#ask(() => this.#connection.sendRequest(SourceFieldsRequest, { target }));
  }
  async armSource(params: ArmSourceParams | ArmBpfParams): Promise<Armed> {
    const { target } = params.spec;
    const expressions = await loweredForSource(params, () => this.sourceFields(target));
    return this.#ask(() => this.#connection.sendRequest(ArmSourceRequest, { ...params, ...expressions }));
  }
  describeLoad(params: DescribeLoadParams): Promise<DescribedLoad | null> {
    return this.#ask(() => this.#connection.sendRequest(DescribeLoadRequest, params));
  }
  async disarm(probe: number): Promise<ProbeCounters> {
    const counters = await this.#ask(() => this.#connection.sendRequest(DisarmRequest, { probe }));
    this.#recorded.remove(probe);
    return counters;
  }
  async disarmAll(): Promise<readonly ProbeCounters[]> {
    const counters = await this.#ask(() => this.#connection.sendRequest(DisarmAllRequest));
    for (const { probe } of counters) this.#recorded.remove(probe);
    return counters;
  }
  drain(): Promise<void> {
    return this.#ask(() => this.#connection.sendRequest(DrainRequest));
  }
  counters(): Promise<readonly ProbeCounters[]> {
    return this.#ask(() => this.#connection.sendRequest(CountersRequest));
  }
  focus(goid: string | undefined, rest: Omit<Focus, 'goid'> = {}): Promise<void> {
    return this.#ask(() => this.#connection.sendRequest(FocusRequest, { goid, ...rest }));
  }
  resume(pid: number): Promise<void> {
    return this.#ask(() => this.#connection.sendRequest(ResumeRequest, { pid }));
  }
  mend(params: MendParams): Promise<boolean> {
    return this.#ask(() => this.#connection.sendRequest(MendRequest, params));
  }
  onEvents(listener: (events: readonly ProbeEvent[]) => void): Disposable {
    this.#eventListeners.add(listener);
    return { dispose: () => this.#eventListeners.delete(listener) };
  }
  onTargetGone(listener: (gone: TargetGone) => void): Disposable {
    this.#goneListeners.add(listener);
    return { dispose: () => this.#goneListeners.delete(listener) };
  }
  readonly #eventListeners = new Set<(events: readonly ProbeEvent[]) => void>();
  readonly #goneListeners = new Set<(gone: TargetGone) => void>();

  /** Wired once: vscode-jsonrpc keeps a single handler per notification. */
  listen(): void {
    this.#connection.onNotification(RecordShapeNotification, (shape) => this.#recorded.add(shape));
    this.#connection.onNotification(RecordsNotification, ({ bytes }) => {
      try {
        const events = this.#eventListeners.size === 0 ? [] : this.#recorded.read(bytes);
        for (const listener of this.#eventListeners) listener(events);
      } finally {
        this.#inflow.handled(bytes.length);
      }
    });
    this.#connection.onNotification(BpfEventsNotification, ({ events }) => {
      for (const listener of this.#eventListeners) listener(events);
    });
    this.#connection.onNotification(TargetGoneNotification, (gone) => {
      for (const { probe } of gone.counters) this.#recorded.remove(probe);
      for (const listener of this.#goneListeners) listener(gone);
    });
  }

  onClosed(listener: (failure: AgentFailure | undefined) => void): Disposable {
    if (this.#failure !== undefined) queueMicrotask(() => listener(this.#disposed ? undefined : this.#failure));
    else this.#closedListeners.add(listener);
    return { dispose: () => this.#closedListeners.delete(listener) };
  }

  async dispose(patienceMs?: number): Promise<void> {
    this.#disposed = true;
    this.#inflow.open();
    await this.#agent.end(patienceMs);
  }
}

/** What the agent itself said, and not the connection about its end. */
const refusalIn = (error: unknown): AgentFailure | undefined => {
  if (!(error instanceof ResponseError)) return undefined;
  const data: unknown = error.data;
  return isErrorData(data) ? agentRefused(data.code, error.message) : undefined;
};

const isErrorData = (data: unknown): data is AgentErrorData =>
  typeof data === 'object' && data !== null && 'code' in data && typeof data.code === 'string';

const silentLogger = {
  error: (): void => undefined,
  warn: (): void => undefined,
  info: (): void => undefined,
  log: (): void => undefined,
};

/** Starts the agent and exchanges greetings. Rejects with an `AgentFailure`; nothing is left running then. */
export const startAgent = async (options: StartAgentOptions): Promise<AgentClient> => {
  const { command } = options;
  const agent = new AgentProcess(command, options.onLog, options.asRoot);
  const inflow = new Inflow(agent.output, options.waitingBytes ?? WAITING_BYTES);
  const connection = createMessageConnection(
    messageReader(agent.output, (bytes) => inflow.came(bytes)),
    messageWriter(agent.input),
    silentLogger,
  );
  connection.onError(([error]) => {
    // Errors of the streams come with the process's end.
    if (error instanceof FrameError) agent.giveUp(error.message);
  });
  connection.listen();
  try {
    const { helloTimeoutMs = HELLO_TIMEOUT_MS, abandoned } = options;
    const hello = await greet(connection, agent, command, helloTimeoutMs, abandoned);
    agent.greeted = true;
    const client = new Client(hello, connection, agent, inflow);
    client.listen();
    return client;
  } catch (failure) {
    connection.dispose();
    agent.abandon(options.abandoned?.aborted === true ? 'SIGKILL' : 'SIGTERM');
    throw failure;
  }
};
