/** A program that starts threads while Delve attaches: every one of them is traced, and none dies of a breakpoint. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { LiveProgram } from './live-program.js';
import { listeningPort, startDelve } from './session-client.js';
import { SessionStage } from './session-stage.js';

const untraced = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/task`).filter((thread) =>
    /^TracerPid:\s+0$/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')),
  );

const stage = new SessionStage('whole-attach');

const start = async (times: number): Promise<LiveProgram> =>
  LiveProgram.start(await privateCopy(await buildFixture('brood'), stage.work), [String(times)]);

it.skipIf(requirement('delve', 'go').missing)(
  'Delve attaches until it has every thread',
  { timeout: 120_000 },
  async () => {
    const target = await start(1);
    const client = await stage.begin('attach', { mode: 'local', processId: target.pid, kernel: 'off' });
    expect(untraced(target.pid)).toEqual([]);
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.beat' }] });
    await client.request('configurationDone');
    for (let stops = 0; stops < 5; stops += 1) {
      const { threadId } = (await client.next('stopped')).body;
      if (stops < 4) await client.request('continue', { threadId });
    }
    expect(client.events.filter(({ event }) => event === 'initialized')).toHaveLength(1);
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toBe('{"wrong":0} code 0 signal null');
  },
);

it.skipIf(requirement('delve', 'go').missing)(
  'also to a program that it has waited for, which the next attempt is told by number',
  { timeout: 120_000 },
  async () => {
    const target = await start(1);
    const args = { mode: 'local', waitFor: `${target.path} 1`, kernel: 'off' };
    const client = await stage.begin('attach', args);
    expect(target.tracer).toBeGreaterThan(0);
    expect(untraced(target.pid)).toEqual([]);
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.beat' }] });
    await client.request('configurationDone');
    await client.next('stopped');
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toBe('{"wrong":0} code 0 signal null');
  },
);

it.skipIf(requirement('delve', 'go').missing)(
  'threads that a Delve of somebody else has not are told of, too',
  { timeout: 120_000 },
  async () => {
    const target = await start(1);
    const flags = ['--headless', '--accept-multiclient', '--listen=127.0.0.1:0'];
    const remote = startDelve('attach', ...flags, String(target.pid));
    const ended = once(remote, 'exit');
    const port = await listeningPort(remote, /listening at: \S+:(\d+)/);
    const client = await stage.begin('attach', { mode: 'remote', port, kernel: 'off' });
    const missed = untraced(target.pid).length;
    expect(client.output.includes(`Delve does not have ${missed} of `), client.output).toBe(missed > 0);
    await client.ask('disconnect', { terminateDebuggee: false });
    remote.kill('SIGINT');
    await ended;
    expect(await target.verdict()).toBe('{"wrong":0} code 0 signal null');
  },
);

it.skipIf(requirement('delve', 'go').missing)(
  'a thread that it cannot have is told of',
  { timeout: 120_000 },
  async () => {
    const target = await start(1_000);
    const client = await stage.begin('attach', { mode: 'local', processId: target.pid, kernel: 'off' });
    const missed = untraced(target.pid).length;
    expect(client.output.includes('Delve does not have '), client.output).toBe(missed > 0);
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toBe('{"wrong":0} code 0 signal null');
  },
);
