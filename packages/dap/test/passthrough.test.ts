import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { firstOf, present, refusalOf } from './answers.js';
import { initializeArguments, lineOf, stdioClient, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

describe.skipIf(requirement('delve', 'go').missing)('a session with Delve alone ("kernel": "off")', () => {
  const stage = new SessionStage('pass');
  let program = '';
  const source = join(fixtureSources('orders'), 'order.go');
  const bodyLine = lineOf(source, 'func price(') + 1;

  beforeAll(async () => {
    program = await stage.program('orders', { flags: ['-gcflags=all=-N -l'] });
  });

  let client: TestClient;
  // One of them is on stdio, and not the stage's.
  afterEach(() => client.leave());

  const launched = async (dc: TestClient, args: object = {}): Promise<void> => {
    await dc.ask('initialize', initializeArguments);
    const launch = dc.ask('launch', { mode: 'exec', program, args: ['40'], kernel: 'off', ...args });
    await dc.next('initialized');
    expect((await launch).success).toBe(true);
  };

  it('stops at a conditional breakpoint, shows variables, steps and continues to the end', async () => {
    client = await stage.connect();
    await launched(client);
    const set = await client.request('setBreakpoints', {
      source: { path: source },
      breakpoints: [{ line: bodyLine, condition: 'o.ID == 7' }, { line: 1 }],
    });
    expect(set.breakpoints).toHaveLength(2);
    const [first, second] = [present(set.breakpoints[0]), present(set.breakpoints[1])];
    expect(first).toMatchObject({ verified: true, line: bodyLine });
    expect(second).toMatchObject({ verified: false, line: 1 });
    expect(first.id).toBeGreaterThan(0);
    expect(second.id).toBeGreaterThan(0);
    expect(second.id).not.toBe(first.id);
    await client.ask('configurationDone');
    const stopped = await client.next('stopped');
    expect(stopped.body).toMatchObject({ reason: 'breakpoint', hitBreakpointIds: [first.id], allThreadsStopped: true });
    const { threadId } = stopped.body;
    const stack = await client.request('stackTrace', { threadId });
    expect(stack.stackFrames[0]).toMatchObject({ name: 'main.price', line: bodyLine });
    const id = await client.request('evaluate', { expression: 'o.ID', frameId: firstOf(stack.stackFrames).id });
    expect(id.result).toBe('7');
    await client.ask('next', { threadId });
    expect((await client.next('stopped')).body).toMatchObject({ reason: 'step', threadId });
    await client.ask('continue', { threadId });
    expect((await client.next('exited')).body.exitCode).toBe(0);
    await client.next('terminated');
    expect(client.output).toContain('"calls":40');
    expect((await client.ask('disconnect')).success).toBe(true);
  });

  it('passes requests through that nobody knows, and Delve answers them', async () => {
    client = await stage.connect();
    await launched(client, { stopOnEntry: true });
    await client.ask('configurationDone');
    await client.next('stopped');
    const modules = await client.ask('modules');
    expect(modules).toMatchObject({ success: false, message: 'Unsupported command' });
    expect(refusalOf(modules).format).toContain('cannot process "modules" request');
    const strange = await client.ask('probelens/nothing', { a: 1 });
    expect(strange.success).toBe(false);
    expect(JSON.stringify(strange)).toContain('probelens/nothing');
  });

  it('answers before there is a program as Delve does', async () => {
    client = await stage.connect();
    const early = await client.ask('threads');
    expect(refusalOf(early)).toMatchObject({
      id: 3000,
      format: expect.stringContaining('Use launch or attach request first'),
    });
    const wrong = await client.ask('initialize', { ...initializeArguments, linesStartAt1: false });
    expect(refusalOf(wrong)).toMatchObject({ id: 3002, format: expect.stringContaining('1-based line numbers') });
    const right = await client.ask('initialize', initializeArguments);
    expect(right.body).toMatchObject({ supportsTerminateRequest: true, supportsConditionalBreakpoints: true });
  });

  it('says in one sentence that Delve is missing, and takes a second launch', async () => {
    client = await stage.connect();
    await client.ask('initialize', initializeArguments);
    const missing = await client.ask('launch', { mode: 'exec', program, delve: '/nowhere/dlv' });
    expect(missing.success).toBe(false);
    expect(refusalOf(missing)).toMatchObject({ id: 4101, showUser: true });
    expect(refusalOf(missing).format).toContain('/nowhere/dlv');
    expect(refusalOf(missing).format.split('. ')).toHaveLength(1);
    const broken = await client.ask('launch', { mode: 'exec', program, delve: '/bin/false' });
    expect(refusalOf(broken).id).toBe(4102);
    await launched(client);
    await client.ask('configurationDone');
    await client.next('terminated');
  });

  it('runs two sessions at once on one port', async () => {
    client = await stage.connect();
    const other = await stage.connect();
    await Promise.all([launched(client), launched(other)]);
    await Promise.all([client.ask('configurationDone'), other.ask('configurationDone')]);
    await Promise.all([client.next('terminated'), other.next('terminated')]);
    expect(client.output).toContain('"calls":40');
    expect(other.output).toContain('"calls":40');
    await other.leave();
  });

  it('terminates when asked, and ends on stdio with the client', async () => {
    client = await stdioClient();
    await client.start();
    await launched(client, { args: ['100000000'] });
    await client.ask('configurationDone');
    const { pid } = client;
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect((await client.ask('terminate')).success).toBe(true);
    await client.next('terminated');
    expect(() => process.kill(pid, 0)).toThrow();
    const ended = once(client.adapter, 'exit');
    await client.ask('disconnect');
    expect((await ended)[0]).toBe(0);
  });
});
