/**
 * Content-Length framing with limits, because anything can connect to a socket: vscode-jsonrpc's own reader collects
 * whatever length a peer announces.
 */
import type { Socket } from 'node:net';
import { AbstractMessageReader, type DataCallback, type Disposable, Message } from 'vscode-jsonrpc';

/** Bytes of one message. A list of 2,000 probes is below 1 MB. */
export const messageLimit = 4 * 1024 * 1024;

/** Bytes of one header block; the only header we send has under 40. */
const headerLimit = 1024;

const separator = Buffer.from('\r\n\r\n');

/** Bytes in, message bodies out. Throws RangeError or SyntaxError on what no client of ours would send. */
export class FrameDecoder {
  private pending: Buffer = Buffer.alloc(0);
  private bodyLength: number | undefined;

  push(chunk: Uint8Array): Buffer[] {
    this.pending = this.pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.pending, chunk]);
    const bodies: Buffer[] = [];
    for (;;) {
      this.bodyLength ??= this.takeHeader();
      if (this.bodyLength === undefined || this.pending.length < this.bodyLength) return bodies;
      bodies.push(this.pending.subarray(0, this.bodyLength));
      this.pending = this.pending.subarray(this.bodyLength);
      this.bodyLength = undefined;
    }
  }

  private takeHeader(): number | undefined {
    const end = this.pending.subarray(0, headerLimit).indexOf(separator);
    if (end < 0) {
      if (this.pending.length >= headerLimit) throw new SyntaxError(`no end of header in ${headerLimit} bytes`);
      return undefined;
    }
    const header = this.pending.toString('latin1', 0, end);
    const length = /^content-length: *(\d{1,10})$/im.exec(header)?.[1];
    if (length === undefined) throw new SyntaxError('header without Content-Length');
    if (Number(length) > messageLimit) throw new RangeError(`message of ${length} bytes, limit ${messageLimit}`);
    this.pending = this.pending.subarray(end + separator.length);
    return Number(length);
  }
}

/** Reads JSON-RPC messages from a socket; destroys it at the first byte that is none. */
export class BoundedReader extends AbstractMessageReader {
  private readonly decoder = new FrameDecoder();

  constructor(private readonly socket: Socket) {
    super();
  }

  override listen(callback: DataCallback): Disposable {
    const onData = (chunk: Buffer): void => {
      try {
        for (const body of this.decoder.push(chunk)) {
          const message: unknown = JSON.parse(body.toString('utf8'));
          if (!isMessage(message)) throw new SyntaxError('JSON that is no JSON-RPC message');
          callback(message);
        }
      } catch (error) {
        this.fireError(error);
        this.socket.destroy();
      }
    };
    const onClose = (): void => this.fireClose();
    this.socket.on('data', onData);
    this.socket.once('close', onClose);
    return {
      dispose: () => {
        this.socket.off('data', onData);
        this.socket.off('close', onClose);
      },
    };
  }
}

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  // Checked here because the connection takes the shape on trust.
  'jsonrpc' in value &&
  value.jsonrpc === '2.0' &&
  (Message.isRequest(value as Message) ||
    Message.isNotification(value as Message) ||
    Message.isResponse(value as Message));
