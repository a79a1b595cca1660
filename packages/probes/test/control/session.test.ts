import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type ControlClient,
  ControlError,
  type ControlHandlers,
  type ControlListener,
  type ControlProbe,
  type ControlTimelineEntry,
  connectControl,
  listenControl,
  liveSessions,
} from '../../src/control/index.js';

/** A session whose probes are only numbers; tells its clients, as the adapter does. */
class FakeSession implements ControlHandlers {
  readonly probes = new Map<number, ControlProbe>();
  listener: ControlListener | undefined;
  private next = 1;

  async add({ text }: { readonly text: string }): Promise<ControlProbe> {
    if (text.includes('nosuch')) throw new ControlError('unknown-function', 'There is no function main.nosuch.');
    if (text.includes('crash')) throw new TypeError('undefined is not a function');
    if (text.includes('hang')) return new Promise(() => undefined);
    const probe = { id: this.next++, text, function: text.split(' ')[0], state: 'armed', hits: 0 } as const;
    this.probes.set(probe.id, probe);
    this.listener?.changed([probe]);
    return probe;
  }

  async remove(id: number): Promise<ControlProbe> {
    const probe = this.probes.get(id);
    if (probe === undefined) throw new ControlError('no-such-probe', `There is no probe ${id}.`);
    this.probes.delete(id);
    const removed = { ...probe, state: 'removed' } as const;
    this.listener?.changed([removed]);
    return removed;
  }

  async list(): Promise<readonly ControlProbe[]> {
    return [...this.probes.values()];
  }

  timelineEntries: ControlTimelineEntry[] = [];
  async timeline(goroutine: number | undefined) {
    const entries = this.timelineEntries.filter((entry) => goroutine === undefined || entry.goroutine === goroutine);
    return { entries, dropped: 3 };
  }
}

const nextChange = (client: ControlClient): Promise<readonly ControlProbe[]> =>
  new Promise((resolve) => client.onChanged(resolve));
const closed = (client: ControlClient): Promise<void> => new Promise((resolve) => client.onClosed(resolve));

