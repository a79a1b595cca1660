/** What cannot be had is said in one sentence with the next step, and everything else goes on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { firstOf, refusalOf } from './answers.js';
import { initializeArguments, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

const aSentence = /^[A-Z][^\n]*\.$/;

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('refusals', () => {
  const stage = new SessionStage('refusals');
  let program = '';

  beforeAll(async () => {
    program = await stage.program('orders');
  });

  let client: TestClient;

  const started = async (args: object): Promise<void> => {
    client = await stage.launch(program, { args: ['300'], ...args });
  };

  const messageOf = async (breakpoint: object): Promise<string> => {
    const answer = await client.request('setFunctionBreakpoints', { breakpoints: [breakpoint] });
    return firstOf(answer.breakpoints).message ?? '';
  };

  it('without privileges everything works in Delve, with one line in the console', async () => {
    await started({ agent: ['/bin/false'] });
    expect(await messageOf({ name: 'main.price', condition: 'o.ID == 20' })).toMatch(aSentence);
    await client.ask('configurationDone');
    const stop = (await client.next('stopped')).body;
    expect(stop.reason).toBe('function breakpoint');
    const lines = client.output.split('\n').filter((line) => line.includes('Breakpoints stay with Delve'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(aSentence);
    await client.ask('continue', { threadId: stop.threadId });
    await client.next('terminated');
  });

  it('an unknown function is named, with those that are close', async () => {
    await started({});
    const answer = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'main.prise', condition: 'o.ID == 20' }],
    });
    const breakpoint = firstOf(answer.breakpoints);
    expect(breakpoint.verified).toBe(false);
    expect(breakpoint.message).toContain('main.prise');
    expect(breakpoint.message).toContain('main.price');
  });

  it('a condition that cannot be lowered stays with Delve, which says why', async () => {
    await started({});
    expect(await messageOf({ name: 'main.price', condition: 'fmt.Sprint(o.ID) == "20"' })).toMatch(/^In Delve: .*\.$/);
    expect(await messageOf({ name: 'main.price', condition: 'o.Nothing == 1' })).toMatch(/^In Delve: .*\.$/);
    expect(await messageOf({ name: 'main.price', condition: 'o.ID ==' })).toMatch(/./);
  });

  it('a stripped program keeps its breakpoints in Delve', async () => {
    const stripped = await stage.program('orders', { flags: ['-ldflags=-s -w'] });
    client = await stage.connect();
    await client.ask('initialize', initializeArguments);
    const answer = await client.ask('launch', { mode: 'exec', program: stripped, args: ['300'] });
    if (!answer.success) {
      expect(refusalOf(answer).format).toMatch(/^Failed to launch: .*debug info/);
      return;
    }
    await client.next('initialized');
    expect(await messageOf({ name: 'main.price', condition: 'o.ID == 20' })).toMatch(/^In Delve: .*\.$/);
  });

  it('an address where no Delve answers is said', async () => {
    client = await stage.connect();
    await client.ask('initialize', initializeArguments);
    const nobody = await client.ask('attach', { mode: 'remote', port: 1 });
    expect(refusalOf(nobody)).toMatchObject({ id: 4103, format: expect.stringContaining('127.0.0.1:1') });
    const nowhere = await client.ask('attach', { mode: 'remote' });
    expect(refusalOf(nowhere).id).toBe(4104);
  });

  it("another user's connection is closed before a word", async () => {
    client = await stage.connect();
    const script = `require('node:net').connect(${stage.server.port}, '127.0.0.1').on('close', () => process.exit(7)).resume()`;
    const stranger = spawn(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534, stdio: 'ignore', cwd: '/' });
    const [code] = await once(stranger, 'exit');
    expect(code).toBe(7);
    expect((await client.ask('initialize', initializeArguments)).success).toBe(true);
  });

  it('bytes that are no messages end only their own session', async () => {
    client = await stage.connect();
    const noise = connect(stage.server.port, '127.0.0.1');
    await once(noise, 'connect');
    noise.end('GET / HTTP/1.1\r\n\r\n{"not": "dap"}');
    noise.resume();
    await once(noise, 'close');
    expect((await client.ask('initialize', initializeArguments)).success).toBe(true);
  });
});
