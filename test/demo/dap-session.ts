/** A DAP client as an editor is one: the adapter is a child process, messages go over its stdin and stdout. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { ProtocolClient } from '@vscode/debugadapter-testsupport/lib/protocolClient.js';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Cleanup } from './cleanup.js';

export interface LaunchOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** "auto", "off" (plain Delve) or "required". */
  readonly kernel: 'auto' | 'off' | 'required';
  readonly breakpoints: readonly DebugProtocol.FunctionBreakpoint[];
  /** Log messages on lines, as an editor sets them. */
  readonly logpoints?: readonly Logpoint[];
  /** Probes by text, armed from the start. */
  readonly probes?: readonly string[];
  /** Command line of the privileged agent, where it is not the usual one. */
  readonly agent?: readonly string[];
}

export interface Logpoint {
  readonly file: string;
  readonly line: number;
  readonly logMessage: string;
}

export interface TimelineEntry {
  /** CLOCK_MONOTONIC, nanoseconds, decimal. */
  readonly time: string;
  readonly goroutine: number;
  readonly kind: 'stop' | 'hit' | 'event';
  readonly text: string;
}

export interface Frame {
  readonly id: number;
  readonly name: string;
  readonly line: number;
  readonly file: string;
}

export interface Stop {
  readonly goroutine: number;
  readonly reason: string;
  readonly hitBreakpointIds: readonly number[];
  readonly frames: readonly Frame[];
  /** Arguments and locals of the innermost frame. */
  readonly variables: ReadonlyMap<string, DebugProtocol.Variable>;
}

/** Far more than anything here takes; only so that a defect ends the demo. */
const deadline = 90_000;

interface Waiting {
  readonly names: readonly string[];
  readonly resolve: (event: DebugProtocol.Event) => void;
  readonly reject: (error: Error) => void;
}

export class DebugSession extends ProtocolClient {
  readonly process: ChildProcessWithoutNullStreams;
  readonly exited: Promise<void>;
  /** What the program printed, on both streams. */
  programOutput = '';
  /** Everything else that the adapter let the person read. */
  console = '';
  #events: DebugProtocol.Event[] = [];
  #waiting: Waiting[] = [];
  #ended = false;
  #errors = '';

