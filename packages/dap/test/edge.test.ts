/** The traps of @vscode/debugadapter 1.68.0's ProtocolServer, and the framing on both sides. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientEdge } from '../src/client/edge.js';
import type { Message } from '../src/core/message.js';
import { Decoder, encode } from '../src/delve/framing.js';

const edge = () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const messages: Message[] = [];
  let closings = 0;
  const sentences: string[] = [];
  const paces: string[] = [];
  const server = new ClientEdge(input, output, {
    onMessage: (message) => messages.push(message),
    onPace: (pace) => paces.push(pace),
    onUnreadable: (sentence) => sentences.push(sentence),
    onClosed: () => {
      closings += 1;
    },
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const written = (): readonly Message[] => new Decoder().push(output.read() ?? Buffer.alloc(0));
  return { input, output, server, messages, sentences, closings: () => closings, paces, turn, written };
};

const request = (seq: number, command = 'threads'): Message => ({ seq, type: 'request', command });

describe('the client edge', () => {
  it('sends a response that has a number already, and empty arguments of a request', () => {
    const { server, written } = edge();
    const response: Message = { seq: 7, type: 'response', request_seq: 1, success: true, command: 'x' };
    const reverse: Message = { seq: 8, type: 'request', command: 'runInTerminal', arguments: {} };
    server.send(response);
    server.send(reverse);
    expect(written()).toEqual([response, reverse]);
  });

  it('writes header and body together: apart they wait for each other on TCP', () => {
    const { server, output } = edge();
    const chunks: Buffer[] = [];
    output.on('data', (chunk: Buffer) => chunks.push(chunk));
    server.send(request(1));
    server.send(request(2));
    expect(chunks.map((chunk) => new Decoder().push(chunk))).toEqual([[request(1)], [request(2)]]);
  });

  it('takes responses of the client as well as requests', async () => {
    const { input, messages, turn } = edge();
    const response: Message = { seq: 1, type: 'response', request_seq: 3, success: true, command: 'runInTerminal' };
    input.write(encode(response));
    input.write(encode(request(2)));
    await turn();
    expect(messages).toEqual([response, request(2)]);
  });

  it.each([
    ['no JSON', '{"a":', /lost, because its body is no JSON\.$/],
    ['a list', '[1]', /lost, because it is neither a request nor/],
    ['null', 'null', /lost, because it is neither a request nor/],
    ['a number', '7', /lost, because it is neither a request nor/],
    [
      'a request without a number',
      '{"type":"request","command":"threads"}',
      /lost, because it is neither a request nor/,
    ],
  ])('says that a message is lost whose body is %s, and stays in step', async (_, body, says) => {
    const { input, messages, sentences, closings, turn } = edge();
    input.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
    input.write(encode(request(1)));
    await turn();
    expect(messages).toEqual([request(1)]);
    expect(sentences).toEqual([expect.stringMatching(says)]);
    expect(closings()).toBe(0);
  });

  it.each([
    [
      'a length that is none',
      'Content-Length: abc\r\n\r\n',
      /: its "Content-Length" is "abc", which is no length; the session/,
    ],
    [
      'a length of four gigabytes',
      'Content-Length: 4294967296\r\n\r\n{',
      /: it announces 4294967296 bytes, and 67108864 is/,
    ],
    ['lines without CR', 'Content-Length: 2\n\n{}', /: a line of its header does not end in CR LF: /],
    ['another protocol', 'GET / HTTP/1.1\r\n', /: it begins with "GET \/ HTTP\/1.1" and not with "Content-Length: "; /],
  ])('ends at %s, behind what came before', async (_, bytes, says) => {
    const { input, messages, sentences, closings, turn } = edge();
    input.write(encode(request(1)) + bytes);
    input.write(encode(request(2)));
    await turn();
    expect(messages).toEqual([request(1)]);
    expect(sentences).toEqual([expect.stringMatching(says)]);
    expect(closings()).toBe(1);
  });

  it('says once that the client is gone, also when only its end of the pipe ended', async () => {
    const { input, closings, turn } = edge();
    input.end();
    await turn();
    input.destroy();
    await turn();
    expect(closings()).toBe(1);
  });

  it('tells when its client falls behind, further behind, and has read everything', async () => {
    const { server, output, paces } = edge();
    const large: Message = { seq: 1, type: 'event', event: 'output', body: { output: 'x'.repeat(1024 * 1024) } };
    for (let sent = 0; sent < 4; sent += 1) server.send(large);
    expect(paces).toEqual(['slow']);
    for (let sent = 0; sent < 14; sent += 1) server.send(large);
    expect(paces).toEqual(['slow', 'full']);
    const read = once(output, 'drain');
    output.resume();
    await read;
    expect(paces).toEqual(['slow', 'full', 'free']);
    server.send(large);
    expect(paces).toHaveLength(3);
  });

  it('does not swallow a defect of its own listener', async () => {
    const input = new PassThrough();
    const caught: unknown[] = [];
    const previous = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => caught.push(error));
    new ClientEdge(input, new PassThrough(), {
      onMessage: () => {
        throw new Error('a defect');
      },
      onPace: () => undefined,
      onUnreadable: () => undefined,
      onClosed: () => undefined,
    });
    input.write(encode(request(1)));
    await new Promise((resolve) => setImmediate(resolve));
    for (const listener of previous) process.on('uncaughtException', listener);
    expect(caught).toMatchObject([{ message: 'a defect' }]);
  });
});

const anyMessage = fc
  .record({ seq: fc.nat(), command: fc.string({ minLength: 1 }), arguments: fc.jsonValue() })
  .map((fields): Message => ({ type: 'request', ...fields }));

describe('framing', () => {
  it('gives every message back, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (messages, cuts) => {
          const bytes = Buffer.from(messages.map(encode).join(''));
          const decoder = new Decoder();
          const seen: Message[] = [];
          let position = 0;
          for (const cut of [...cuts, bytes.length]) {
            seen.push(...decoder.push(bytes.subarray(position, position + cut)));
            position = Math.min(bytes.length, position + cut);
          }
          expect(seen).toEqual(JSON.parse(JSON.stringify(messages)));
        },
      ),
    );
  });

  it('begins in the middle of a stream', () => {
    const bytes = Buffer.from(encode(request(1)) + encode(request(2)));
    expect(new Decoder().push(bytes.subarray(30))).toEqual([request(2)]);
    const decoder = new Decoder();
    const cuts = [...bytes.subarray(30)].flatMap((_, index) => decoder.push(bytes.subarray(30 + index, 31 + index)));
    expect(cuts).toEqual([request(2)]);
  });

  it('refuses a length that cannot be', () => {
    expect(() => new Decoder().push(Buffer.from('Content-Length: -3\r\n\r\n'))).toThrow(RangeError);
  });
});
