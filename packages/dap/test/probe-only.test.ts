/** Sessions without a debugger, on the real kernel: what is shown is held against what the program itself counts. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { childrenOf, commandOf, LiveProgram } from './live-program.js';
import {
  connectClient,
  initializeArguments,
  lineOf,
  startAdapter,
  type TestClient,
  type TestServer,
} from './session-client.js';
import { gone, until } from './until.js';

const source = join(fixtureSources('orders'), 'order.go');

describe.skipIf(requirement('kernel', 'go').missing)('without a debugger', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-probe-'));
  let server: TestServer;
  let built = '';

  beforeAll(async () => {
    // Delve must not be needed.
    server = await startAdapter({ PROBELENS_TEST_DLV: '/nowhere/dlv' });
    built = await buildFixture('orders');
  });

  afterAll(async () => {
    server.child.kill('SIGTERM');
    expect((await once(server.child, 'exit'))[0]).toBe(0);
    rmSync(work, { recursive: true, force: true });
  });

  let client: TestClient;
  afterEach(async () => {
    await client.leave();
  });

  const begin = async (request: 'launch' | 'attach', args: object): Promise<void> => {
    client = await connectClient(server.port);
    await client.ask('initialize', initializeArguments);
    const answer = client.ask(request, { mode: 'probe', ...args });
    await client.next('initialized');
    expect(await answer).toMatchObject({ success: true });
  };

  /** Every stop up to the end of the program: the ids that were captured in each of its threads. */
  const shownIds = async (): Promise<readonly number[]> => {
    const ids: number[] = [];
    for (;;) {
      const event = await client.next(({ event: name }) => name === 'stopped' || name === 'terminated');
      if (event.event === 'terminated') return ids;
      const { threads } = (await client.ask('threads')).body;
      for (const { id: threadId } of threads) {
        const { stackFrames } = (await client.ask('stackTrace', { threadId })).body;
        const [frame] = stackFrames;
        ids.push(Number((await client.ask('evaluate', { expression: 'o.ID', frameId: frame.id })).body.result));
      }
      await client.ask('continue', { threadId: event.body.threadId });
    }
  };

  it('starts a program and shows every hit once, with its callers and values', async () => {
    const program = await privateCopy(built, work);
    await begin('launch', { program, args: ['4000'] });
    const set = await client.ask('setFunctionBreakpoints', {
      breakpoints: [{ name: 'main.price', condition: 'o.ID % 1000 < 4' }],
    });
    expect(set.body.breakpoints).toMatchObject([{ verified: true, message: expect.stringMatching(/^In the kernel/) }]);
    await client.ask('configurationDone');
    const first = (await client.next('stopped')).body;
    expect(first).toMatchObject({ reason: 'breakpoint', allThreadsStopped: true });
    expect(first.hitBreakpointIds).toEqual([set.body.breakpoints[0].id]);
    const { stackFrames } = (await client.ask('stackTrace', { threadId: first.threadId })).body;
    const names = stackFrames.map(({ name }: { name: string }) => name);
    expect(names.slice(0, 2)).toEqual(['main.price', 'main.worker']);
    expect(stackFrames[0]).toMatchObject({ source: { path: source }, line: lineOf(source, 'func price(') });
    const { scopes } = (await client.ask('scopes', { frameId: stackFrames[0].id })).body;
    expect(scopes.map(({ name }: { name: string }) => name)).toEqual(['Captured', 'Kernel']);
    const { variables } = (await client.ask('variables', scopes[0])).body;
    const order = variables.find(({ name }: { name: string }) => name === 'o');
    const fields = (await client.ask('variables', order)).body.variables;
    expect(fields.map(({ name }: { name: string }) => name)).toContain('Symbol');
    for (const command of ['next', 'stepIn', 'stepOut', 'pause', 'setVariable', 'restart', 'readMemory'])
      expect(await client.ask(command, { threadId: first.threadId })).toMatchObject({
        success: false,
        message: expect.stringContaining('needs a debugger'),
      });
    const before = Number(fields.find(({ name }: { name: string }) => name === 'ID').value);
    const { threads } = (await client.ask('threads')).body;
    const rest: number[] = [];
    for (const { id } of threads.filter((each: { id: number }) => each.id !== first.threadId)) {
      const frames = (await client.ask('stackTrace', { threadId: id })).body.stackFrames;
      rest.push(Number((await client.ask('evaluate', { expression: 'o.ID', frameId: frames[0].id })).body.result));
    }
    await client.ask('continue', { threadId: first.threadId });
    const ids = [before, ...rest, ...(await shownIds())].sort((a, b) => a - b);
    expect(ids).toEqual([0, 1, 2, 3, 1000, 1001, 1002, 1003, 2000, 2001, 2002, 2003, 3000, 3001, 3002, 3003]);
    expect(client.output).toContain('"wrong":0');
    expect(client.events.find(({ event }) => event === 'exited')?.body).toEqual({ exitCode: 0 });
  });
});