  constructor(command: readonly string[], env: Readonly<Record<string, string>>, cleanup: Cleanup) {
    super();
    const [file = '', ...args] = command;
    // A session of its own: Ctrl-C goes to the demo, which ends its sessions in order.
    this.process = spawn(file, args, { env: { ...process.env, ...env }, detached: true });
    this.process.stderr.on('data', (data: Buffer) => {
      this.#errors = (this.#errors + data.toString()).slice(-2000);
    });
    // The adapter may end while something is being written to it: `exited` tells.
    this.process.stdin.on('error', () => this.#fail());
    this.exited = new Promise((resolve) => {
      this.process.once('close', () => {
        this.#ended = true;
        this.#fail();
        resolve();
      });
    });
    cleanup.add(() => this.close());
    this.connect(this.process.stdout, this.process.stdin);
  }

  override emit(name: string | symbol, ...args: unknown[]): boolean {
    const [event] = args;
    if (isEvent(event)) this.#receive(event);
    return super.emit(name, ...args);
  }

  #receive(event: DebugProtocol.Event): void {
    if (event.event === 'output') {
      const { category, output }: DebugProtocol.OutputEvent['body'] = event.body;
      if (category === 'stdout' || category === 'stderr') this.programOutput += output;
      else this.console += output;
      return;
    }
    const index = this.#waiting.findIndex(({ names }) => names.includes(event.event));
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting === undefined) this.#events.push(event);
    else waiting.resolve(event);
  }

  #fail(): void {
    const said = this.#errors.trim().split('\n').at(-1) ?? '';
    const error = new Error(`the adapter ended${said === '' ? '' : `: ${said}`}`);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** The next event of one of these names that nobody has taken yet. */
  async event(...names: string[]): Promise<DebugProtocol.Event> {
    const index = this.#events.findIndex((event) => names.includes(event.event));
    const [known] = index < 0 ? [] : this.#events.splice(index, 1);
    if (known !== undefined) return known;
    if (this.#ended) throw new Error('the adapter has ended');
    return await this.#limited(
      `event ${names.join(' or ')}`,
      new Promise<DebugProtocol.Event>((resolve, reject) => this.#waiting.push({ names, resolve, reject })),
    );
  }

  /** Body of the answer; rejects with the adapter's own sentence. */
  async request(command: string, args: object = {}): Promise<DebugProtocol.Response['body']> {
    const answer = this.send(command, args);
    const gone = this.exited.then((): never => {
      throw new Error(`the adapter ended before it answered ${command}: ${this.#errors.trim()}`);
    });
    try {
      const response = await this.#limited(command, Promise.race([answer, gone]));
      return response.body;
    } catch (error) {
      // What the adapter told the person meanwhile is mostly the reason.
      const said = this.console.trim().split('\n').at(-1) ?? '';
      if (said === '' || !(error instanceof Error)) throw error;
      throw new Error(`${error.message} (${said})`, { cause: error });
    }
  }

  async #limited<T>(what: string, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no ${what} within ${deadline / 1000} s`)), deadline);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #configure(
    breakpoints: readonly DebugProtocol.FunctionBreakpoint[],
    logpoints: readonly Logpoint[] = [],
  ): Promise<readonly DebugProtocol.Breakpoint[]> {
    await this.event('initialized');
    for (const { file, ...logpoint } of logpoints)
      await this.request('setBreakpoints', { source: { path: file }, breakpoints: [logpoint] });
    const { breakpoints: answers } = await this.request('setFunctionBreakpoints', { breakpoints });
    await this.request('configurationDone');
    return answers;
  }

  async initialize(): Promise<DebugProtocol.Capabilities> {
    return await this.request('initialize', {
      clientID: 'demo',
      adapterID: 'probelens',
      linesStartAt1: true,
      columnsStartAt1: true,
      pathFormat: 'path',
    });
  }

  /** Resolves when the program runs; the answers to the breakpoints. */
  async launch(options: LaunchOptions): Promise<readonly DebugProtocol.Breakpoint[]> {
    await this.initialize();
    const { program, args, kernel, agent, probes } = options;
    const launched = this.request('launch', {
      mode: 'exec',
      program,
      args,
      kernel,
      agent,
      probes,
      outputMode: 'remote',
    });
    const [, answers] = await Promise.all([launched, this.#configure(options.breakpoints, options.logpoints)]);
    return answers;
  }

  async attach(
    processId: number,
    options: Omit<LaunchOptions, 'program' | 'args'>,
  ): Promise<readonly DebugProtocol.Breakpoint[]> {
    await this.initialize();
    const attached = this.request('attach', { mode: 'local', processId, kernel: options.kernel });
    const [, answers] = await Promise.all([attached, this.#configure(options.breakpoints)]);
    return answers;
  }

  /** Undefined when the program ended instead. */
  async stop(): Promise<Stop | undefined> {
    const event = await this.event('stopped', 'terminated');
    if (event.event === 'terminated') return undefined;
    const { threadId, reason, hitBreakpointIds }: DebugProtocol.StoppedEvent['body'] = event.body;
    if (threadId === undefined) throw new Error('the stop names no goroutine');
    const { stackFrames }: DebugProtocol.StackTraceResponse['body'] = await this.request('stackTrace', {
      threadId,
      levels: 20,
    });
    const frames = stackFrames.map(({ id, name, line, source }) => ({ id, name, line, file: source?.path ?? '' }));
    const variables = frames[0] === undefined ? new Map() : await this.#variables(frames[0].id);
    return { goroutine: threadId, reason, hitBreakpointIds: hitBreakpointIds ?? [], frames, variables };
  }

  async #variables(frameId: number): Promise<ReadonlyMap<string, DebugProtocol.Variable>> {
    const { scopes }: DebugProtocol.ScopesResponse['body'] = await this.request('scopes', { frameId });
    const found = new Map<string, DebugProtocol.Variable>();
    for (const { name, variablesReference } of scopes) {
      if (!/^(Locals|Arguments)/.test(name)) continue;
      for (const variable of await this.children(variablesReference)) found.set(variable.name, variable);
    }
    return found;
  }

  async children(variablesReference: number): Promise<readonly DebugProtocol.Variable[]> {
    const { variables }: DebugProtocol.VariablesResponse['body'] = await this.request('variables', {
      variablesReference,
    });
    return variables;
  }

  /** `text` as the debugger prints it in the innermost frame of the stop. */
  async evaluate(stop: Stop, text: string): Promise<string> {
    const body: DebugProtocol.EvaluateResponse['body'] = await this.request('evaluate', {
      expression: text,
      frameId: stop.frames[0]?.id,
      context: 'watch',
    });
    return body.result;
  }

  /** What one goroutine did, in the order of time. */
  async timeline(goroutine: number): Promise<readonly TimelineEntry[]> {
    const body: { readonly entries: readonly TimelineEntry[] } = await this.request('probelens/timeline', {
      goroutine,
    });
    return body.entries;
  }

  /** Continues from every stop without looking at it. */
  async runToEnd(): Promise<void> {
    for (let event = await this.event('stopped', 'terminated'); event.event === 'stopped'; ) {
      const { threadId }: DebugProtocol.StoppedEvent['body'] = event.body;
      await this.request('continue', { threadId });
      event = await this.event('stopped', 'terminated');
    }
  }

  async continue(stop: Stop): Promise<void> {
    await this.request('continue', { threadId: stop.goroutine });
  }

  /** Ends the session as an editor's stop button does; kills only what does not end by itself. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.process.stdin.end();
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(timer);
  }
}

const isEvent = (value: unknown): value is DebugProtocol.Event =>
  typeof value === 'object' && value !== null && 'event' in value && 'type' in value;
