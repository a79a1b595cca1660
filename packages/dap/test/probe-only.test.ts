/** Sessions without a debugger, on the real kernel: what is shown is held against what the program itself counts. */
import { once } from 'node:events';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { firstOf } from './answers.js';
import { editors, line } from './editor-orders.js';
import { childrenOf, commandOf, LiveProgram } from './live-program.js';
import {
  connectClient,
  initializeArguments,
  lineOf,
  startAdapter,
  type TestClient,
  type TestServer,
} from './session-client.js';
import { SessionStage } from './session-stage.js';
import { gone, until } from './until.js';

const rounds = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 50 : 1));

const source = join(fixtureSources('orders'), 'order.go');

describe.skipIf(requirement('kernel', 'go').missing)('without a debugger', () => {
  // Delve must not be needed.
  const stage = new SessionStage('probe', () => ({ PROBELENS_TEST_DLV: '/nowhere/dlv' }));
  let server: TestServer;

  beforeAll(async () => {
    server = stage.server;
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
      const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event.event === 'terminated') return ids;
      const { threads } = await client.request('threads');
      for (const { id: threadId } of threads) {
        const { stackFrames } = await client.request('stackTrace', { threadId });
        const frame = firstOf(stackFrames);
        ids.push(Number((await client.request('evaluate', { expression: 'o.ID', frameId: frame.id })).result));
      }
      await client.ask('continue', { threadId: event.body.threadId });
    }
  };

  it('starts a program and shows every hit once, with its callers and values', async () => {
    const program = await stage.program('orders');
    await begin('launch', { program, args: ['4000'] });
    const set = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'main.price', condition: 'o.ID % 1000 < 4' }],
    });
    expect(set.breakpoints).toMatchObject([{ verified: true, message: expect.stringMatching(/^In the kernel/) }]);
    await client.ask('configurationDone');
    const first = (await client.next('stopped')).body;
    expect(first).toMatchObject({ reason: 'function breakpoint', allThreadsStopped: true });
    expect(first.hitBreakpointIds).toEqual([firstOf(set.breakpoints).id]);
    const { stackFrames } = await client.request('stackTrace', { threadId: first.threadId });
    const names = stackFrames.map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['main.price', 'main.worker']);
    expect(stackFrames[0]).toMatchObject({ source: { path: source }, line: lineOf(source, 'func price(') });
    const { scopes } = await client.request('scopes', { frameId: firstOf(stackFrames).id });
    expect(scopes.map(({ name }) => name)).toEqual(['Captured', 'Kernel']);
    const { variables } = await client.request('variables', scopes[0]);
    const order = variables.find(({ name }) => name === 'o');
    const fields = (await client.request('variables', order)).variables;
    expect(fields.map(({ name }) => name)).toContain('Symbol');
    for (const command of ['next', 'stepIn', 'stepOut', 'pause', 'setVariable', 'restart', 'readMemory'])
      expect(await client.ask(command, { threadId: first.threadId })).toMatchObject({
        success: false,
        message: expect.stringContaining('needs a debugger'),
      });
    const before = Number(fields.find(({ name }) => name === 'ID')?.value);
    const { threads } = await client.request('threads');
    const rest: number[] = [];
    for (const { id } of threads.filter((each) => each.id !== first.threadId)) {
      const frames = (await client.request('stackTrace', { threadId: id })).stackFrames;
      rest.push(Number((await client.request('evaluate', { expression: 'o.ID', frameId: firstOf(frames).id })).result));
    }
    await client.ask('continue', { threadId: first.threadId });
    const ids = [before, ...rest, ...(await shownIds())].sort((a, b) => a - b);
    expect(ids).toEqual([0, 1, 2, 3, 1000, 1001, 1002, 1003, 2000, 2001, 2002, 2003, 3000, 3001, 3002, 3003]);
    expect(client.output).toContain('"wrong":0');
    expect(client.seen('exited')?.body).toEqual({ exitCode: 0 });
  });

  const attached = async (breakpoint: object, path?: string): Promise<LiveProgram> => {
    const target = await LiveProgram.start(path ?? (await stage.program('orders')), ['serve', '2000']);
    await begin('attach', { processId: target.pid });
    const set = await client.request('setFunctionBreakpoints', { breakpoints: [breakpoint] });
    expect(set.breakpoints).toMatchObject([{ verified: true }]);
    await client.ask('configurationDone');
    return target;
  };

  const price = { name: 'main.price' };
  const well = /"wrong":0.* code 0 signal null$/;
  const runs = (target: LiveProgram) => (): boolean => target.state === 'S' || target.state === 'R';

  it('halts a program that runs already, keeps it halted without its breakpoint, and leaves it running', async () => {
    const target = await attached(price);
    const { threadId } = (await client.next('stopped')).body;
    expect(target.state).toBe('T');
    // The kernel's side continues a program with its last probe: not before the person does.
    await client.ask('setFunctionBreakpoints', { breakpoints: [] });
    expect(target.state).toBe('T');
    expect((await client.request('stackTrace', { threadId })).stackFrames[0]).toMatchObject({ name: 'main.price' });
    await client.ask('continue', { threadId });
    await until('it runs', runs(target));
    await client.ask('setFunctionBreakpoints', { breakpoints: [price] });
    await client.next('stopped');
    expect((await client.ask('disconnect', { terminateDebuggee: false })).success).toBe(true);
    await until('it runs', runs(target));
    expect(await target.verdict()).toMatch(well);
  });

  it('probes the file that runs where its name means another one by now', async () => {
    const path = await stage.program('orders');
    const target = await LiveProgram.start(path, ['serve', '2000']);
    rmSync(path);
    copyFileSync(process.execPath, path);
    await begin('attach', { processId: target.pid });
    const set = await client.request('setFunctionBreakpoints', { breakpoints: [price] });
    expect(set.breakpoints).toMatchObject([{ verified: true }]);
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const { stackFrames } = await client.request('stackTrace', { threadId });
    expect(stackFrames.slice(0, 2)).toMatchObject([{ name: 'main.price' }, { name: 'main.worker' }]);
    await client.ask('disconnect');
    expect(await target.verdict()).toMatch(well);
  });

  it('counts hit conditions, and refuses what nobody could judge', async () => {
    const target = await attached({ ...price, condition: 'o.ID > 0', hitCondition: '% 7' });
    await client.next('stopped');
    const set = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ ...price, condition: 'len(os.Args) > f()' }, { name: 'main.nothing' }, { name: 'main.run' }],
    });
    expect(set.breakpoints).toMatchObject([{ verified: false }, { verified: false }, { verified: true }]);
    expect(set.breakpoints[1]?.message).toContain('main.nothing');
    await client.ask('continue', { threadId: 1 });
    await until('it runs', runs(target));
    await client.ask('disconnect');
    expect(await target.verdict()).toMatch(well);
  });

  it('ends well when the agent is killed at a stop', async () => {
    const target = await attached(price);
    await client.next('stopped');
    const agents = childrenOf(server.child.pid ?? 0).filter((pid) => commandOf(pid).endsWith('agent'));
    expect(agents).toHaveLength(1);
    process.kill(agents[0] ?? 0, 'SIGKILL');
    expect((await client.next('breakpoint')).body).toMatchObject({ breakpoint: { verified: false } });
    await client.next('continued');
    await until('it runs', runs(target));
    expect(client.output).toContain('The probes of this session are gone');
    await client.ask('disconnect');
    expect(await target.verdict()).toMatch(well);
  });

  it('ends well when the adapter is killed at a stop', async () => {
    const own = await startAdapter();
    const shared = server;
    server = own;
    const target = await attached(price);
    server = shared;
    await client.next('stopped');
    own.child.kill('SIGKILL');
    await once(own.child, 'exit');
    await until('it runs', runs(target));
    const binary = await openGoBinary(target.path);
    const [fn] = binary.functionsNamed('main.price');
    if (fn === undefined) throw new Error('no main.price');
    const { entry, size } = fn;
    await until('the text is as in the file', () => target.textIsWhole(entry, binary.offsetOf(entry), size));
    expect(await target.verdict()).toMatch(well);
  });

  it('ends well when the program is killed at a stop', async () => {
    const target = await attached(price);
    await client.next('stopped');
    target.child.kill('SIGKILL');
    await client.next('terminated');
    expect(await client.ask('continue', { threadId: 1 })).toMatchObject({ success: true });
    expect((await client.ask('disconnect')).success).toBe(true);
  });

  it('ends what it has started, at a stop and before the start', async () => {
    for (const configured of [true, false]) {
      await begin('launch', { program: await stage.program('orders'), args: ['1000000000'] });
      const { pid } = client;
      await client.ask('setFunctionBreakpoints', { breakpoints: [price] });
      if (configured) {
        await client.ask('configurationDone');
        await client.next('stopped');
      }
      await client.leave();
      await until('the program is gone', () => gone(pid));
    }
  });

  it('needs no symbols', async () => {
    const target = await attached(price, await stage.program('orders', { flags: ['-ldflags=-s -w'] }));
    const { threadId } = (await client.next('stopped')).body;
    const { stackFrames } = await client.request('stackTrace', { threadId });
    expect(stackFrames.map(({ name }) => name).slice(0, 2)).toEqual(['main.price', 'main.worker']);
    expect(stackFrames[1]?.source?.path).toMatch(/main\.go$/);
    await client.ask('disconnect');
    expect(await target.verdict()).toMatch(well);
  });

  it('says what is missing', async () => {
    client = await connectClient(server.port);
    await client.ask('initialize', initializeArguments);
    const refusal = async (request: string, args: object): Promise<string> => {
      const answer = await client.ask(request, { mode: 'probe', ...args });
      expect(answer.success).toBe(false);
      return answer.message ?? '';
    };
    expect(await refusal('attach', {})).toContain('processId');
    expect(await refusal('launch', {})).toContain('program');
    expect(await refusal('attach', { processId: 2 ** 30 })).toContain('gone');
    expect(await refusal('launch', { program: '/nowhere' })).toContain('/nowhere could not be started');
    expect(await refusal('launch', { program: '/bin/true' })).toContain('cannot be probed');
  });

  it.each(editors.map((editor) => [editor.name, editor] as const))(
    '%s sees a stop as it is used to',
    async (_, editor) => {
      client = await connectClient(server.port);
      await client.ask('initialize', editor.initialize);
      const program = await stage.program('orders');
      // None of them waits for the answer of `launch`: it comes after `initialized`, or with it.
      const launch = client.ask('launch', { ...editor.launch, mode: 'probe', program, args: ['3000'] });
      await client.next('initialized');
      const breakpoint = await editor.configure(client);
      expect((await launch).success).toBe(true);
      expect(breakpoint).toMatchObject({ line, message: expect.stringMatching(/^In the kernel/) });
      const stop = (await client.next('stopped')).body;
      expect(stop).toMatchObject({ hitBreakpointIds: [breakpoint.id], reason: 'breakpoint' });
      expect(await editor.look(client, stop.threadId)).toMatchObject({ name: 'main.price', line });
      // Helix panics after a stackTrace that fails, and asks for every thread that it ever saw.
      expect(await client.ask('stackTrace', { threadId: 999_999 })).toMatchObject({ success: true });
      expect((await client.ask('continue', { threadId: stop.threadId })).success).toBe(true);
      const last = editor.name === 'dap-mode' ? 'exited' : 'terminated';
      await client.next(last);
      const endings = client.events.filter((one) => one.event === 'exited' || one.event === 'terminated');
      expect(endings.map(({ event }) => event).at(-1)).toBe(last);
      expect(client.output).toContain('"wrong":0');
      await editor.leave(client);
    },
  );

  // Stops as fast as they can be answered, and an end in the middle of them: what is lost is the session, not the program.
  it('leaves a busy program running, whoever ends at whatever moment', { timeout: 600_000 }, async () => {
    const fates = ['disconnect', 'drop', 'agent', 'adapter', 'breakpoints'] as const;
    for (let round = 0; round < rounds; round += 1) {
      const fate = fates[round % fates.length];
      const shared = server;
      server = await startAdapter();
      const own = server.child;
      const target = await attached({ ...price, condition: 'o.ID % 3 < 2' });
      server = shared;
      const mine = client;
      const stops = 2 + (round % 7);
      await new Promise<void>((resolve) => {
        let seen = 0;
        const goOn = ({ body }: { readonly body?: { readonly threadId: number } }): void => {
          seen += 1;
          void mine.ask('continue', { threadId: body?.threadId });
          if (seen === stops) resolve();
        };
        for (const event of mine.events.filter((one) => one.event === 'stopped')) goOn(event);
        mine.on('stopped', goOn);
      });
      if (fate === 'disconnect') await mine.ask('disconnect');
      else if (fate === 'drop') mine.drop();
      else if (fate === 'adapter') own.kill('SIGKILL');
      else if (fate === 'agent') {
        const agents = childrenOf(own.pid ?? 0).filter((pid) => commandOf(pid).endsWith('agent'));
        for (const pid of agents) process.kill(pid, 'SIGKILL');
      } else await mine.ask('setFunctionBreakpoints', { breakpoints: [] });
      await until(`it runs after ${fate}`, runs(target), 60_000);
      if (own.exitCode === null && own.signalCode === null) {
        const exited = once(own, 'exit');
        own.kill('SIGTERM');
        await exited;
      }
      await until(`it runs on after ${fate}`, runs(target), 60_000);
      expect([fate, await target.verdict()]).toEqual([fate, expect.stringMatching(well)]);
      mine.drop();
    }
  });
});
