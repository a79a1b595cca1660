/**
 * The client's side. @vscode/debugadapter's ProtocolServer reads; the core writes its own envelopes, because
 * ProtocolServer drops every response that has a `seq` already and empty `arguments` of requests, and keeps the process
 * alive for a reverse request's whole timeout. `DebugSession` is not used: it ends the process 100 ms after its input,
 * before gates could be disarmed.
 */
import type { Writable } from 'node:stream';
import { ProtocolServer } from '@vscode/debugadapter/lib/protocol.js';
import { asMessage, type Message } from '../core/message.js';
import type { Pace } from '../core/state/losses.js';
import { encode } from '../delve/framing.js';

/**
 * Bytes that may wait for a client that reads slowly: beyond these lines of probes are left out, and beyond those the
 * program's output too. Answers and stops are always sent.
 */
const slowBytes = 4 * 1024 * 1024;
const fullBytes = 4 * slowBytes;

export interface ClientListener {
  readonly onMessage: (message: Message) => void;
  /** Where it has changed; 'free' once everything has been read. */
  readonly onPace: (pace: Pace) => void;
  /** Once: end of input, a broken stream, or bytes that are no DAP. */
  readonly onClosed: (why: string | undefined) => void;
}

export class ClientEdge extends ProtocolServer {
  readonly #output: Writable;
  readonly #listener: ClientListener;
  #closed = false;
  #pace: Pace = 'free';

  constructor(input: NodeJS.ReadableStream, output: Writable, listener: ClientListener) {
    super();
    this.#output = output;
    this.#listener = listener;
    // Without a listener EventEmitter throws. A message that is no JSON is lost; the stream is still in step.
    this.on('error', (event: { readonly body?: unknown }) => {
      if (!String(event.body).startsWith('Error handling data')) this.#close(String(event.body));
    });
    output.on('drain', () => this.#setPace('free'));
    // Nobody reads what is said any more, even though the other direction is still open.
    output.on('error', () => this.#close(undefined));
    // A pipe that was ended by the other side says `end`; it says `close` only when our side is ended as well.
    input.once('end', () => this.#close(undefined));
    this.on('close', () => this.#close(undefined));
    this.start(input, output);
  }

  #close(why: string | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.onClosed(why);
  }

  override handleMessage(message: unknown): void {
    const known = asMessage(message);
    if (known === undefined) return;
    // ProtocolServer swallows what its listeners throw; a defect of ours must not look like a lost message.
    queueMicrotask(() => this.#listener.onMessage(known));
  }

  send(message: Message): void {
    if (!this.#output.writable) return;
    this.#output.write(encode(message));
    const waiting = this.#output.writableLength;
    if (waiting > fullBytes) this.#setPace('full');
    else if (waiting > slowBytes && this.#pace === 'free') this.#setPace('slow');
  }

  #setPace(pace: Pace): void {
    if (pace === this.#pace) return;
    this.#pace = pace;
    this.#listener.onPace(pace);
  }
}
