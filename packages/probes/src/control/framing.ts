/** JSON-RPC messages from a socket or a pipe, read with limits. */
import type { Readable } from 'node:stream';
import { AbstractMessageReader, type DataCallback, type Disposable, Message } from 'vscode-jsonrpc';
import { FrameDecoder, FrameError, readJson } from '../framing.js';

/** Bytes of one message on a control socket. A list of 2,000 probes is below 1 MB. */
export const messageLimit = 4 * 1024 * 1024;

export interface BoundedReaderOptions {
  readonly stream: Readable;
  /** Bytes of one body. */
  readonly limit: number;
  /** Throws `FrameError` for what is no message. */
  readonly read?: (body: Buffer) => Message;
}

/** Reads messages; after the first byte that is none, which `onError` is told of as a `FrameError`, it reads nothing more. */
export class BoundedReader extends AbstractMessageReader {
  readonly #stream: Readable;
  readonly #decoder: FrameDecoder;
  readonly #read: (body: Buffer) => Message;

  constructor({ stream, limit, read = readMessage }: BoundedReaderOptions) {
    super();
    this.#stream = stream;
    this.#decoder = new FrameDecoder(limit);
    this.#read = read;
  }

  override listen(callback: DataCallback): Disposable {
    const stream = this.#stream;
    const onData = (chunk: Buffer): void => {
      try {
        for (const body of this.#decoder.push(chunk)) callback(this.#read(body));
      } catch (error) {
        stream.off('data', onData);
        this.fireError(error);
      }
    };
    const onError = (error: Error): void => this.fireError(error);
    const onClose = (): void => this.fireClose();
    stream.on('data', onData);
    stream.on('error', onError);
    stream.on('close', onClose);
    return {
      dispose: () => {
        stream.off('data', onData);
        stream.off('error', onError);
        stream.off('close', onClose);
      },
    };
  }
}

/** Throws `FrameError`: the connection takes the shape on trust. */
export const readMessage = (body: Buffer): Message => {
  const value = readJson(body);
  if (!isMessage(value)) throw new FrameError('its body is JSON, but no JSON-RPC message');
  return value;
};

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  'jsonrpc' in value &&
  value.jsonrpc === '2.0' &&
  // An answer without a result is nobody's; some editors send such.
  ('id' in value || Message.isNotification(value as Message));
