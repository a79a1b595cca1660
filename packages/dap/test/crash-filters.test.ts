/** Crashes as exception filters: with Delve what it has no breakpoint for, without it all that ends a program. */
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { requirement, soaking } from '../../../test/requirements.js';
import { LiveProgram } from './live-program.js';
import type { TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('crashes as exceptions', { timeout: 120_000 }, () => {
  const stage = new SessionStage('crashes');
  let client: TestClient;
  let target: LiveProgram;
  afterEach(async () => {
    await stage.leaveAll();
    if (target.alive) await target.verdict();
  });

  /** Attached to the program, which then does what its argument says. */
  const begin = async (mode: 'local' | 'probe', filters: readonly string[], kind: string): Promise<void> => {
    target = await LiveProgram.start(await stage.program('crashes', { env: { CGO_ENABLED: '0' } }), ['-wait', kind]);
    client = await stage.begin('attach', { mode, processId: target.pid });
    await client.ask('setExceptionBreakpoints', { filters });
    // Filters go in behind the answer; a breakpoint is answered when it is in, and it comes later.
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.leave', condition: 'code == -1' }] });
    await client.ask('configurationDone');
    target.child.stdin?.write('\n');
  };

  const stopped = async (): Promise<{
    readonly threadId: number;
    readonly info: unknown;
    readonly frames: string[];
  }> => {
    const { body } = await client.next('stopped');
    expect(body.reason).toBe('exception');
    const { threadId } = body;
    const info = await client.request('exceptionInfo', { threadId });
    expect(info.description).toBe(body.text);
    const stack = (await client.request('stackTrace', { threadId, levels: 20 })).stackFrames;
    return { threadId, info, frames: stack.map(({ name }) => name) };
  };

  it('with Delve: a panic that somebody will recover, and os.Exit', async () => {
    await begin('local', ['any-panic'], 'recovered');
    const { threadId, info, frames } = await stopped();
    expect(info).toMatchObject({ exceptionId: 'panic', description: 'panic: recovered text' });
    expect(frames.slice(0, 3)).toEqual(['runtime.gopanic', 'main.raise', 'main.guarded']);
    await client.ask('continue', { threadId });
    await client.next('terminated');
    await client.leave();
    expect(await target.verdict()).toBe('recovered recovered text code 0 signal null');

    await begin('local', ['os-exit'], 'exit');
    const exit = await stopped();
    expect(exit.info).toMatchObject({ exceptionId: 'os.Exit', description: 'os.Exit(3) is about to end the program.' });
    expect(exit.frames.slice(0, 2)).toEqual(['os.Exit', 'main.leave']);
    await client.ask('continue', { threadId: exit.threadId });
    await client.next('terminated');
  });

  it.runIf(soaking)('without Delve: a fatal error, and a signal (soak)', async () => {
    await begin('probe', ['crash'], 'map-writes');
    const { info, frames } = await stopped();
    expect(info).toMatchObject({ exceptionId: 'fatal error', description: 'fatal error: concurrent map writes' });
    expect(frames).toContain('main.writeTogether.func1');
    await client.leave();
    if (target.alive) await once(target.child, 'exit');

    await begin('probe', ['crash'], 'spin');
    process.kill(target.pid, 'SIGQUIT');
    expect((await stopped()).info).toMatchObject({ exceptionId: 'SIGQUIT' });
    await client.leave();
    if (target.alive) await once(target.child, 'exit');
  });

  it('without Delve: a panic that nobody recovers', async () => {
    await begin('probe', ['crash', 'fatal-signal'], 'goroutine');
    const { threadId, info, frames } = await stopped();
    expect(info).toMatchObject({ description: 'panic: in a goroutine, which nobody recovered' });
    expect(frames).toEqual(expect.arrayContaining(['main.raise', 'main.worker']));
    await client.ask('continue', { threadId });
    await client.next('terminated');
    if (target.alive) await once(target.child, 'exit');
    expect(target.child.exitCode).toBe(2);
    // The kernel delivers SIGKILL to the other threads of a program that ends.
    expect(client.output).not.toContain('SIGKILL');
  });

  it('without Delve: a fatal error, and where the processor refused', async () => {
    await begin('probe', ['crash'], 'fault');
    const { threadId, info } = await stopped();
    expect(info).toMatchObject({ description: 'fatal error: fault (SIGSEGV at address 0xdead0000)' });
    await client.ask('continue', { threadId });
    await client.next('terminated');
    if (target.alive) await once(target.child, 'exit');
    expect(target.child.exitCode).toBe(2);
  });
});
