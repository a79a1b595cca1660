/** Names of functions and paths of sources as people have them, held against what Delve makes of them. */
import { once } from 'node:events';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterEach, describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { functionsMeant, functionsPerhaps } from '../src/kernel/function-names.js';
import { pathRules } from '../src/kernel/paths.js';
import { firstOf } from './answers.js';
import {
  connectClient,
  initializeArguments,
  lineOf,
  listeningPort,
  startDelve,
  startPlainDelve,
  type TestClient,
} from './session-client.js';
import { SessionStage } from './session-stage.js';

describe('paths of editor and binary', () => {
  it('are exchanged by the first rule that fits whole elements', () => {
    const { toBinary, toClient } = pathRules([
      { from: '/home/me/work', to: '/build' },
      { from: '/home/me', to: '/other/' },
      { from: '', to: '/relative' },
    ]);
    expect(toBinary('/home/me/work/a.go')).toBe('/build/a.go');
    expect(toBinary('/home/me/worked/a.go')).toBe('/other/worked/a.go');
    expect(toBinary('a/b.go')).toBe('/relative/a/b.go');
    expect(toBinary('/elsewhere/a.go')).toBe('/elsewhere/a.go');
    expect(toClient('/build/a.go')).toBe('/home/me/work/a.go');
    expect(pathRules(undefined).toBinary('/a.go')).toBe('/a.go');
    expect(pathRules([{ from: '/src', to: '' }]).toBinary('/src/a.go')).toBe('a.go');
  });
});

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('names and paths', () => {
  const stage = new SessionStage('names');
  let client: TestClient;
  // One of them is Delve's, and not the stage's.
  afterEach(() => client.leave());

  it('of functions mean what Delve takes them for', async () => {
    const program = await buildFixture('variety', { flags: ['-gcflags=all=-N -l'] });
    const binary = await openGoBinary(program);
    const methods = [...binary.functions()].filter(({ name }) => /^main\.\(\*\w+\)\.\w+$/.test(name)).slice(0, 3);
    expect(methods.length).toBeGreaterThan(0);
    const names = [
      'main.main',
      'main',
      'os.(*File).Write',
      '(*File).Write',
      'File.Write',
      'fmt.Println',
      'Println',
      'internal/poll.(*FD).Close',
      'poll.FD.Close',
      'main.nothing',
      'nothing at all',
      ...methods.flatMap(({ name }) => [name, name.slice('main.'.length)]),
    ];
    expect(functionsPerhaps(binary, 'nameless.mallocgc').map(({ name }) => name)).toContain('runtime.mallocgc');
    const delve = await startPlainDelve();
    client = await connectClient(delve.port);
    await client.ask('initialize', initializeArguments);
    const launch = client.ask('launch', { mode: 'exec', program, stopOnEntry: true });
    await client.next('initialized');
    await launch;
    for (const name of names) {
      const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name }] });
      const theirs = firstOf(breakpoints);
      const [ours, ...more] = functionsMeant(binary, name);
      expect([name, theirs.verified], theirs.message).toEqual([name, ours !== undefined && more.length === 0]);
      if (ours !== undefined && more.length === 0) expect([name, theirs.source?.path]).toEqual([name, ours.file]);
    }
    await client.ask('disconnect', { terminateDebuggee: true });
  });

  it('a short name and a path of the editor go to the kernel', async () => {
    const substitutePath = [{ from: '/editor/orders', to: fixtureSources('orders') }];
    client = await stage.launch(await stage.program('orders'), { args: ['3000'], substitutePath });
    const line = lineOf(join(fixtureSources('orders'), 'order.go'), 'func price(');
    const source = { path: '/editor/orders/order.go' };
    const lines = await client.request('setBreakpoints', {
      source,
      breakpoints: [{ line, condition: 'o.ID == 1000' }],
    });
    const functions = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'price', condition: 'o.ID == 2000' }],
    });
    const first = firstOf(lines.breakpoints);
    const second = firstOf(functions.breakpoints);
    const inKernel = expect.stringMatching(/^In the kernel/);
    expect(first).toMatchObject({ line, source, message: inKernel });
    expect(second).toMatchObject({ source, message: inKernel });
    await client.ask('configurationDone');
    for (const { id } of [first, second]) {
      const stop = (await client.next('stopped')).body;
      expect(stop.hitBreakpointIds).toEqual([id]);
      const { stackFrames } = await client.request('stackTrace', { threadId: stop.threadId, levels: 1 });
      expect(stackFrames[0]).toMatchObject({ name: 'main.price', source });
      await client.ask('continue', { threadId: stop.threadId });
    }
    await client.next('terminated');
  });

  it('a Delve that runs already gets kernel breakpoints, as long as it is on this machine', async () => {
    const program = await stage.program('orders');
    const remote = startDelve('exec', '--headless', '--listen=127.0.0.1:0', program, '--', '3000');
    const gone = once(remote, 'exit');
    const port = await listeningPort(remote, /listening at: \S+:(\d+)/);
    client = await stage.begin('attach', { mode: 'remote', port });
    const set = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'main.price', condition: 'o.ID == 1000' }],
    });
    expect(set.breakpoints).toMatchObject([{ message: expect.stringMatching(/^In the kernel/) }]);
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const { stackFrames } = await client.request('stackTrace', { threadId, levels: 1 });
    const frameId = firstOf(stackFrames).id;
    expect((await client.request('evaluate', { expression: 'o.ID', frameId })).result).toBe('1000');
    await client.ask('disconnect', { terminateDebuggee: true });
    await gone;
  });

  it('a program that needs the kernel is not started without it', async () => {
    client = await stage.connect();
    await client.ask('initialize', initializeArguments);
    const program = await stage.program('orders');
    const launch = { mode: 'exec', program, kernel: 'required', agent: ['/nowhere/agent'] };
    const answer = await client.ask('launch', launch);
    expect(answer).toMatchObject({ success: false, message: expect.stringContaining('"kernel" is "required"') });
    expect(client.events.map(({ event }) => event)).not.toContain('process');
    // Another try in the same session.
    const again = client.ask('launch', { mode: 'exec', program, args: ['10'], kernel: 'required' });
    await client.next('initialized');
    expect(await again).toMatchObject({ success: true });
    await client.ask('configurationDone');
    await client.next('terminated');
    expect(client.output).toContain('"wrong":0');
  });
});