let directory: string;
let session: FakeSession;
let listener: ControlListener;
const problems: string[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'control-'));
  chmodSync(directory, 0o700);
  session = new FakeSession();
  problems.length = 0;
  listener = await listenControl(session, undefined, { directory, onProblem: (text) => problems.push(text) });
  session.listener = listener;
});
afterEach(async () => {
  await listener.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('two clients of one session', () => {
  test('see each other’s probes and every change', async () => {
    const [one, two] = await Promise.all([connectControl(listener.session), connectControl(listener.session)]);
    const seen = nextChange(two);
    const probe = await one.add({ text: 'main.price do count', where: { file: '/srv/main.go', line: 19 } });
    expect(probe).toEqual({ id: 1, text: 'main.price do count', function: 'main.price', state: 'armed', hits: 0 });
    expect(await seen).toEqual([probe]);
    expect(await two.list()).toEqual([probe]);
    const gone = nextChange(one);
    expect(await two.remove(1)).toMatchObject({ id: 1, state: 'removed' });
    expect(await gone).toMatchObject([{ id: 1, state: 'removed' }]);
    one.dispose();
    two.dispose();
  });

  test('go on when the other breaks off in the middle of a message', async () => {
    const rude = await dial(listener.session.socket);
    rude.write('Content-Length: 100\r\n\r\n{"jsonrpc"');
    const polite = await connectControl(listener.session);
    rude.destroy();
    expect(await polite.add({ text: 'main.price do count' })).toMatchObject({ id: 1 });
    polite.dispose();
  });
});

describe('answers', () => {
  test('a refusal arrives with its code and sentence', async () => {
    const client = await connectControl(listener.session);
    await expect(client.add({ text: 'main.nosuch do count' })).rejects.toMatchObject({
      name: 'ControlError',
      code: 'unknown-function',
      message: 'There is no function main.nosuch.',
    });
    await expect(client.remove(9)).rejects.toMatchObject({ code: 'no-such-probe' });
    await expect(client.add({ text: '  ' })).rejects.toMatchObject({ code: 'bad-request' });
    client.dispose();
  });

  test('a failure inside the session is no stack trace for the client, and is told to the session', async () => {
    const client = await connectControl(listener.session);
    const failure = await client.add({ text: 'main.crash do count' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'session-failed' });
    expect(String(failure)).not.toContain('not a function');
    expect(problems.join()).toContain('not a function');
    client.dispose();
  });

  test('a session that does not answer is said to be silent', async () => {
    const client = await connectControl(listener.session, { patience: 50 });
    await expect(client.add({ text: 'main.hang do count' })).rejects.toMatchObject({ code: 'session-silent' });
    client.dispose();
  });
});

describe('the timeline', () => {
  const entry = (goroutine: number, text: string): ControlTimelineEntry => ({
    time: '18446744073709551615',
    goroutine,
    kind: 'hit',
    text,
  });

  test('arrives whole, or of one goroutine', async () => {
    session.timelineEntries = [entry(19, 'one'), entry(20, 'two')];
    const client = await connectControl(listener.session);
    expect(await client.timeline()).toEqual({ entries: session.timelineEntries, dropped: 3 });
    expect(await client.timeline(20)).toEqual({ entries: [entry(20, 'two')], dropped: 3 });
    await expect(client.timeline(-1)).rejects.toMatchObject({ code: 'bad-request' });
    client.dispose();
  });

  test('that is larger than a message loses its oldest entries, and says how many', async () => {
    session.timelineEntries = Array.from({ length: 30 }, (_, index) => entry(1, `${index} ${'x'.repeat(300_000)}`));
    const client = await connectControl(listener.session);
    const { entries, dropped } = await client.timeline();
    expect(entries.at(-1)?.text).toMatch(/^29 /);
    expect(entries.length).toBeGreaterThan(5);
    expect(entries.length + dropped).toBe(33);
    client.dispose();
  });

  test('of a session that knows of none is refused with what to do', async () => {
    const old = createServer((socket) => {
      socket.on('data', (bytes) => {
        const { id } = JSON.parse(bytes.toString().split('\r\n\r\n')[1] ?? '');
        const body = JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Unhandled method' } });
        socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
      });
    });
    const socket = join(directory, 'old.sock');
    await new Promise<void>((resolve) => old.listen(socket, resolve));
    const client = await connectControl({ ...listener.session, socket });
    await expect(client.timeline()).rejects.toMatchObject({ code: 'session-older' });
    const over = closed(client);
    client.dispose();
    await over;
    await new Promise((resolve) => old.close(resolve));
  });
});

describe('endings', () => {
  test('of the session fail what is under way and are told to the client', async () => {
    const client = await connectControl(listener.session);
    const pending = client.add({ text: 'main.hang do count' });
    const over = closed(client);
    await Promise.all([listener.close(), listener.close()]);
    await expect(pending).rejects.toMatchObject({ code: 'session-gone' });
    await over;
    await expect(client.list()).rejects.toMatchObject({ code: 'session-gone' });
    await closed(client);
    await expect(connectControl(listener.session)).rejects.toMatchObject({ code: 'session-gone' });
  });

  test('of a client leave the session serving', async () => {
    const client = await connectControl(listener.session);
    const pending = client.add({ text: 'main.hang do count' });
    client.dispose();
    await expect(pending).rejects.toMatchObject({ code: 'session-gone' });
    listener.changed([{ id: 1, text: 't', function: undefined, state: 'armed', hits: 1 }]);
    const other = await connectControl(listener.session);
    expect(await other.list()).toEqual([]);
    other.dispose();
  });
});

describe('hostile input', () => {
  test.each([
    ['an enormous message', `Content-Length: ${2 ** 31}\r\n\r\n`],
    ['a header that never ends', 'x'.repeat(100_000)],
    ['no JSON', 'Content-Length: 3\r\n\r\nabc'],
    ['JSON that is no message', 'Content-Length: 4\r\n\r\nnull'],
    ['a batch', 'Content-Length: 2\r\n\r\n[]'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ])('%s closes that connection and no other', async (_, text) => {
    const hostile = await dial(listener.session.socket);
    const over = ended(hostile);
    hostile.write(text);
    await over;
    await stillServes();
    expect(problems.length).toBeGreaterThan(0);
  });

  test('any bytes at all leave the session serving', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const hostile = await dial(listener.session.socket);
        const over = ended(hostile);
        hostile.end(bytes);
        await over;
      }),
      { numRuns: 50 },
    );
    await stillServes();
  });

  test.each([
    ['params of another shape', 'control/add', 7],
    ['no params', 'control/add', undefined],
    ['a text that is a list', 'control/add', { text: ['a'] }],
    ['a number that is none', 'control/remove', { id: '1' }],
    ['an unknown method', 'control/shutdown', {}],
  ])('%s is answered with an error', async (_, method, params) => {
    const hostile = await dial(listener.session.socket);
    const answer = new Promise<string>((resolve) => {
      let text = '';
      hostile.on('data', (chunk) => {
        text += String(chunk);
        if (text.includes('"error"')) resolve(text);
      });
    });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    hostile.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    expect(await answer).toMatch(/"message":"[^"]+"/);
    hostile.destroy();
    expect(session.probes.size).toBe(0);
  });

  test('a client that does not read for a while is not collected for, and sees the newest count', async () => {
    const slow = await dial(listener.session.socket);
    slow.pause();
    const before = process.memoryUsage().heapUsed;
    const text = 'x'.repeat(10_000);
    const last = 30_000;
    for (let hits = 1; hits <= last; hits++) {
      listener.changed([{ id: 1, text, function: undefined, state: 'armed', hits }]);
      if (hits % 100 === 0) await turn();
    }
    // 30,000 notifications of 10 kB are 300 MB; a socket buffer and one merged notification are not.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
    const newest = new Promise<void>((resolve) => {
      let tail = '';
      slow.on('data', (chunk) => {
        tail = (tail + String(chunk)).slice(-1000);
        if (tail.includes(`"hits":${last}`)) resolve();
      });
    });
    slow.resume();
    await newest;
    slow.destroy();
    await stillServes();
  });
});

