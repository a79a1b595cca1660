/** Snapshots beside Delve: taken without a stop, looked at when the program has long gone on. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import {
  connectClient,
  initializeArguments,
  startAdapter,
  type TestClient,
  type TestServer,
} from './session-client.js';

interface Named {
  readonly name: string;
  readonly value: string;
  readonly variablesReference: number;
}

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('snapshots', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-snapshots-'));
  let server: TestServer;
  let client: TestClient;
  let program = '';

  beforeAll(async () => {
    server = await startAdapter();
    program = await privateCopy(await buildFixture('orders'), work);
  });
  afterAll(async () => {
    server.child.kill('SIGTERM');
    await once(server.child, 'exit');
    rmSync(work, { recursive: true, force: true });
  });
  afterEach(async () => {
    await client.leave();
  });

  const say = async (expression: string) => client.ask('evaluate', { expression, context: 'repl' });
  const variables = async (variablesReference: number): Promise<readonly Named[]> =>
    (await client.ask('variables', { variablesReference })).body.variables;

  it('are listed, and shown as goroutines with callers and values when asked for', async () => {
    client = await connectClient(server.port);
    await client.ask('initialize', initializeArguments);
    // Each worker has every fourth order, so these are of two goroutines.
    const probes = ['main.price if o.ID == 1500 || o.ID == 1501 do snapshot'];
    const launch = client.ask('launch', { mode: 'exec', program, args: ['3000'], probes });
    await client.next('initialized');
    expect((await launch).success).toBe(true);
    const name = 'main.price';
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name, condition: 'o.ID == 2500' }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;

    const list = String((await say('snapshots')).body.result).split('\n');
    expect(list).toHaveLength(2);
    const line = list.find((each) => each.includes('ID: 1500') || each.includes('ID:1500')) ?? '';
    const [, number = '', goroutine = ''] = /^snapshot (\d+): goroutine (\d+), main\.price\(/.exec(line) ?? [];
    const { snapshots } = (await client.ask('probelens/snapshots')).body;
    expect(snapshots).toHaveLength(2);
    const mine = snapshots.find((each: { number: number }) => each.number === Number(number));
    expect(mine).toMatchObject({ goroutine: Number(goroutine), function: name });

    // Nobody is shown a thread that he did not ask for.
    const ids = async (): Promise<readonly number[]> =>
      (await client.ask('threads')).body.threads.map(({ id }: { id: number }) => id);
    expect(await ids()).not.toContain(mine.threadId);
    const opened = await say(`snapshot ${number}`);
    expect(opened.body.result).toMatch(/main\.price \(.*order\.go:\d+\)\n {4}main\.worker \(.*main\.go:\d+\)/);
    const tree = await variables(opened.body.variablesReference);
    expect(tree.map((row) => row.name)).toEqual(expect.arrayContaining(['o', 'mult', '#0', '#1']));
    expect(await ids()).toContain(mine.threadId);
    expect(await ids()).toContain(threadId);

    const { stackFrames } = (await client.ask('stackTrace', { threadId: mine.threadId, levels: 1 })).body;
    expect(stackFrames).toMatchObject([{ name, source: { name: 'order.go' } }]);
    const [{ id: frameId }] = stackFrames;
    const { scopes } = (await client.ask('scopes', { frameId })).body;
    const order = (await variables(scopes[0].variablesReference)).find((row) => row.name === 'o');
    const fields = await variables(order?.variablesReference ?? 0);
    expect(fields.find((row) => row.name === 'ID')?.value).toBe('1500');
    expect((await client.ask('evaluate', { expression: 'o.ID', frameId })).body.result).toBe('1500');
    const refused = await client.ask('evaluate', { expression: 'o.ID + 1', frameId });
    expect(refused).toMatchObject({ success: false, message: expect.stringContaining('was not captured') });

    // Delve's own goroutine is where it was.
    const delve = (await client.ask('stackTrace', { threadId, levels: 1 })).body.stackFrames[0];
    expect((await client.ask('evaluate', { expression: 'o.ID', frameId: delve.id })).body.result).toBe('2500');
    await say('snapshot close');
    expect(await ids()).not.toContain(mine.threadId);
    expect(await say('snapshot 99')).toMatchObject({ success: false });
  });
});
