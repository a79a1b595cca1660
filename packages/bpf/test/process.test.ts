import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { KernelError, openProcess } from '../src/index.js';

const SIGKILL = 9;
const SIGSTOP = 19;
const SIGCONT = 18;

const pidOf = (child: ChildProcess): number => {
  if (child.pid === undefined) throw new Error('the child did not start');
  return child.pid;
};

/** Lives until its stdin ends. */
const cat = (): ChildProcess => spawn('cat', [], { stdio: ['pipe', 'ignore', 'inherit'] });

describe.skipIf(requirement('kernel').missing)('process handles', () => {
  it('tells every waiter once that the process has ended, and later waiters too', async () => {
    const child = cat();
    const handle = openProcess(pidOf(child));
    expect(handle.exited).toBe(false);
    const calls: string[] = [];
    const first = new Promise<void>((resolve) => {
      handle.onExit(() => {
        calls.push('first');
        resolve();
      });
    });
    handle.onExit(() => calls.push('second'));
    const cancel = handle.onExit(() => calls.push('cancelled'));
    cancel();
    child.stdin?.end();
    await first;
    expect(handle.exited).toBe(true);
    await new Promise<void>((resolve) => handle.onExit(resolve));
    expect(calls).toEqual(['first', 'second']);
    expect(handle.signal(SIGKILL)).toBe(false);
    handle.close();
    handle.close();
  });

  it('sends signals', async () => {
    const child = cat();
    const handle = openProcess(pidOf(child));
    expect(handle.signal(SIGSTOP)).toBe(true);
    expect(handle.signal(SIGCONT)).toBe(true);
    expect(handle.signal(SIGKILL)).toBe(true);
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).toEqual([null, 'SIGKILL']);
    handle.close();
  });

  it('refuses a process that is not there, and says nothing after close', async () => {
    expect(() => openProcess(0x7fff_fff0)).toThrow(KernelError);
    expect(() => openProcess(0)).toThrow(RangeError);
    const child = cat();
    const handle = openProcess(pidOf(child));
    let called = false;
    handle.onExit(() => {
      called = true;
    });
    handle.close();
    expect(() => handle.onExit(() => undefined)).toThrow(/closed/);
    child.stdin?.end();
    await once(child, 'exit');
    await new Promise((resolve) => setImmediate(resolve));
    expect(called).toBe(false);
  });
});
