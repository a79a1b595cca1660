/** Stops at events of the kernel, beside Delve and without it. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { firstOf, resultOf } from './answers.js';
import { LiveProgram } from './live-program.js';
import type { TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('stops at events of the kernel', () => {
  const stage = new SessionStage('tracepoints');
  let client: TestClient;
  let target: LiveProgram;

  const attach = async (mode: 'local' | 'probe'): Promise<void> => {
    target = await LiveProgram.start(await stage.program('errands'), ['loop', mkdtempSync(join(stage.work, 'files-'))]);
    client = await stage.begin('attach', { mode, processId: target.pid });
  };

  const say = async (expression: string) => client.ask('evaluate', { expression, context: 'repl' });
  // One goroutine alone writes 77 bytes at once.
  const text = 'tracepoint:syscalls:sys_enter_write if count == 77 do stop';

  it('stop the goroutine of a system call where it returns, in a place that Delve can show', async () => {
    await attach('local');
    const armed = await say(`probe ${text}`);
    expect(armed).toMatchObject({ success: true });
    const [, id] = /^\[(\d+)\]/.exec(resultOf(armed)) ?? [];
    await client.ask('configurationDone');
    const threads = new Set<number>();
    for (let round = 0; round < 3; round += 1) {
      const stop = (await client.next('stopped')).body;
      expect(stop).toMatchObject({ reason: 'breakpoint', hitBreakpointIds: [Number(id)] });
      expect(stop.text).toMatch(/^syscalls:sys_enter_write\(.*count: 77/);
      const { stackFrames } = await client.request('stackTrace', { threadId: stop.threadId });
      const names = stackFrames.map(({ name }) => name);
      expect(names.slice(0, 4)).toEqual(['syscall.Syscall', 'syscall.write', 'syscall.Write', 'main.scribble']);
      const { scopes } = await client.request('scopes', { frameId: firstOf(stackFrames).id });
      const kernel = scopes.find(({ name }) => name === 'Kernel');
      const { variables } = await client.request('variables', kernel);
      expect(variables).toContainEqual(expect.objectContaining({ name: 'count', value: '77' }));
      threads.add(stop.threadId);
      await client.ask('continue', { threadId: stop.threadId });
    }
    expect(threads.size).toBe(1);
    await client.next('stopped');
    // A second one shares what stands at the returns, and both leave nothing.
    const second = await say('probe tracepoint:syscalls:sys_enter_openat if flags < 0 do stop');
    expect(second).toMatchObject({ success: true });
    const [, other] = /^\[(\d+)\]/.exec(resultOf(second)) ?? [];
    expect((await say(`unprobe ${id}`)).success).toBe(true);
    expect((await say(`unprobe ${other}`)).success).toBe(true);
    expect(resultOf(await say('probes'))).toContain('No probes');
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toMatch(/code 0 signal null$/);
  });

  it('halt the program at the event itself where there is no debugger', async () => {
    await attach('probe');
    expect(await say(`probe ${text.replace('do stop', 'do snapshot')}`)).toMatchObject({ success: true });
    expect(await say(`probe ${text}`)).toMatchObject({ success: true });
    await client.ask('configurationDone');
    for (let round = 0; round < 2; round += 1) {
      const { threadId } = (await client.next('stopped')).body;
      expect(target.state).toBe('T');
      const { stackFrames } = await client.request('stackTrace', { threadId });
      const names = stackFrames.map(({ name }) => name);
      expect(names.slice(0, 2)).toEqual(['syscalls:sys_enter_write', 'internal/runtime/syscall/linux.Syscall6']);
      // Nobody else writes as many bytes.
      expect(names.slice(-4)).toEqual(['main.loopOnce', 'main.loop.func1', 'main.loop.gowrap1', 'runtime.goexit']);
      expect(stackFrames.at(-4)?.source?.name).toBe('loop.go');
      const [, taken = ''] = /^snapshot (\d+):/.exec(resultOf(await say('snapshots'))) ?? [];
      expect(resultOf(await say(`snapshot ${taken}`))).toMatch(/main\.loopOnce \(.*loop\.go:\d+\)/);
      const count = await client.request('evaluate', { expression: 'count', frameId: firstOf(stackFrames).id });
      expect(count.result).toBe('77');
      await client.ask('continue', { threadId });
    }
    await client.ask('disconnect');
    expect(await target.verdict()).toMatch(/code 0 signal null$/);
  });
});
