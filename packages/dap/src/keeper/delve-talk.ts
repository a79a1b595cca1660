/** Requests to Delve over a connection that somebody else began: answers are awaited, everything else is skipped. */
import type { Socket } from 'node:net';
import { type Message, numberOf, objectOf, type Response } from '../core/message.js';
import { Decoder, encode } from '../delve/framing.js';
import { HaltWatch } from '../delve/halt-watch.js';

/** Above every number that the adapter has used. */
const firstSeq = 1_000_000_000;

/** Delve's error id for what it cannot answer while the program runs (service/dap/error_ids.go, DebuggeeIsRunning). */
const debuggeeIsRunning = 4000;

/**
 * Milliseconds. Delve answers everything but `pause` at once, and that when the program stands; on the busiest machine
 * that took seconds. Whoever is silent for longer hangs, and must not keep the keeper for ever.
 */
const answerPatienceMs = 60_000;

export class DelveTalk {
  readonly #socket: Socket;
  readonly #halts: HaltWatch;
  readonly #decoder = new Decoder();
  readonly #waiting = new Map<number, (response: Response | undefined) => void>();
  #stops: (() => void)[] = [];
  #seq = firstSeq;
  #gone = false;

  /** @param tracee the process that Delve has, where it is known. */
  constructor(socket: Socket, tracee?: number) {
    this.#socket = socket;
    this.#halts = new HaltWatch({ tracee: () => tracee });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => this.#lost());
    socket.on('close', () => this.#lost());
  }

  /** False when Delve refuses, or is gone. */
  async request(command: string, args: unknown): Promise<boolean> {
    return (await this.#ask(command, args))?.success === true;
  }

  /**
   * Whether the program runs, by Delve's own word: a stop or a continue may have passed between Delve and the adapter
   * just before the adapter was killed, and nobody heard of it.
   */
  async isRunning(): Promise<boolean> {
    const answer = await this.#ask('stackTrace', { threadId: 1, startFrame: 0, levels: 1 });
    return numberOf(objectOf(objectOf(answer?.body).error).id) === debuggeeIsRunning;
  }

  #ask(command: string, args: unknown): Promise<Response | undefined> {
    if (this.#gone) return Promise.resolve(undefined);
    const seq = this.#seq++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#lost(), answerPatienceMs);
      this.#waiting.set(seq, (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      const request = { seq, type: 'request', command, arguments: args } as const;
      this.#halts.sent(request);
      this.#socket.write(encode(request));
    });
  }

  /** Resolves at the next stop, when there will be none, or when `patienceMs` are over. */
  nextStop(patienceMs: number): Promise<void> {
    if (this.#gone) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#stops.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #read(chunk: Buffer): void {
    // The adapter may have read the first half of a message: the decoder begins at the next header.
    for (const message of this.#decoder.push(chunk)) this.#take(message);
  }

  #take(message: Message): void {
    this.#halts.heard(message);
    if (message.type === 'response') {
      this.#waiting.get(message.request_seq)?.(message);
      this.#waiting.delete(message.request_seq);
    } else if (message.type === 'event' && message.event === 'stopped') {
      this.#wake();
    } else if (message.type === 'event' && message.event === 'terminated') {
      this.#lost();
    }
  }

  #wake(): void {
    const stops = this.#stops;
    this.#stops = [];
    for (const stop of stops) stop();
  }

  #lost(): void {
    this.#gone = true;
    this.#halts.close();
    for (const answer of this.#waiting.values()) answer(undefined);
    this.#waiting.clear();
    this.#wake();
  }
}
