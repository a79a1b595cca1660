/** Exception filters of the kernel: signals that others send, signals that end the program, and the kernel's own choice. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { LiveProgram } from './live-program.js';
import { initializeArguments, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

/** The memory controller of cgroup version 1 or 2, where it can be used. */
const memoryGroups = [
  { directory: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { directory: '/sys/fs/cgroup', limit: 'memory.max' },
].find(({ directory, limit }) => {
  const tried = join(directory, `probelens-try-${process.pid}`);
  try {
    mkdirSync(tried);
    const found = existsSync(join(tried, limit));
    rmdirSync(tried);
    return found;
  } catch (error) {
    // Read-only, or not there: the other version may be.
    if (error instanceof Error) return false;
    throw error;
  }
});

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('exception filters', () => {
  const stage = new SessionStage('exceptions');
  let client: TestClient;
  let target: LiveProgram;
  afterEach(async () => {
    await stage.leaveAll();
    if (target.alive) await target.verdict();
  });

  const attach = async (mode: 'local' | 'probe', filters: readonly string[]): Promise<void> => {
    client = await stage.connect();
    const body = await client.request('initialize', initializeArguments);
    const offered = body.exceptionBreakpointFilters?.map(({ filter }) => filter);
    expect(offered).toEqual(expect.arrayContaining(['unrecovered-panic', ...filters]));
    const answer = client.ask('attach', { mode, processId: target.pid });
    await client.next('initialized');
    expect((await answer).success).toBe(true);
    const set = await client.request('setExceptionBreakpoints', {
      filters: ['unrecovered-panic', 'no-such-filter', ...filters],
    });
    const delves =
      mode === 'local' ? { verified: true } : { verified: false, message: expect.stringContaining('no Delve') };
    const nobodys = {
      verified: false,
      message: expect.stringMatching(/"no-such-filter": choose among .*process-kill/),
    };
    expect(set.breakpoints).toEqual([delves, nobodys, ...filters.map(() => ({ verified: true }))]);
    await client.ask('configurationDone');
  };

  it('stop a program that lives on, and tell of the end of one that does not', async () => {
    // SIGHUP is ignored by what a shell starts like this, so the program survives it.
    const program = await stage.program('orders');
    target = await LiveProgram.start('/bin/sh', ['-c', 'trap "" HUP; exec "$0" serve 200', program]);
    await attach('local', ['process-kill', 'fatal-signal']);
    process.kill(target.pid, 'SIGHUP');
    const stop = (await client.next('stopped')).body;
    const own = new RegExp(`^SIGHUP was sent by .+ \\(process ${process.pid}\\)\\.$`);
    expect(stop).toMatchObject({ reason: 'exception', description: 'SIGHUP', text: expect.stringMatching(own) });
    const { threadId } = stop;
    const info = await client.request('exceptionInfo', { threadId });
    expect(info).toMatchObject({ exceptionId: 'SIGHUP', breakMode: 'always', description: expect.stringMatching(own) });
    expect((await client.request('stackTrace', { threadId, levels: 1 })).stackFrames).toHaveLength(1);
    await client.ask('continue', { threadId });
    process.kill(target.pid, 'SIGKILL');
    await client.next('terminated');
    expect(client.output).toMatch(new RegExp(`^SIGKILL was sent by .+ \\(process ${process.pid}\\)\\.$`, 'm'));
    expect(client.output).toMatch(
      new RegExp(`^SIGKILL ends the program: sent by .+ \\(process ${process.pid}\\)\\.$`, 'm'),
    );
    const told = client.events.findIndex(
      ({ event, body }) => event === 'output' && body.output.startsWith('SIGKILL was sent'),
    );
    expect(told).toBeLessThan(client.events.findIndex(({ event }) => event === 'terminated'));
  });

  it('are off unless asked for, and off again when no longer wanted', async () => {
    const program = await stage.program('orders');
    target = await LiveProgram.start('/bin/sh', ['-c', 'trap "" HUP; exec "$0" serve 200', program]);
    await attach('local', ['process-kill']);
    await client.ask('setExceptionBreakpoints', { filters: [] });
    // Whatever comes first now is the breakpoint, not the signal.
    process.kill(target.pid, 'SIGHUP');
    const breakpoints = [{ name: 'main.price', condition: 'o.ID % 20 == 0' }];
    await client.ask('setFunctionBreakpoints', { breakpoints });
    expect((await client.next('stopped')).body).toMatchObject({ reason: 'function breakpoint' });
    expect(client.output).not.toContain('SIGHUP');
    await client.ask('disconnect', { terminateDebuggee: false });
  });

  it('tell that the kernel ended the program for want of memory', async () => {
    // No package brings a memory controller: where containers have none, this can only be said.
    if (memoryGroups === undefined) {
      process.stderr.write('not tried: no memory cgroup can be made here.\n');
      return;
    }
    const { directory, limit } = memoryGroups;
    const group = join(directory, `probelens-test-${process.pid}`);
    mkdirSync(group);
    try {
      writeFileSync(join(group, limit), String(48 * 1024 * 1024));
      // A machine with swap would fill that first.
      const swap = join(group, 'memory.swap.max');
      if (existsSync(swap)) writeFileSync(swap, '0');
      target = await LiveProgram.start(await stage.program('hive'), []);
      writeFileSync(join(group, 'cgroup.procs'), String(target.pid));
      await attach('probe', ['out-of-memory']);
      target.child.stdin?.write('hoard\n');
      await client.next('terminated');
      expect(client.output).toMatch(/^The kernel ran out of memory and ends the program/m);
      if (target.alive) await once(target.child, 'exit');
      expect(target.child.signalCode).toBe('SIGKILL');
    } finally {
      if (target.alive) target.child.kill('SIGKILL');
      while (readFileSync(join(group, 'cgroup.procs'), 'utf8') !== '') await new Promise((go) => setTimeout(go, 10));
      rmdirSync(group);
    }
  });
});
