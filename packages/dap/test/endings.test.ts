import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { childrenOf, commandOf, LiveProgram } from './live-program.js';
import { connectClient, initializeArguments, lineOf, startAdapter, type TestClient } from './session-client.js';
import { gone, until } from './until.js';

const source = join(fixtureSources('orders'), 'order.go');

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('endings', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-end-'));
  let built = '';

  beforeAll(async () => {
    built = await buildFixture('orders');
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  interface Scene {
    readonly target: LiveProgram;
    readonly client: TestClient;
    readonly adapter: Awaited<ReturnType<typeof startAdapter>>;
    readonly delve: number;
    readonly whole: () => boolean;
  }

  /** A busy program with a gate, attached and running; `hot` also gives Delve a breakpoint that never holds. */
  const attached = async (condition: string, hot: boolean): Promise<Scene> => {
    const path = await privateCopy(built, work);
    const target = await LiveProgram.start(path, ['serve', '2000']);
    const adapter = await startAdapter();
    const client = await connectClient(adapter.port);
    await client.ask('initialize', initializeArguments);
    const attach = client.ask('attach', { mode: 'local', processId: target.pid });
    await client.next('initialized');
    expect((await attach).success).toBe(true);
    const set = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition }] });
    expect(set.breakpoints[0]?.message).toMatch(/^In the kernel/);
    if (hot) {
      const line = lineOf(source, 'scaled :=');
      const own = await client.request('setBreakpoints', {
        source: { path: source },
        breakpoints: [{ line, condition: 'value < 0' }],
      });
      expect(own.breakpoints[0]).toMatchObject({ verified: true });
    }
    const binary = await openGoBinary(path);
    const [fn] = binary.functionsNamed('main.price');
    if (fn === undefined) throw new Error('no main.price');
    const whole = (): boolean => target.textIsWhole(fn.entry, binary.offsetOf(fn.entry), fn.size);
    expect(whole()).toBe(false);
    await client.ask('configurationDone');
    return { target, client, adapter, delve: target.tracer, whole };
  };

  const unharmed = async ({ target, delve, whole }: Scene): Promise<void> => {
    await until('Delve is gone', () => gone(delve));
    expect([target.child.exitCode, target.child.signalCode]).toEqual([null, null]);
    await until('the program runs', () => target.state === 'S' || target.state === 'R');
    expect(target.tracer).toBe(0);
    await until('the text is as in the file', whole);
    expect(await target.verdict()).toMatch(/"wrong":0.* code 0 signal null$/);
  };

  const close = async ({ adapter }: Scene): Promise<void> => {
    if (adapter.child.exitCode !== null || adapter.child.signalCode !== null) return;
    const exited = once(adapter.child, 'exit');
    adapter.child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
  };

  it('disconnects from a running program with gates and a hot breakpoint of Delve', async () => {
    const scene = await attached('o.ID < 0', true);
    expect((await scene.client.ask('disconnect', { terminateDebuggee: false })).success).toBe(true);
    await unharmed(scene);
    await close(scene);
  });

  it('disconnects while stopped at a gate', async () => {
    const scene = await attached('o.ID % 100 == 0', false);
    await scene.client.next('stopped');
    expect((await scene.client.ask('disconnect', { terminateDebuggee: false })).success).toBe(true);
    await unharmed(scene);
    await close(scene);
  });

  it('leaves the program alive when the client goes without a word', async () => {
    const scene = await attached('o.ID < 0', true);
    await scene.client.leave();
    await unharmed(scene);
    await close(scene);
  });

  it.each(['the client disconnects', 'the adapter is killed'])(
    'leaves the program alive behind a step that was cut short when %s',
    async (how) => {
      const scene = await attached('o.ID < 0', false);
      const { client } = scene;
      await client.ask('setBreakpoints', {
        source: { path: source },
        breakpoints: [{ line: lineOf(source, 'scaled :=') }],
      });
      // Others come by all the time, and Delve lets them end the step without taking its breakpoints out.
      const { threadId } = (await client.next('stopped')).body;
      let stop = { threadId };
      while (stop.threadId === threadId) {
        await client.ask('next', { threadId });
        stop = (await client.next('stopped')).body;
      }
      if (how === 'the adapter is killed') scene.adapter.child.kill('SIGKILL');
      else expect((await client.ask('disconnect', { terminateDebuggee: false })).success).toBe(true);
      await unharmed(scene);
      await close(scene);
    },
  );

  it('leaves the program alive when the adapter is told to end', async () => {
    const scene = await attached('o.ID < 0', false);
    await close(scene);
    await unharmed(scene);
  });

  it('leaves the program alive when the adapter is killed', async () => {
    const scene = await attached('o.ID % 1000 == 999', true);
    await scene.client.next('stopped');
    await scene.client.ask('continue', { threadId: 1 });
    scene.adapter.child.kill('SIGKILL');
    await unharmed(scene);
  });

  it('leaves the program alive when the adapter is killed at a stop that nobody has answered', async () => {
    const scene = await attached('o.ID % 1000 == 999', true);
    await scene.client.next('stopped');
    scene.adapter.child.kill('SIGKILL');
    await unharmed(scene);
  });

  // It takes the agent's eight seconds of grace.
  if (soaking)
    it('leaves the program alive when the agent hangs, and says that it is ended (soak)', async () => {
      const scene = await attached('o.ID < 0', true);
      const { client, adapter } = scene;
      const [agent] = childrenOf(adapter.child.pid ?? 0).filter((pid) => commandOf(pid).endsWith('agent'));
      process.kill(agent ?? 0, 'SIGSTOP');
      const asked = Date.now();
      expect((await client.ask('disconnect', { terminateDebuggee: false })).success).toBe(true);
      process.stdout.write(`disconnected from a hung agent after ${Date.now() - asked} ms\n`);
      expect(client.output).toContain('The probe agent does not answer');
      await unharmed(scene);
      await close(scene);
      expect(gone(agent)).toBe(true);
    });

  it('goes on with Delve when the agent is killed, and says so once', async () => {
    const scene = await attached('o.ID % 1000 == 999', false);
    const { client, adapter } = scene;
    const before = await client.next('stopped');
    const agents = childrenOf(adapter.child.pid ?? 0).filter((pid) => commandOf(pid).endsWith('agent'));
    expect(agents).toHaveLength(1);
    process.kill(agents[0] ?? 0, 'SIGKILL');
    const changed = await client.next('breakpoint');
    expect(changed.body).toMatchObject({ reason: 'changed', breakpoint: { verified: true } });
    await client.ask('continue', { threadId: before.body.threadId });
    const after = await client.next('stopped');
    expect(after.body.hitBreakpointIds).toEqual(before.body.hitBreakpointIds);
    expect(client.output.match(/Breakpoints go back to Delve/g)).toHaveLength(1);
    await client.ask('disconnect', { terminateDebuggee: false });
    await unharmed(scene);
    await close(scene);
  });

  it('ends the session when Delve is killed', async () => {
    const scene = await attached('o.ID < 0', false);
    process.kill(scene.delve, 'SIGKILL');
    await scene.client.next('terminated');
    expect(scene.client.output).toContain('Delve has ended');
    expect((await scene.client.ask('threads')).success).toBe(false);
    expect((await scene.client.ask('disconnect')).success).toBe(true);
    await unharmed(scene);
    await close(scene);
  });

  it('leaves nothing behind when the client goes at any moment of the start', async () => {
    const program = await privateCopy(built, work);
    const adapter = await startAdapter();
    for (let round = 0; round < 8; round += 1) {
      const client = await connectClient(adapter.port);
      await client.ask('initialize', initializeArguments);
      const launch = client.ask('launch', { mode: 'exec', program, args: ['100'] });
      // Before Delve listens, while it starts the program, while the kernel side opens, after that.
      if (round % 4 === 1) await client.next('process');
      if (round % 4 === 2) await client.next('initialized');
      if (round % 4 === 3) {
        await launch;
        await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID == 5' }] });
      }
      client.drop();
    }
    await until('no child is left', () => childrenOf(adapter.child.pid ?? 0).length === 0);
    const exited = once(adapter.child, 'exit');
    adapter.child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
  });
});