describe('a session that is killed', () => {
  let program: string;
  beforeAll(async () => {
    program = join(mkdtempSync(join(tmpdir(), 'control-')), 'listener.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('listener-process.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      conditions: ['@probelens/source'],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    });
  });
  afterAll(() => {
    rmSync(join(program, '..'), { recursive: true });
  });

  test('tells its client, vanishes from the list, and is cleared away by the next one', async () => {
    const child = execa('node', [program, directory], { stdin: 'pipe', reject: false });
    const id = await firstLine(child.stdout);
    const live = (await liveSessions(directory)).find((candidate) => candidate.id === id);
    if (live === undefined) throw new Error(`session ${id} is not listed`);
    expect(live.pid).toBe(child.pid);
    const client = await connectControl(live);
    const pending = client.add({ text: 'main.price do count' });
    const over = closed(client);
    child.kill('SIGKILL');
    await expect(pending).rejects.toMatchObject({ code: 'session-gone' });
    await over;
    expect((await child).signal).toBe('SIGKILL');
    expect((await liveSessions(directory)).map((other) => other.id)).toEqual([listener.session.id]);
    expect(existsSync(live.socket)).toBe(true);
    const next = await listenControl(session, undefined, { directory });
    expect(readdirSync(directory).filter((file) => file.startsWith(id))).toEqual([]);
    expect((await liveSessions(directory)).length).toBe(2);
    await next.close();
  });

  test('leaves a socket without a record only until it has aged', async () => {
    const child = execa('node', [program, directory], { stdin: 'pipe', reject: false });
    const id = await firstLine(child.stdout);
    child.kill('SIGKILL');
    await child;
    rmSync(join(directory, `${id}.json`));
    const orphan = join(directory, `${id}.sock`);
    await (await listenControl(session, undefined, { directory })).close();
    expect(existsSync(orphan)).toBe(true);
    const past = Date.now() / 1000 - 120;
    utimesSync(orphan, past, past);
    await (await listenControl(session, undefined, { directory })).close();
    expect(existsSync(orphan)).toBe(false);
  });

  test('while stopped it is still listed: it may go on', async () => {
    const child = execa('node', [program, directory], { stdin: 'pipe', reject: false });
    const id = await firstLine(child.stdout);
    child.kill('SIGSTOP');
    expect((await liveSessions(directory)).map((other) => other.id)).toContain(id);
    child.kill('SIGKILL');
    await child;
  });
});

const dial = (path: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: false });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });

const ended = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.resume();
    socket.once('close', () => resolve());
  });

const firstLine = (stream: NodeJS.ReadableStream): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk) => {
      text += String(chunk);
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
  });

async function stillServes(): Promise<void> {
  const client = await connectControl(listener.session);
  expect(await client.list()).toEqual([...session.probes.values()]);
  client.dispose();
}
