/** An adapter ends with its editor, whatever it waits for, and whoever still holds an end of its streams. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { watchStarter } from '../src/client/starter.js';
import { adapterProgram } from './adapter-program.js';
import { owned } from './belongings.js';
import { childrenOf, commandOf, LiveProgram } from './live-program.js';
import {
  connectClient,
  initializeArguments,
  lineOf,
  listeningPort,
  stdioClient,
  type TestClient,
} from './session-client.js';
import { gone, until } from './until.js';

const work = mkdtempSync(join(tmpdir(), 'dap-alone-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const endings = ['its input ends', 'it is sent SIGTERM', 'it is sent SIGHUP', 'it is sent SIGINT'] as const;

const end = (client: TestClient, how: (typeof endings)[number]): void => {
  if (how === 'its input ends') client.adapter.stdin?.end();
  else
    client.adapter.kill(how === 'it is sent SIGTERM' ? 'SIGTERM' : how === 'it is sent SIGHUP' ? 'SIGHUP' : 'SIGINT');
};

const greeted = async (): Promise<TestClient> => {
  const client = await stdioClient();
  await client.start();
  await client.ask('initialize', initializeArguments);
  return client;
};

describe('an adapter on stdio', () => {
  it.each(endings)('ends when %s while Delve is silent', async (how) => {
    const silent = join(mkdtempSync(join(work, 'silent-')), 'dlv');
    writeFileSync(silent, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    const client = await greeted();
    const launch = client.ask('launch', { mode: 'exec', program: '/bin/true', delve: silent, kernel: 'off' });
    const started = (): readonly number[] =>
      childrenOf(client.adapter.pid ?? 0).filter((pid) => commandOf(pid) === 'sleep 600');
    await until('it waits for Delve', () => started().length === 1);
    const [child] = started();
    const exited = once(client.adapter, 'exit');
    end(client, how);
    expect(await launch).toMatchObject({ success: false });
    expect(await exited).toEqual([0, null]);
    expect(gone(child)).toBe(true);
  });
});

describe.skipIf(requirement('delve', 'go').missing)('with a program', () => {
  it('ends although the program holds the output of a Delve that was killed', async () => {
    const client = await greeted();
    const program = await privateCopy(await buildFixture('orders'), work);
    const args = { mode: 'exec', program, args: ['1000000000'], outputMode: 'local', kernel: 'off' };
    const launch = client.ask('launch', args);
    await client.next('initialized');
    await launch;
    const { pid } = client;
    const [delve] = childrenOf(client.adapter.pid ?? 0).filter((each) => commandOf(each).includes('dlv dap'));
    process.kill(delve ?? 0, 'SIGKILL');
    await client.next('terminated');
    const exited = once(client.adapter, 'exit');
    await client.ask('disconnect');
    expect(await exited).toEqual([0, null]);
    // Delve that is killed leaves what it has started.
    process.kill(pid, 'SIGKILL');
  });

  it('leaves it in order when nobody reads its output any more', async () => {
    const target = await LiveProgram.start(await privateCopy(await buildFixture('orders'), work), ['serve', '2000']);
    const client = await greeted();
    const attach = client.ask('attach', { mode: 'local', processId: target.pid, kernel: 'off' });
    await client.next('initialized');
    await attach;
    const source = join(fixtureSources('orders'), 'order.go');
    // What Delve loses programs by when it is left while they run.
    const breakpoints = [{ line: lineOf(source, 'scaled :='), condition: 'value < 0' }];
    await client.ask('setBreakpoints', { source: { path: source }, breakpoints });
    await client.ask('configurationDone');
    const exited = once(client.adapter, 'exit');
    client.adapter.stdout?.destroy();
    void client.ask('threads');
    expect(await exited).toEqual([0, null]);
    expect(await target.verdict()).toMatch(/"wrong":0.* code 0 signal null$/);
  });
});

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('an adapter that is killed', () => {
  it.runIf(soaking)('leaves neither a Delve that hangs nor what that has started (soak)', async () => {
    const client = await greeted();
    const program = await privateCopy(await buildFixture('orders'), work);
    const launch = client.ask('launch', { mode: 'exec', program, args: ['1000000000'] });
    await client.next('initialized');
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID < 0' }] });
    await client.ask('configurationDone');
    await launch;
    const { pid } = client;
    const [delve = 0] = childrenOf(client.adapter.pid ?? 0).filter((each) => commandOf(each).includes('dlv dap'));
    process.kill(delve, 'SIGSTOP');
    client.adapter.kill('SIGKILL');
    await until('Delve and the program are gone', () => gone(delve) && gone(pid), 60_000);
  });
});

describe('an adapter on a port', () => {
  it('ends after its last session when the editor that started it was killed', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const server = spawn(process.execPath, [process.argv[1], 'dap', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
      server.stdout.on('data', (text) => process.stdout.write(text + 'server ' + server.pid + '\\n'));`;
    const editor = owned(
      spawn(process.execPath, ['-e', script, await adapterProgram()], { stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    const port = await listeningPort(editor, /^listening (\d+)$/);
    const server = childrenOf(editor.pid ?? 0)[0];
    const client = await connectClient(port);
    await client.ask('initialize', initializeArguments);
    editor.kill('SIGKILL');
    await once(editor, 'exit');
    // Somebody else's session goes on.
    expect(await client.ask('initialize', initializeArguments)).toBeDefined();
    expect(gone(server)).toBe(false);
    client.drop();
    await until('the server is gone', () => gone(server), 60_000);
  });

  describe('looks at its starter', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    const watched = (output: PassThrough & { fd?: number }) => {
      let parent = 7;
      const calls: string[] = [];
      const leave = watchStarter({ output, parent: () => parent }, () => calls.push('gone'));
      return {
        calls,
        leave,
        orphan: () => {
          parent = 1;
          vi.advanceTimersByTime(5_000);
        },
      };
    };

    it('and goes on when its output goes to a file', () => {
      const fd = openSync(join(work, 'log'), 'w');
      const output = Object.assign(new PassThrough(), { fd });
      const { orphan, calls } = watched(output);
      vi.advanceTimersByTime(5_000);
      orphan();
      expect([output.read(), calls]).toEqual([null, []]);
      closeSync(fd);
    });

    it('no more when it has been told not to', () => {
      const output = new PassThrough();
      const { orphan, leave } = watched(output);
      leave();
      orphan();
      expect(output.read()).toBeNull();
    });
  });
});
