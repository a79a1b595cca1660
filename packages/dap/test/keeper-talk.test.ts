/** What the keeper hears from Delve, and for how long it waits. */
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { encode } from '../src/delve/framing.js';
import { DelveTalk } from '../src/keeper/delve-talk.js';

const server = createServer();
let delve: Socket;
let talk: DelveTalk;

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const socket = new Socket();
  const came = once(server, 'connection');
  socket.connect(address.port, '127.0.0.1');
  [delve] = await came;
  talk = new DelveTalk(socket);
});
afterEach(() => {
  vi.useRealTimers();
  delve.destroy();
  server.close();
});

it('is a refusal when Delve hangs, for whatever is asked then', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const cleared = talk.request('setBreakpoints', {});
  const stopped = talk.nextStop(5_000);
  vi.advanceTimersByTime(60_000);
  expect(await cleared).toBe(false);
  await stopped;
  expect(await talk.request('disconnect', {})).toBe(false);
  expect(await talk.isRunning()).toBe(false);
});

it('is what Delve says, also behind the second half of an answer to the adapter', async () => {
  const running = talk.isRunning();
  const [bytes] = await once(delve, 'data');
  const asked = JSON.parse(String(bytes).split('\r\n\r\n')[1] ?? '');
  const body = { error: { id: 4000 } };
  const answer = {
    seq: 0,
    type: 'response',
    request_seq: asked.seq,
    success: false,
    command: asked.command,
    body,
  } as const;
  delve.write(`mand":"threads"}${encode(answer)}`);
  expect(await running).toBe(true);
});
