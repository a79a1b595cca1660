/** Probes of one session that switch each other in the kernel, by the numbers of the session's list. */
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { type AnyEvent, type EventOf, resultOf } from './answers.js';
import type { TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

const stopOrEnd = (one: AnyEvent): one is EventOf<'stopped' | 'terminated'> =>
  one.event === 'stopped' || one.event === 'terminated';

const console = async (client: TestClient, expression: string): Promise<string> => {
  const answer = await client.ask('evaluate', { expression, context: 'repl' });
  return answer.success ? resultOf(answer) : (answer.message ?? '');
};

/** The four workers' queues hold 32 orders each, and neighbours are priced at the same time: so far apart order is sure. */
const apart = 200;
const from = 3_000;
const to = 6_000;

const loggedIds = (output: string): readonly number[] =>
  [...output.matchAll(/between (\d+)$/gm)].map(([, id]) => Number(id));

const expectOnlyBetween = (ids: readonly number[]): void => {
  const sure = Array.from({ length: 100 }, (_, index) => index * 100 + 50).filter(
    (id) => id > from + apart && id < to - apart,
  );
  expect(ids.filter((id) => id > from + apart && id < to - apart).sort((a, b) => a - b)).toEqual(sure);
  expect(ids.filter((id) => id < from - apart || id > to + apart)).toEqual([]);
};

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('probes that switch each other', () => {
  const stage = new SessionStage('switching');

  it('from the launch arguments: a stop arms a log, a count ends it, and a restart begins anew', async () => {
    const client = await stage.launch(await stage.program('orders'), {
      args: ['10000'],
      probes: [
        `main.price if o.ID == ${from} do stop then arm 2`,
        'main.price if o.ID % 100 == 50 do log "between {o.ID}"',
        `main.price if o.ID == ${to} do count then disarm 2`,
      ],
    });
    await client.ask('configurationDone');
    const stop = await client.next(stopOrEnd);
    expect(stop).toMatchObject({ event: 'stopped', body: { hitBreakpointIds: [1] } });
    expect(loggedIds(client.output).filter((id) => id < from - apart)).toEqual([]);
    expect(await console(client, 'probes')).toMatch(/^\[1\].* stop .*\n\[2\].*\n\[3\].* count /);

    const restarted = client.ask('restart', {});
    await client.next('initialized');
    expect((await restarted).success).toBe(true);
    const before = client.output.length;
    await client.ask('configurationDone');
    const again = await client.next(stopOrEnd);
    expect(again).toMatchObject({ event: 'stopped', body: { hitBreakpointIds: [1] } });
    await client.ask('continue', { threadId: again.event === 'stopped' && again.body.threadId });
    expect(await client.next(stopOrEnd)).toMatchObject({ event: 'terminated' });
    expectOnlyBetween(loggedIds(client.output.slice(before)));
  });

  it('from the console, without Delve: numbers stay, and a snapshot is taken on the way', async () => {
    const client = await stage.launch(await stage.program('orders'), { mode: 'probe', args: ['10000'] });
    expect(await console(client, 'probe main.price do count')).toMatch(/^\[1\]/);
    expect(await console(client, 'probe main.price if o.ID % 100 == 50 do log "between {o.ID}" initially off')).toMatch(
      /^\[2\]/,
    );
    expect(await console(client, 'unprobe 1')).toContain('[1]');
    expect(await console(client, `probe main.price if o.ID == ${from} do count then arm 2`)).not.toContain('no probe');
    expect(
      await console(client, `probe main.price if o.ID == ${to} do log "over" then disarm 2 then snapshot`),
    ).toMatch(/^\[4\]/);
    expect(await console(client, 'probe main.worker do count then arm 77')).toContain('There is no probe 77 yet');
    await client.ask('configurationDone');
    await client.next('terminated');
    expectOnlyBetween(loggedIds(client.output));
    expect(await console(client, 'snapshots')).toMatch(/^snapshot 1: goroutine \d+, main\.price\(/);
  });
});
