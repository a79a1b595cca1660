/** Each editor, in its own order, sets a conditional breakpoint, sees the stop, looks at it, continues and leaves. */
import { beforeAll, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { editors, line } from './editor-orders.js';
import type { TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('editors', () => {
  const stage = new SessionStage('editors');
  let program = '';

  beforeAll(async () => {
    program = await stage.program('orders');
  });

  let client: TestClient;

  it.each(editors.map((editor) => [editor.name, editor] as const))('%s', async (_, editor) => {
    client = await stage.connect();
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
