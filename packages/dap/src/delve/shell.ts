/** Delve's side of a session: found, started, spoken to, and gone at the end. */

import type { Socket } from 'node:net';
import type { Input } from '../core/input.js';
import type { Message } from '../core/message.js';
import { AdapterError, errors, sentenceOf } from '../errors.js';
import { peerProcess } from '../kernel/peer-process.js';
import { tracedBy } from '../kernel/target.js';
import type { DapOptions } from '../options.js';
import { type Attached, attachedBy, continueAbandoned, isLeftStopped } from './abandoned.js';
import { connectDelve, type DelveConnection, talkToDelve } from './connection.js';
import { findDelve } from './find.js';
import { HaltWatch } from './halt-watch.js';
import type { DelveProcess } from './start.js';
import { remoteWarning, WholeAttach } from './whole-attach.js';

/**
 * Delve ends by itself when its session does; a target that hangs in the kernel may keep it longer. On a busy machine
 * detaching takes seconds, and whoever ends Delve meanwhile ends a program that was to live on.
 */
const endPatienceMs = 10_000;
/** One that has refused to start a program, or has let go of it, holds none: nothing is harmed when it is not waited for. */
const idlePatienceMs = 500;
/** From its word that it has let go to its end; the last that the program has printed comes meanwhile. */
const lastWordsMs = 5_000;

/** Delve answers `initialize` at once, whatever its program does. */
const remotePatienceMs = 30_000;

export class DelveShell {
  readonly #options: DapOptions;
  readonly #tell: (input: Input) => void;
  #process: DelveProcess | undefined;
  #connection: DelveConnection | undefined;
  #closed: Promise<void> = Promise.resolve();

  constructor(options: DapOptions, tell: (input: Input) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  /** Of a Delve that this session has started. */
  get ownPid(): number | undefined {
    return this.#process?.pid;
  }

  /** Of a Delve that was only connected to: where it can be seen from here. */
  get pid(): number | undefined {
    const socket = this.#connection?.socket;
    return this.#process?.pid ?? (socket === undefined ? undefined : peerProcess(socket));
  }

  /** The process that it has, where that can be seen. */
  get #tracee(): number | undefined {
    const { pid } = this;
    return pid === undefined ? undefined : tracedBy(pid);
  }

  get socket(): NodeJS.ReadableStream | undefined {
    return this.#connection?.socket;
  }

  get ownOutput(): readonly NodeJS.ReadableStream[] {
    return this.#process === undefined ? [] : [this.#process.streams.stdout, this.#process.streams.stderr];
  }

  #starting: Promise<void> = Promise.resolve();
  #ending = false;
  /** Nobody waits any more for a Delve that has not come yet. */
  readonly #abandoned = new AbortController();

  start(path: string | undefined, flags: readonly string[]): Promise<void> {
    this.#starting = this.#start(path, flags);
    return this.#starting;
  }

  async #start(path: string | undefined, flags: readonly string[]): Promise<void> {
    const found = findDelve({
      argument: path,
      option: this.#options.delvePath,
      env: process.env,
      directory: process.cwd(),
      script: process.argv[1],
    });
    try {
      if (!found.ok) throw new AdapterError(errors.delveNotFound(found.searched));
      if (await this.#launch(found.path, flags)) this.#tell({ kind: 'delve-connected' });
    } catch (error) {
      const user =
        error instanceof AdapterError ? error.user : errors.delveDidNotStart(path ?? 'dlv', sentenceOf(error));
      this.#tell({ kind: 'delve-failed', error: user });
    }
  }

