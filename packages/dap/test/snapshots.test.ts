/** Snapshots beside Delve: taken without a stop, looked at when the program has long gone on. */
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { listOf, objectOf } from '../src/core/message.js';
import { firstOf, present, resultOf } from './answers.js';
import type { TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

interface Named {
  readonly name: string;
  readonly value: string;
  readonly variablesReference: number;
}

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('snapshots', () => {
  const stage = new SessionStage('snapshots');
  let client: TestClient;

  const say = async (expression: string) => client.ask('evaluate', { expression, context: 'repl' });
  const variables = async (variablesReference: number): Promise<readonly Named[]> =>
    (await client.request('variables', { variablesReference })).variables;

  it('are listed, and shown as goroutines with callers and values when asked for', async () => {
    // Each worker has every fourth order, so these are of two goroutines.
    const probes = ['main.price if o.ID == 1500 || o.ID == 1501 do snapshot'];
    client = await stage.launch(await stage.program('orders'), { args: ['3000'], probes });
    const name = 'main.price';
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name, condition: 'o.ID == 2500' }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;

    const list = resultOf(await say('snapshots')).split('\n');
    expect(list).toHaveLength(2);
    const line = list.find((each) => each.includes('ID: 1500') || each.includes('ID:1500')) ?? '';
    const [, number = '', goroutine = ''] = /^snapshot (\d+): goroutine (\d+), main\.price\(/.exec(line) ?? [];
    const snapshots = listOf(objectOf(await client.request('probelens/snapshots')).snapshots).map(objectOf);
    expect(snapshots).toHaveLength(2);
    const mine = present(snapshots.find((each) => each.number === Number(number)));
    expect(mine).toMatchObject({ goroutine: Number(goroutine), function: name });

    // Nobody is shown a thread that he did not ask for.
    const ids = async (): Promise<readonly number[]> => (await client.request('threads')).threads.map(({ id }) => id);
    expect(await ids()).not.toContain(mine.threadId);
    const opened = await client.request('evaluate', { expression: `snapshot ${number}`, context: 'repl' });
    expect(opened.result).toMatch(/main\.price \(.*order\.go:\d+\)\n {4}main\.worker \(.*main\.go:\d+\)/);
    const tree = await variables(opened.variablesReference);
    expect(tree.map((row) => row.name)).toEqual(expect.arrayContaining(['o', 'mult', '#0', '#1']));
    expect(await ids()).toContain(mine.threadId);
    expect(await ids()).toContain(threadId);

    const { stackFrames } = await client.request('stackTrace', { threadId: mine.threadId, levels: 1 });
    expect(stackFrames).toMatchObject([{ name, source: { name: 'order.go' } }]);
    const { id: frameId } = firstOf(stackFrames);
    const { scopes } = await client.request('scopes', { frameId });
    const order = (await variables(firstOf(scopes).variablesReference)).find((row) => row.name === 'o');
    const fields = await variables(order?.variablesReference ?? 0);
    expect(fields.find((row) => row.name === 'ID')?.value).toBe('1500');
    expect((await client.request('evaluate', { expression: 'o.ID', frameId })).result).toBe('1500');
    const refused = await client.ask('evaluate', { expression: 'o.ID + 1', frameId });
    expect(refused).toMatchObject({ success: false, message: expect.stringContaining('was not captured') });

    // Delve's own goroutine is where it was.
    const delve = (await client.request('stackTrace', { threadId, levels: 1 })).stackFrames[0];
    expect((await client.request('evaluate', { expression: 'o.ID', frameId: delve?.id })).result).toBe('2500');
    await say('snapshot close');
    expect(await ids()).not.toContain(mine.threadId);
    expect(await say('snapshot 99')).toMatchObject({ success: false });
  });
});
