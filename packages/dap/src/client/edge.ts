/**
 * The client's side. @vscode/debugadapter's ProtocolServer reads; the core writes its own envelopes, because
 * ProtocolServer drops every response that has a `seq` already and empty `arguments` of requests, and keeps the process
 * alive for a reverse request's whole timeout. `DebugSession` is not used: it ends the process 100 ms after its input,
 * before gates could be disarmed.
 */
import { Readable, type Writable } from 'node:stream';
import { FrameDecoder, FrameError } from '@probelens/probes/framing';
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
/** Bytes of one message of a client's; the largest that editors send are texts to be evaluated. */
const largestMessage = 64 * 1024 * 1024;

export interface ClientListener {
  readonly onMessage: (message: Message) => void;
  /** Where it has changed; 'free' once everything has been read. */
  readonly onPace: (pace: Pace) => void;
  /** A sentence for the person: something of the client's was no message. */
  readonly onUnreadable: (sentence: string) => void;
  /** Once: end of input, a broken stream, or bytes that are no DAP. */
  readonly onClosed: () => void;
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
    // Without a listener EventEmitter throws. Streams that break are closed as well.
    this.on('error', (event: { readonly body?: unknown }) => {
      if (String(event.body).startsWith('Error handling data')) this.#lose('its body is no JSON');
    });
    output.on('drain', () => this.#setPace('free'));
    // Nobody reads what is said any more, even though the other direction is still open.
    output.on('error', () => this.#close());
    input.on('error', () => this.#close());
    input.once('close', () => this.#close());
    // A pipe that was ended by the other side says `end`; it says `close` only when our side is ended as well.
    input.once('end', () => this.#close());
    this.start(this.#framed, output);
    const frames = new FrameDecoder(largestMessage);
    input.on('data', (chunk: Buffer) => this.#read(frames, chunk));
  }

  /** What ProtocolServer reads: whole messages only. It takes any length for granted, and waits for ever for none. */
  readonly #framed = new Readable({ read: () => undefined });

  #broken = false;

  #read(frames: FrameDecoder, chunk: Buffer): void {
    if (this.#broken) return;
    try {
      for (const body of frames.push(chunk)) {
        this.#framed.push(`Content-Length: ${body.length}\r\n\r\n`);
        if (body.length > 0) this.#framed.push(body);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#broken = true;
      this.#say(`What the editor has sent is no DAP message: ${error.message}; the session ends.`);
      queueMicrotask(() => this.#close());
    }
  }

  /** One message; the stream is still in step. */
  #lose(why: string): void {
    this.#say(`A message of the editor's is lost, because ${why}.`);
  }

  /** Behind the messages that came before it. */
  #say(sentence: string): void {
    queueMicrotask(() => this.#listener.onUnreadable(sentence));
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.onClosed();
  }

  override handleMessage(message: unknown): void {
    const known = asMessage(message);
    if (known === undefined) {
      this.#lose('it is neither a request nor a response nor an event of DAP');
      return;
    }
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