  /** False: the session ended meanwhile, and nobody will speak to this one. */
  async #launch(path: string, flags: readonly string[]): Promise<boolean> {
    // With it comes what starts processes: only then, so that the server listens sooner.
    const { startDelve } = await import('./start.js');
    const print = (text: string, stream: 'stdout' | 'stderr'): void => this.#print(text, stream);
    const running = await startDelve(path, flags, print, this.#abandoned.signal);
    this.#process = running;
    this.#again = () => this.#attachAgain(running, path, flags);
    void running.ended.then(({ killed }) => {
      const attached = this.#attached;
      if (attached !== undefined && (killed || isLeftStopped(attached))) continueAbandoned(attached);
    });
    if (this.#ending) running.socket.destroy();
    else this.#talk(running.socket);
    return !this.#ending;
  }

  readonly #whole = new WholeAttach();
  #again: (() => Promise<void>) | undefined;

  /** Nothing is written yet, and the program stands: it lives on without Delve. */
  async #attachAgain(old: DelveProcess, path: string, flags: readonly string[]): Promise<void> {
    this.#connection?.send({
      // Ids of requests grow; this one is the last, and its answer is read by nobody.
      seq: 1_000_000,
      type: 'request',
      command: 'disconnect',
      arguments: { terminateDebuggee: false },
    });
    const terminate = setTimeout(() => old.kill('SIGTERM'), endPatienceMs);
    const kill = setTimeout(() => old.kill('SIGKILL'), 2 * endPatienceMs);
    await old.ended;
    clearTimeout(terminate);
    clearTimeout(kill);
    try {
      if (this.#ending || !(await this.#launch(path, flags))) return;
      const greeting = this.#whole.nextFor(undefined);
      if (greeting !== undefined) this.#connection?.send(greeting);
    } catch (error) {
      this.#print(`Delve could not be started again: ${sentenceOf(error)}\n`, 'stderr');
      this.#tell({ kind: 'delve-closed' });
    }
  }

  async connect(host: string, port: number): Promise<void> {
    try {
      const socket = await connectDelve(host, port, this.#abandoned.signal);
      this.#talk(socket);
      this.#awaitWord(socket, `${host}:${port}`);
      this.#tell({ kind: 'delve-connected' });
    } catch (error) {
      this.#tell({ kind: 'delve-failed', error: errors.delveUnreachable(`${host}:${port}`, sentenceOf(error)) });
    }
  }

  /** Whatever listens there may not be a Delve, and not say so. */
  #awaitWord(socket: Socket, address: string): void {
    const timer = setTimeout(() => {
      const seconds = remotePatienceMs / 1000;
      this.#print(`Whoever listens at ${address} has not answered for ${seconds} seconds, as Delve would.\n`, 'stderr');
      socket.destroy();
    }, remotePatienceMs);
    const stop = (): void => clearTimeout(timer);
    socket.once('data', stop);
    socket.once('close', stop);
  }

  #talk(socket: Socket): void {
    let left = false;
    this.#closed = new Promise((resolve) => {
      this.#connection = talkToDelve(socket, {
        onMessage: (message) => {
          if (left) return;
          this.#halts.heard(message);
          left = this.#hear(message);
        },
        onClosed: (broken) => {
          resolve();
          this.#halts.close();
          if (broken !== undefined) this.#print(`What Delve has sent is no DAP message: ${broken}.\n`, 'stderr');
          if (!left) this.#tell({ kind: 'delve-closed' });
        },
      });
    });
  }

  /** True when this Delve is left for another one, and what more it says is nobody's. */
  #hear(message: Message): boolean {
    const heard = this.#again === undefined ? 'tell' : this.#whole.hears(message, () => this.#tracee);
    if (heard === 'attach-again' && this.#again !== undefined) {
      this.#starting = this.#again();
      return true;
    }
    if (heard === 'leave-out') {
      const next = this.#whole.nextFor(message);
      if (next !== undefined) this.#connection?.send(next);
      return false;
    }
    const isRemote = this.#again === undefined && message.type === 'event' && message.event === 'initialized';
    const warning = isRemote ? remoteWarning(this.#tracee) : this.#whole.warning();
    if (warning !== undefined) this.#print(warning, 'stderr');
    this.#tell({ kind: 'delve-message', message });
    this.#watchLeaving(message);
    for (const waited of this.#whole.release()) this.#connection?.send(waited);
    return false;
  }

  /** Its last launch failed, or it has let go of its program. */
  #idle = false;
  #stuck: NodeJS.Timeout | undefined;

  /**
   * Delve 1.27 opens the pipes of outputMode "remote" before it starts the program, and waits for their end before the
   * session's: after a launch that failed it answers `disconnect` and then hangs (server.go, preTerminatedWG), and so it does
   * behind a program that has left another one running, which holds its output.
   */
  #watchLeaving(message: Message): void {
    if (message.type === 'event' && message.event === 'terminated') clearTimeout(this.#stuck);
    if (message.type !== 'response') return;
    if (message.command === 'launch') this.#idle = !message.success;
    if (message.command !== 'disconnect' || !(this.#idle || (message.success && this.#process !== undefined))) return;
    const patienceMs = this.#idle ? idlePatienceMs : lastWordsMs;
    this.#idle = true;
    this.#stuck = setTimeout(() => {
      this.#tell({ kind: 'delve-message', message: { seq: 0, type: 'event', event: 'terminated' } });
      this.#connection?.socket.destroy();
    }, patienceMs);
  }

  /** What Delve itself prints (its log, with dlvFlags), and the program's output in outputMode "local". */
  #print(text: string, category: 'stdout' | 'stderr'): void {
    this.#tell({
      kind: 'delve-message',
      message: { seq: 0, type: 'event', event: 'output', body: { category, output: text } },
    });
  }

  readonly #halts = new HaltWatch({ tracee: () => this.#tracee });
  #attached: Attached | undefined;

  send(message: Message): void {
    this.#attached ??= attachedBy(message);
    if (!this.#whole.sends(message)) return;
    this.#halts.sent(message);
    this.#connection?.send(message);
  }

  close(): void {
    this.#connection?.close();
  }

  /** Resolves when the connection is closed and the process is gone. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#abandoned.abort();
    await this.#starting;
    const connection = this.#connection;
    connection?.close();
    const running = this.#process;
    if (running === undefined) {
      const hangUp = setTimeout(() => connection?.socket.destroy(), endPatienceMs);
      await this.#closed;
      clearTimeout(hangUp);
      return;
    }
    const patienceMs = this.#idle ? idlePatienceMs : endPatienceMs;
    const terminate = setTimeout(() => running.kill('SIGTERM'), patienceMs);
    const kill = setTimeout(() => running.kill('SIGKILL'), 2 * patienceMs);
    await running.ended;
    clearTimeout(this.#stuck);
    clearTimeout(terminate);
    clearTimeout(kill);
    this.#connection?.socket.destroy();
    await this.#closed;
  }
}
