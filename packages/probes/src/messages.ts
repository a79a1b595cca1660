/**
 * How both ends of the agent's protocol read and write: JSON-RPC, with records of probes as they are.
 *
 * A body that begins with anything but "{" is records. They begin with the length of the first one, which is a multiple
 * of 8, little endian; the character's code is not.
 */
import type { Readable, Writable } from 'node:stream';
import { AbstractMessageWriter, type Message, type MessageWriter } from 'vscode-jsonrpc/node';
import { type Records, RecordsNotification } from './agent/protocol.js';
import { BoundedReader, readMessage } from './control/framing.js';

const OBJECT = '{'.charCodeAt(0);

/** Bytes of one message: a plan for every function of a large program has tens of millions, a full ring of records eight. */
const MESSAGE_LIMIT = 256 * 1024 * 1024;

interface RecordsMessage extends Message {
  readonly method: string;
  readonly params: Records;
}

const isRecords = (message: Message): message is RecordsMessage =>
  'method' in message && message.method === RecordsNotification.method;

/** @param onRecords is told how many bytes of records have come, before they are handled. */
export const messageReader = (stream: Readable, onRecords?: (bytes: number) => void): BoundedReader => {
  const read = (body: Buffer): Message => {
    if (body[0] === OBJECT || onRecords === undefined) return readMessage(body);
    onRecords(body.length);
    const records: RecordsMessage = { jsonrpc: '2.0', method: RecordsNotification.method, params: { bytes: body } };
    return records;
  };
  return new BoundedReader({ stream, limit: MESSAGE_LIMIT, read });
};

/** Header and body leave in one system call: the other end wakes once for each message. */
class OneWriteMessageWriter extends AbstractMessageWriter implements MessageWriter {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    super();
    this.#stream = stream;
    stream.on('error', (error) => this.fireError(error));
    stream.on('close', () => this.fireClose());
  }

  /** Resolves when the bytes have left this process. */
  write(message: Message): Promise<void> {
    const body = isRecords(message) ? message.params.bytes : Buffer.from(JSON.stringify(message), 'utf8');
    return new Promise((resolve, reject) => {
      this.#stream.cork();
      this.#stream.write(`Content-Length: ${body.length}\r\n\r\n`, 'latin1');
      this.#stream.write(body, (error) => {
        if (error === undefined || error === null) {
          resolve();
          return;
        }
        this.fireError(error, message);
        reject(error);
      });
      this.#stream.uncork();
    });
  }

  end(): void {
    this.#stream.end();
  }
}

export const messageWriter = (stream: Writable): MessageWriter => new OneWriteMessageWriter(stream);
