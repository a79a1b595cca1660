/** How an attached, busy program fares when the adapter is killed at any moment, beside Delve alone and without keeper. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { LiveProgram } from './live-program.js';
import {
  connectClient,
  initializeArguments,
  lineOf,
  startAdapter,
  startPlainDelve,
  type TestClient,
} from './session-client.js';
import { gone, until } from './until.js';

const source = join(fixtureSources('orders'), 'order.go');
const hotLine = lineOf(source, 'scaled :=');

const rounds = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 50 : 4));

/** Goes on after every stop, the last excepted where the client is to leave at it; resolves after `stops` of them. */
const keepGoing = (client: TestClient, stops: number, stayAtLast: boolean): Promise<void> =>
  new Promise((resolve) => {
    let seen = 0;
    client.on('stopped', (event: { readonly body: { readonly threadId: number } }) => {
      seen += 1;
      if (seen < stops || !stayAtLast) void client.ask('continue', { threadId: event.body.threadId });
      if (seen === stops) resolve();
    });
  });

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('losing a live program', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-survival-'));
  let built = '';
  beforeAll(async () => {
    built = await buildFixture('orders');
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  /** One program's fate: its last line, or how it died. */
  const round = async (
    kind: 'adapter' | 'adapter without keeper' | 'delve' | 'disconnect' | 'delve disconnect',
    number: number,
  ): Promise<boolean> => {
    const target = await LiveProgram.start(await privateCopy(built, work), ['serve', '2000']);
    const server = kind.startsWith('delve')
      ? await startPlainDelve()
      : await startAdapter(kind === 'adapter without keeper' ? { PROBELENS_TEST_KEEPER: 'off' } : {});
    const client = await connectClient(server.port);
    await client.ask('initialize', initializeArguments);
    const attach = client.ask('attach', { mode: 'local', processId: target.pid });
    await client.next('initialized');
    await attach;
    const name = 'main.price';
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name, condition: 'o.ID % 50 < 4' }] });
    // A hot breakpoint of Delve's own that never holds: what Delve loses programs by when it lets go while they run.
    await client.ask('setBreakpoints', {
      source: { path: source },
      breakpoints: [{ line: hotLine, condition: 'value < 0' }],
    });
    const delve = target.tracer;
    const stayAtLast = kind.endsWith('disconnect') && number % 2 === 1;
    const going = keepGoing(client, 3 + (number % 7), stayAtLast);
    await client.ask('configurationDone');
    await going;
    // Plain Delve is lost as an editor loses it: the connection breaks.
    if (kind.endsWith('disconnect')) await client.ask('disconnect', { terminateDebuggee: false });
    else if (kind === 'delve') client.drop();
    else server.child.kill('SIGKILL');
    await until('Delve is gone', () => gone(delve), 30_000);
    const calm = (): boolean => !target.alive || ['S', 'R', 'T'].includes(target.state ?? 'gone');
    await until('the program is on its own', calm);
    const stopped = target.state === 'T';
    if (stopped) process.kill(target.pid, 'SIGKILL');
    const verdict = await target.verdict();
    client.drop();
    if (server.child.exitCode === null && server.child.signalCode === null) {
      const exited = once(server.child, 'exit');
      server.child.kill('SIGTERM');
      await exited;
    }
    return !stopped && /"wrong":0.* code 0 signal null$/.test(verdict);
  };

  const survivors = async (kind: Parameters<typeof round>[0]): Promise<number> => {
    let alive = 0;
    for (let number = 0; number < rounds; number += 1) if (await round(kind, number)) alive += 1;
    process.stdout.write(`${kind}: ${alive} of ${rounds} programs survived\n`);
    return alive;
  };

  it('never happens when the adapter is killed, thanks to the keeper', { timeout: 600_000 }, async () => {
    expect(await survivors('adapter')).toBe(rounds);
  });

  it('never happens to a session that disconnects, running or stopped,', { timeout: 600_000 }, async () => {
    expect(await survivors('disconnect')).toBe(rounds);
  });

  // Delve hangs in one of twelve of these, and alone it loses one of fourteen programs.
  if (soaking)
    it('never happens to a session that ends in the midst of a step (soak)', { timeout: 1_200_000 }, async () => {
      const ends = ['disconnect', 'the client goes', 'the adapter is killed'] as const;
      for (let number = 0; number < 2 * rounds; number += 1) {
        const target = await LiveProgram.start(await privateCopy(built, work), ['serve', '2000']);
        const server = await startAdapter();
        const client = await connectClient(server.port);
        await client.ask('initialize', initializeArguments);
        const attach = client.ask('attach', { mode: 'local', processId: target.pid });
        await client.next('initialized');
        await attach;
        const how = ends[number % ends.length];
        // Only with a gate there is a keeper.
        const breakpoints = [{ name: 'main.price', condition: 'o.ID < 0' }];
        if (how === 'the adapter is killed') await client.ask('setFunctionBreakpoints', { breakpoints });
        const delve = target.tracer;
        const { threads } = await client.request('threads');
        const threadId = threads[number % threads.length]?.id ?? 1;
        // Answered when it begins.
        await client.ask('next', { threadId });
        void client.ask('next', { threadId: 1 });
        if (how === 'disconnect') await client.ask('disconnect', { terminateDebuggee: false });
        else if (how === 'the client goes') client.drop();
        else server.child.kill('SIGKILL');
        await until('Delve is gone', () => gone(delve), 60_000);
        expect(await target.verdict(), `round ${number}, ${how}`).toMatch(/"wrong":0.* code 0 signal null$/);
        client.drop();
        if (server.child.exitCode !== null || server.child.signalCode !== null) continue;
        const exited = once(server.child, 'exit');
        server.child.kill('SIGTERM');
        await exited;
      }
    });

  // Measured on request only: it is the way of things, not a rule that could fail.
  if (soaking)
    it('is measured beside: the adapter without keeper, and Delve alone', { timeout: 1_200_000 }, async () => {
      await survivors('adapter without keeper');
      await survivors('delve');
      await survivors('delve disconnect');
    });
});
