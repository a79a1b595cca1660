/** Each editor, in its own order, sets a conditional breakpoint, sees the stop, looks at it, continues and leaves. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { editors, line } from './editor-orders.js';
import { connectClient, startAdapter, type TestClient, type TestServer } from './session-client.js';

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('editors', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-editors-'));
  let server: TestServer;
  let program = '';

  beforeAll(async () => {
    server = await startAdapter();
    program = await privateCopy(await buildFixture('orders'), work);
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

  it.each(editors.map((editor) => [editor.name, editor] as const))('%s', async (_, editor) => {
    client = await connectClient(server.port);
    const body = await client.request('initialize', editor.initialize);
    expect(body.supportsTerminateRequest).toBe(true);
    // None of them waits for the answer of `launch`: it comes after `initialized`, or with it.
    const launch = client.ask('launch', { ...editor.launch, mode: 'exec', program, args: ['3000'] });
    await client.next('initialized');
    const breakpoint = await editor.configure(client);
    expect((await launch).success).toBe(true);
    expect(breakpoint).toMatchObject({ line, message: expect.stringMatching(/^In the kernel/) });
    const stop = (await client.next('stopped')).body;
    expect(stop).toMatchObject({ hitBreakpointIds: [breakpoint.id], reason: 'breakpoint' });
    expect(await editor.look(client, stop.threadId)).toMatchObject({ name: 'main.price', line });
    expect((await client.ask('continue', { threadId: stop.threadId })).success).toBe(true);
    const last = editor.name === 'dap-mode' ? 'exited' : 'terminated';
    await client.next(last);
    const endings = client.events.filter((one) => one.event === 'exited' || one.event === 'terminated');
    expect(endings.map(({ event }) => event).at(-1)).toBe(last);
    expect(client.output).toContain('"wrong":0');
    await editor.leave(client);
  });
});
