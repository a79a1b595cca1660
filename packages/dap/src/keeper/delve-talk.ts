/** Requests to Delve over a connection that somebody else began: answers are awaited, everything else is skipped. */
import type { Socket } from 'node:net';
import type { Message } from '../core/message.js';
import { Decoder, encode } from '../delve/framing.js';

/** Above every number that the adapter has used. */
const firstSeq = 1_000_000_000;

export class DelveTalk {
  readonly #socket: Socket;
  readonly #decoder = new Decoder();
  readonly #waiting = new Map<number, (success: boolean) => void>();
  #stops: (() => void)[] = [];
  #seq = firstSeq;
  #gone = false;
  running: boolean;

  constructor(socket: Socket, running: boolean) {
    this.#socket = socket;
    this.running = running;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => this.#lost());
    socket.on('close', () => this.#lost());
  }

  /** False when Delve refuses, or is gone. */
  request(command: string, args: unknown): Promise<boolean> {
    if (this.#gone) return Promise.resolve(false);
    const seq = this.#seq++;
    if (command === 'continue') this.running = true;
    return new Promise((resolve) => {
      this.#waiting.set(seq, resolve);
      this.#socket.write(encode({ seq, type: 'request', command, arguments: args }));
    });
  }

  /** Resolves at the next stop, or when there will be none. */
  nextStop(): Promise<void> {
    if (this.#gone) return Promise.resolve();
    return new Promise((resolve) => this.#stops.push(resolve));
  }

  #read(chunk: Buffer): void {
    // The adapter may have read the first half of a message: the decoder begins at the next header.
    for (const message of this.#decoder.push(chunk)) this.#take(message);
  }

  #take(message: Message): void {
    if (message.type === 'response') {
      this.#waiting.get(message.request_seq)?.(message.success);
      this.#waiting.delete(message.request_seq);
    } else if (message.type === 'event' && message.event === 'stopped') {
      this.running = false;
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
    this.running = false;
    for (const answer of this.#waiting.values()) answer(false);
    this.#waiting.clear();
    this.#wake();
  }
}
