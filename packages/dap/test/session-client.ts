/** A DAP client for tests: @vscode/debugadapter-testsupport's, started on the adapter's program or connected to Delve. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { findDelve } from '../../../test/fixture-build.js';
import { adapterProgram } from './adapter-program.js';
import { type Answer, type Answers, type AnyEvent, type EventName, type EventOf, present } from './answers.js';
import { owned } from './belongings.js';

/** Private parts of testsupport's DebugClient 1.68.0. */
interface Inner {
  readonly _adapterProcess: ChildProcess;
  readonly _socket: Socket | undefined;
  doSend(command: string, args: unknown, done: (answer: Answer) => void): void;
}

/** DebugClient with any request, failed answers as values, and every event kept in order. */
export class TestClient extends DebugClient {
  readonly events: AnyEvent[] = [];
  readonly #waiting: { match: (event: AnyEvent) => boolean; resolve: (event: AnyEvent) => void }[] = [];
  #taken = 0;

  /** Without a port it starts the adapter. */
  override async start(port?: number): Promise<void> {
    await super.start(port);
    if (port === undefined) owned(this.adapter);
  }

  /** Resolves with the first event not taken yet that matches; those before it count as taken. */
  next<E extends EventName>(name: E): Promise<EventOf<E>>;
  next<E extends AnyEvent>(match: (event: AnyEvent) => event is E): Promise<E>;
  next(match: (event: AnyEvent) => boolean): Promise<AnyEvent>;
  next(match: string | ((event: AnyEvent) => boolean)): Promise<AnyEvent> {
    const test = typeof match === 'string' ? (event: AnyEvent) => event.event === match : match;
    for (let index = this.#taken; index < this.events.length; index += 1) {
      const event = this.events[index];
      if (event !== undefined && test(event)) {
        this.#taken = index + 1;
        return Promise.resolve(event);
      }
    }
    return new Promise((resolve) => this.#waiting.push({ match: test, resolve }));
  }

  /** Called from the base class for every event. */
  override emit(name: string | symbol, ...args: unknown[]): boolean {
    const [event] = args;
    if (isEvent(event) && event.event === name) {
      this.events.push(event);
      const index = this.#waiting.findIndex(({ match }) => match(event));
      if (index >= 0) {
        this.#taken = this.events.length;
        for (const { resolve } of this.#waiting.splice(index, 1)) resolve(event);
      }
    }
    return super.emit(name, ...args);
  }

  ask(command: string, args?: unknown): Promise<Answer> {
    // `send` keeps only the message of a failed answer; this private one hands over the whole.
    return new Promise((resolve) => this.#inner.doSend(command, args, resolve));
  }

  /** The body of an answer that must not be a refusal; of commands that the protocol does not have, whatever it is. */
  request<C extends keyof Answers>(command: C, args?: unknown): Promise<Answers[C]>;
  request(command: string, args?: unknown): Promise<unknown>;
  async request(command: string, args?: unknown): Promise<unknown> {
    const { success, message, body } = await this.ask(command, args);
    if (!success) throw new Error(`${command} was refused: ${message} ${JSON.stringify(body)}`);
    return body;
  }

  /** The first event of a kind so far. */
  seen<E extends EventName>(name: E): EventOf<E> | undefined {
    return this.events.find((event) => isOf(event, name));
  }

  /** Of the program that the session debugs. */
  get pid(): number {
    return present(this.seen('process')).body.systemProcessId;
  }

  /** On stdio only: the process that testsupport started. */
  get adapter(): ChildProcess {
    return this.#inner._adapterProcess;
  }

  get #inner(): Inner {
    return this as unknown as Inner;
  }

  /** Ends the session if it has not ended; never waits for an answer that cannot come. */
  async leave(): Promise<void> {
    const { _adapterProcess: adapter, _socket: socket } = this.#inner;
    if (adapter !== undefined && adapter !== null) {
      if (adapter.exitCode !== null || adapter.signalCode !== null) return;
      const exited = once(adapter, 'exit');
      adapter.stdin?.end();
      await exited;
    } else if (socket !== undefined && !socket.destroyed) {
      // Not `once` of node:events: it rejects when the connection is reset, which is an end as well.
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.end();
      await closed;
    }
  }

  /** A killed server resets the connection; the tests see that by other means. */
  tolerateResets(): void {
    this.#inner._socket?.on('error', () => undefined);
  }

  /** From now on the adapter's bytes stay in its socket, and then in the adapter. */
  stopReading(): void {
    this.#inner._socket?.pause();
  }

  readOn(): void {
    this.#inner._socket?.resume();
  }

  /** Once: no answer or event will come any more. */
  onEnd(listener: () => void): void {
    this.#inner._socket?.once('close', listener);
  }

  /** As when the editor is killed. */
  drop(): void {
    this.#inner._socket?.destroy();
  }

  get output(): string {
    return this.events.map((event) => (event.event === 'output' ? event.body.output : '')).join('');
  }
}

const isOf = <E extends EventName>(event: AnyEvent, name: E): event is Extract<AnyEvent, EventOf<E>> =>
  event.event === name;

const isEvent = (value: unknown): value is AnyEvent =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'event' && 'event' in value;

/** Number of the first line that contains `text`: fixtures may grow. */
export const lineOf = (file: string, text: string): number => {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((each) => each.includes(text));
  if (line < 0) throw new Error(`${file} has no line with ${text}`);
  return line + 1;
};

export const initializeArguments = {
  clientID: 'test',
  adapterID: 'go',
  pathFormat: 'path',
  linesStartAt1: true,
  columnsStartAt1: true,
  supportsVariableType: true,
};

export interface TestServer {
  readonly child: ChildProcess;
  readonly port: number;
}

/** What a server prints when it listens. */
export const listeningPort = async (child: ChildProcess, pattern: RegExp): Promise<number> => {
  const { stdout } = child;
  if (stdout === null) throw new Error('the server has no stdout');
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (line) => {
      const port = pattern.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
  });
};

export const startAdapter = async (env: NodeJS.ProcessEnv = {}): Promise<TestServer> => {
  const child = owned(
    spawn(process.execPath, [await adapterProgram(), 'dap', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PROBELENS_TEST_DLV: findDelve(), ...env },
    }),
  );
  return { child, port: await listeningPort(child, /^listening (\d+)$/) };
};

export const startDelve = (...args: readonly string[]): ChildProcess =>
  owned(spawn(findDelve() ?? 'dlv', args, { stdio: ['ignore', 'pipe', 'inherit'] }));

/** Delve alone, to compare with. */
export const startPlainDelve = async (): Promise<TestServer> => {
  const child = startDelve('dap', '--listen=127.0.0.1:0');
  return { child, port: await listeningPort(child, /listening at: \S+:(\d+)/) };
};

export const connectClient = async (port: number): Promise<TestClient> => {
  const client = new TestClient('node', '', 'go');
  await client.start(port);
  client.tolerateResets();
  return client;
};

/** The adapter on stdio. */
export const stdioClient = async (env: NodeJS.ProcessEnv = {}): Promise<TestClient> => {
  const program = await adapterProgram();
  const client = new TestClient(process.execPath, program, 'go', {
    env: { ...process.env, PROBELENS_TEST_DLV: findDelve(), ...env },
  });
  return client;
};
