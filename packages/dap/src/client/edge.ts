/**
 * The client's side. @vscode/debugadapter's ProtocolServer reads; the core writes its own envelopes, because
 * ProtocolServer drops every response that has a `seq` already and empty `arguments` of requests, and keeps the process
 * alive for a reverse request's whole timeout. `DebugSession` is not used: it ends the process 100 ms after its input,
 * before gates could be disarmed.
 */
import { ProtocolServer } from '@vscode/debugadapter/lib/protocol.js';
import { asMessage, type Message } from '../core/message.js';
import { encode } from '../delve/framing.js';

export interface ClientListener {
  readonly onMessage: (message: Message) => void;
  /** Once: end of input, a broken stream, or bytes that are no DAP. */
  readonly onClosed: (why: string | undefined) => void;
}

export class ClientEdge extends ProtocolServer {
  readonly #output: NodeJS.WritableStream;
  readonly #listener: ClientListener;
  #closed = false;

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, listener: ClientListener) {
    super();
    this.#output = output;
    this.#listener = listener;
    // Without a listener EventEmitter throws. A message that is no JSON is lost; the stream is still in step.
    this.on('error', (event: { readonly body?: unknown }) => {
      if (!String(event.body).startsWith('Error handling data')) this.#close(String(event.body));
    });
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
    if (this.#output.writable) this.#output.write(encode(message));
  }
}
