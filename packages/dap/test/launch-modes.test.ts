/** Every way to begin a session, with Delve's own arguments. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { findDelve, fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { firstOf } from './answers.js';
import { LiveProgram } from './live-program.js';
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

const order = join(fixtureSources('orders'), 'order.go');
const endings = join(fixtureSources('variety'), 'endings.go');
const price = lineOf(order, 'func price(') + 1;

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('a session begins', () => {
  const stage = new SessionStage('modes');

  /** Answers and first words of Delve alone to the same request. */
  const withDelveAlone = async <T>(script: (client: TestClient) => Promise<T>): Promise<T> => {
    const { child, port } = await startPlainDelve();
    const exited = once(child, 'exit');
    const client = await connectClient(port);
    try {
      return await script(client);
    } finally {
      await client.leave();
      child.kill('SIGTERM');
      await exited;
    }
  };

  const stopAt = async (client: TestClient): Promise<{ frameId: number; name: string; threadId: number }> => {
    const { threadId } = (await client.next('stopped')).body;
    const top = firstOf((await client.request('stackTrace', { threadId, levels: 1 })).stackFrames);
    return { frameId: top.id, name: top.name, threadId };
  };

  const evaluated = async (client: TestClient, expression: string, frameId: number): Promise<string> =>
    (await client.request('evaluate', { expression, frameId, context: 'watch' })).result;

  it('by building a package with flags of its own (debug)', async () => {
    const program = fixtureSources('orders');
    const output = join(stage.work, 'orders-debug');
    const build = { mode: 'debug', program, dlvCwd: program, output, args: ['400'] };
    const client = await stage.begin('launch', { ...build, buildFlags: '-ldflags=-X=runtime.buildVersion=ours' });
    const body = await client.request('setBreakpoints', {
      source: { path: order },
      breakpoints: [{ line: price, condition: 'o.ID == 300' }],
    });
    expect(body.breakpoints[0]?.message).toMatch(/^In the kernel/);
    await client.ask('configurationDone');
    const { frameId } = await stopAt(client);
    expect(await evaluated(client, 'o.ID', frameId)).toBe('300');
    expect(await evaluated(client, 'runtime.buildVersion', frameId)).toBe('"ours"');
  });

  it('says what the compiler says when a package does not build', async () => {
    const program = fixtureSources('orders');
    const args = { mode: 'debug', program, dlvCwd: program, buildFlags: '-mod=nonsense', outputMode: 'remote' };
    const failure = async (client: TestClient): Promise<unknown> => {
      await client.ask('initialize', initializeArguments);
      const { success, body } = await client.ask('launch', args);
      return { success, body };
    };
    const alone = await withDelveAlone(failure);
    expect(await failure(await stage.connect())).toEqual(alone);
    expect(alone).toMatchObject({ success: false });
  });

  it('ends at once after a program that could not be started: Delve itself hangs there', async () => {
    const client = await stage.connect();
    await client.ask('initialize', initializeArguments);
    const launch = await client.ask('launch', { mode: 'exec', program: join(stage.work, 'nothing-here') });
    expect(launch).toMatchObject({ success: false });
    expect(await client.ask('disconnect', {})).toMatchObject({ success: true });
    // Delve never says it, and without it the session lasted until all patience with Delve was over.
    await client.next('terminated');
  });

  it('with the tests of a package (test)', async () => {
    const program = dirname(endings);
    const output = join(stage.work, 'variety.test');
    const args = ['-test.run', 'TestSeveral', '-test.v'];
    const client = await stage.begin('launch', { mode: 'test', program, dlvCwd: program, output, args });
    const body = await client.request('setBreakpoints', {
      source: { path: endings },
      breakpoints: [{ line: lineOf(endings, 'func several('), condition: 'n > 0' }],
    });
    expect(body.breakpoints[0]?.message).toMatch(/^In the kernel/);
    await client.ask('configurationDone');
    const { frameId, name, threadId } = await stopAt(client);
    expect(name).toBe('variety.several');
    expect(await evaluated(client, 'n', frameId)).toBe('7');
    await client.ask('continue', { threadId });
    await client.next('terminated');
    expect(client.output).toContain('--- PASS: TestSeveral');
  });

  it('with a recording, or with what Delve says where there is no rr (replay)', async () => {
    const failure = async (client: TestClient): Promise<unknown> => {
      await client.ask('initialize', initializeArguments);
      const { success, body } = await client.ask('launch', { mode: 'replay', traceDirPath: '/nowhere' });
      return { success, body };
    };
    expect(await failure(await stage.connect())).toEqual(await withDelveAlone(failure));
  });

  /** By the kernel where it writes core files into the working directory, else by Delve. */
  const coreOf = async (program: string): Promise<string> => {
    const cwd = mkdtempSync(join(stage.work, 'core-'));
    const env = { GOTRACEBACK: 'crash' };
    const crash = execa('sh', ['-c', 'ulimit -c unlimited; exec "$0" 40 break', program], { cwd, env, reject: false });
    await crash;
    const [written] = readdirSync(cwd).filter((name) => name.startsWith('core'));
    if (written !== undefined) return join(cwd, written);
    const path = join(cwd, 'core');
    const input = `continue\ndump ${path}\nquit\n`;
    const args = ['exec', '--allow-non-terminal-interactive', program, '--', '40', 'break'];
    await execa(findDelve() ?? 'dlv', args, { input, reject: false });
    return path;
  };

  it('with the core file of a program that died (core)', async () => {
    const program = await stage.program('blend');
    const coreFilePath = await coreOf(program);
    const looks = async (client: TestClient): Promise<unknown> => {
      await client.ask('initialize', initializeArguments);
      const launch = client.ask('launch', { mode: 'core', program, coreFilePath });
      await client.next('initialized');
      await launch;
      await client.ask('configurationDone');
      const { threadId, reason } = (await client.next('stopped')).body;
      const { stackFrames } = await client.request('stackTrace', { threadId: 1, startFrame: 0, levels: 20 });
      const word = await evaluated(client, 'main.words[1]', firstOf(stackFrames).id);
      const resumed = await client.ask('continue', { threadId });
      return { reason, names: stackFrames.map(({ name }) => name), word, resumed: resumed.success };
    };
    const alone = await withDelveAlone(looks);
    expect(alone).toMatchObject({ names: expect.arrayContaining(['runtime.main']), word: '"birch"' });
    expect(await looks(await stage.connect())).toEqual(alone);
  });

  it('with a program that runs elsewhere under Delve (remote)', async () => {
    const program = await stage.program('orders');
    const flags = ['--headless', '--accept-multiclient', '--listen=127.0.0.1:0'];
    const headless = startDelve('exec', ...flags, program, '--', '400');
    const exited = once(headless, 'exit');
    try {
      const port = await listeningPort(headless, /listening at: \S+:(\d+)/);
      const client = await stage.begin('attach', { mode: 'remote', host: '127.0.0.1', port, stopOnEntry: true });
      const body = await client.request('setBreakpoints', {
        source: { path: order },
        breakpoints: [{ line: price, condition: 'o.ID == 300' }],
      });
      expect(body.breakpoints[0]).toMatchObject({ verified: true, message: expect.stringMatching(/^In the kernel/) });
      await client.ask('configurationDone');
      const { threadId } = (await client.next('stopped')).body;
      await client.ask('continue', { threadId });
      const { frameId } = await stopAt(client);
      expect(await evaluated(client, 'o.ID', frameId)).toBe('300');
      expect((await client.ask('disconnect', { terminateDebuggee: false })).success).toBe(true);
      expect(headless.exitCode).toBeNull();
    } finally {
      headless.kill('SIGKILL');
      await exited;
    }
  });

  it('with a program that runs (local), as Delve shows it when told how', async () => {
    const target = await LiveProgram.start(await stage.program('orders'), ['serve', '2000']);
    const client = await stage.begin('attach', {
      mode: 'local',
      processId: target.pid,
      stackTraceDepth: 1,
      hideSystemGoroutines: true,
      showGlobalVariables: true,
      showRegisters: true,
      substitutePath: [{ from: '/somewhere/else', to: dirname(order) }],
    });
    const body = await client.request('setBreakpoints', {
      source: { path: '/somewhere/else/order.go' },
      breakpoints: [{ line: price, condition: 'o.ID % 100 == 7' }],
    });
    expect(body.breakpoints[0]).toMatchObject({
      verified: true,
      line: price,
      source: { path: '/somewhere/else/order.go' },
      message: expect.stringMatching(/^In the kernel/),
    });
    await client.ask('configurationDone');
    const { threadId, hitBreakpointIds } = (await client.next('stopped')).body;
    expect(hitBreakpointIds).toEqual([firstOf(body.breakpoints).id]);
    const { stackFrames } = await client.request('stackTrace', { threadId });
    expect(stackFrames.length).toBeLessThanOrEqual(2);
    expect(stackFrames[0]?.source?.path).toBe('/somewhere/else/order.go');
    const { threads } = await client.request('threads');
    expect(threads.map(({ name }) => name).join('\n')).not.toContain('runtime.bgsweep');
    const { scopes } = await client.request('scopes', { frameId: firstOf(stackFrames).id });
    const names = scopes.map(({ name }) => name.split(' ')[0]);
    expect(names).toEqual(expect.arrayContaining(['Globals', 'Registers', 'Kernel']));
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toMatch(/"wrong":0.* code 0 signal null$/);
  });
});

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('a session of root behind sudo', () => {
  // What sudo leaves in the environment: Delve and its program are root's, and so is the agent's word.
  const stage = new SessionStage('sudo', () => ({ SUDO_UID: '65534', SUDO_GID: '65534' }));

  it('has its breakpoints in the kernel', async () => {
    const client = await stage.launch(await stage.program('orders'), { args: ['400'] });
    const breakpoint = { name: 'main.price', condition: 'o.ID == 300' };
    const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [breakpoint] });
    expect(breakpoints).toMatchObject([{ verified: true, message: expect.stringMatching(/^In the kernel/) }]);
    await client.ask('configurationDone');
    expect((await client.next('stopped')).body).toMatchObject({ reason: 'function breakpoint' });
  });
});
