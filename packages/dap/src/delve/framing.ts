/** DAP's framing, both ways, without an event emitter: `Content-Length: N`, empty line, N bytes of JSON. */
import { asMessage, type Message } from '../core/message.js';

const separator = Buffer.from('\r\n\r\n');
const headerStart = Buffer.from('Content-Length:');
/** Bytes. A message is built in memory by either side; Delve's largest (threads, variables) stay far below. */
export const largestMessage = 256 * 1024 * 1024;

/** One buffer, so that one write sends header and body: two writes cost 40 ms (Nagle and delayed ACK). */
export const encode = (message: Message): string => {
  const json = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
};

/** For a reader that begins in the middle of a stream: see `FrameDecoder` of probes for one that does not. */
export class Decoder {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes needed before it is worth looking again. */
  #wanted = 0;

  /**
   * Takes the next bytes and gives back the messages that they complete. Bytes before a header are skipped, so that a
   * reader may begin in the middle of a stream. Throws on a length that cannot be.
   */
  push(chunk: Buffer): Message[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return [];
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const messages: Message[] = [];
    this.#wanted = 0;
    for (;;) {
      const start = rest.indexOf(headerStart);
      if (start < 0) rest = rest.subarray(-headerStart.length);
      const end = start < 0 ? -1 : rest.indexOf(separator, start);
      if (end < 0) break;
      const length = Number(rest.toString('latin1', start + headerStart.length, end).split('\r\n')[0]);
      if (!Number.isInteger(length) || length < 0 || length > largestMessage)
        throw new RangeError(`A message of ${length} bytes was announced.`);
      const body = end + separator.length;
      if (rest.length < body + length) {
        this.#wanted = body + length;
        break;
      }
      const message = asMessage(JSON.parse(rest.toString('utf8', body, body + length)));
      if (message !== undefined) messages.push(message);
      rest = rest.subarray(body + length);
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    return messages;
  }
}
