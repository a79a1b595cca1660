/** Delve on a running program, by its own protocol: enough of a client to attach, see stops, and go on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { findDelve } from '../../../test/delve.js';
import { pendingTraps } from './verify-program.js';

export interface Message {
  readonly seq: number;
  readonly type: 'request' | 'response' | 'event';
  readonly command?: string;
  readonly event?: string;
  readonly request_seq?: number;
  readonly success?: boolean;
  readonly message?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface Stop {
  readonly reason: string;
  readonly thread: number;
}

export class DelveSession {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #stops: Stop[] = [];
  #onStop: ((stop: Stop) => void) | undefined;
  #seq = 1;
  #buffer = Buffer.alloc(0);
  readonly #initialized: Promise<void>;
  #sawInitialized: () => void = () => undefined;

  constructor(child: ChildProcess, socket: Socket) {
    this.#child = child;
    this.#socket = socket;
    this.#initialized = new Promise((resolve) => {
      this.#sawInitialized = resolve;
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get exited(): Promise<unknown> {
    return this.#child.exitCode === null && this.#child.signalCode === null
      ? once(this.#child, 'exit')
      : Promise.resolve();
  }

  request(command: string, args: unknown = {}): Promise<Message> {
    const seq = this.#seq++;
    const text = JSON.stringify({ seq, type: 'request', command, arguments: args });
    return new Promise((resolve) => {
      this.#waiting.set(seq, resolve);
      this.#socket.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    });
  }

  async attach(pid: number): Promise<void> {
    await this.request('initialize', { adapterID: 'go', linesStartAt1: true, pathFormat: 'path' });
    const attached = this.request('attach', { mode: 'local', processId: pid, request: 'attach', stopOnEntry: false });
    await Promise.race([this.#initialized, attached]);
    await this.request('configurationDone');
    const answer = await attached;
    if (answer.success !== true) throw new Error(`Delve does not attach: ${answer.message ?? ''}`);
  }

  /** The next stop that nobody has taken yet. */
  nextStop(): Promise<Stop> {
    const stop = this.#stops.shift();
    if (stop !== undefined) return Promise.resolve(stop);
    return new Promise((resolve) => {
      this.#onStop = resolve;
    });
  }

  continue(thread = 1): Promise<Message> {
    return this.request('continue', { threadId: thread });
  }

  /** Goes on after every stop, until told not to. */
  keepGoing(): { stop(): void } {
    let going = true;
    const next = async (): Promise<void> => {
      const stop = await this.nextStop();
      await this.continue(stop.thread);
      if (going) await next();
    };
    void next();
    return {
      stop: () => {
        going = false;
      },
    };
  }

  /** Only while the program runs. */
  async pause(): Promise<void> {
    const stopped = this.nextStop();
    await this.request('pause', { threadId: 1 });
    await stopped;
  }

  /**
   * Leaves a program that may have trapped a moment ago: pauses, and goes on for as long as a SIGTRAP is pending that the
   * program would die of once nobody traces it (Delve detaches without looking).
   */
  async leave(pid: number, going: { stop(): void }): Promise<void> {
    going.stop();
    for (;;) {
      await this.pause();
      if (pendingTraps(pid).length === 0) break;
      await this.continue();
    }
    await this.detach();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Detaches and leaves the program running. Only while it is stopped, or nothing can trap. */
  async detach(): Promise<void> {
    await this.request('disconnect', { terminateDebuggee: false });
    this.#socket.destroy();
    await this.exited;
  }

  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const head = this.#buffer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.#buffer.toString('latin1', 0, head))?.[1]);
      const end = head + 4 + length;
      if (this.#buffer.length < end) return;
      const message: Message = JSON.parse(this.#buffer.toString('utf8', head + 4, end));
      this.#buffer = this.#buffer.subarray(end);
      this.#handle(message);
    }
  }

  #handle(message: Message): void {
    if (message.type === 'response' && message.request_seq !== undefined) {
      this.#waiting.get(message.request_seq)?.(message);
      this.#waiting.delete(message.request_seq);
    } else if (message.event === 'initialized') this.#sawInitialized();
    else if (message.event === 'stopped') {
      const stop = { reason: String(message.body?.reason), thread: Number(message.body?.threadId) };
      const taker = this.#onStop;
      this.#onStop = undefined;
      if (taker === undefined) this.#stops.push(stop);
      else taker(stop);
    }
  }
}

/** Attaches Delve to a process and lets it run. */
export const attachDelve = async (pid: number): Promise<DelveSession> => {
  const child = spawn(findDelve() ?? 'dlv', ['dap', '--listen=127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  if (child.stdout === null) throw new Error('Delve has no output');
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, found] = /listening at: \S+:(\d+)/.exec(line) ?? [];
      if (found !== undefined) resolve(Number(found));
    });
    child.once('exit', (code) => reject(new Error(`Delve ended with code ${code}`)));
  });
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const session = new DelveSession(child, socket);
  await session.attach(pid);
  return session;
};
