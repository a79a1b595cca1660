/** What comes to the language server is no message of its protocol. */
import { PassThrough } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { serveLanguage } from '../src/index.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it('ends it with one sentence', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const input = new PassThrough();
  const ended = serveLanguage({ input, output: new PassThrough(), version: '0.0.0-test' });
  input.write('Content-Length: abc\r\n\r\n{}');
  expect(await ended).toBe(1);
  expect(said.mock.calls.map(([text]) => text)).toEqual([
    'probelens lsp: ended, because what came is no message of its protocol: its "Content-Length" is "abc", which is no length\n',
  ]);
});

it('leaves alone an answer without a result, as some editors send', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const ended = serveLanguage({ input, output, version: '0.0.0-test' });
  const send = (message: object): void => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    input.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
  };
  send({ id: 7 });
  send({ id: 1, method: 'shutdown' });
  let answers = '';
  for await (const chunk of output) {
    answers += String(chunk);
    if (answers.includes('"id":1')) break;
  }
  send({ method: 'exit' });
  expect(await ended).toBe(0);
});
