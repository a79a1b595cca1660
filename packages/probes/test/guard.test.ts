/** The guard alone: what it does when the process that gave it orders is suddenly gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runGuard } from '../src/agent/guard.js';
import { type GuardOrder, parseOrder } from '../src/agent/guard-protocol.js';
import { isStopped, processState } from '../src/agent/process-state.js';
import { agentCommandLine } from './agent-process.js';
import { until } from './until.js';

const identity = (child: ChildProcess): { pid: number; startTime: string } => {
  const state = processState(child.pid ?? 0);
  if (state === undefined) throw new Error('the process is gone');
  return { pid: state.pid, startTime: state.startTime };
};

/** Any process that lasts. */
const sleeper = async (): Promise<ChildProcess> => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  return child;
};

const halt = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGSTOP');
  await until('it is stopped', () => isStopped(child.pid ?? 0));
};

describe.skipIf(process.platform !== 'linux')('guard', () => {
  let target: ChildProcess;
  let input: PassThrough;
  let guard: Promise<number>;

  beforeEach(async () => {
    target = await sleeper();
    input = new PassThrough();
    guard = runGuard({ input });
  });
  afterEach(() => {
    target.kill('SIGKILL');
  });

  const order = (what: GuardOrder): void => {
    input.write(`${JSON.stringify(what)}\n`);
  };

  it('continues what the agent had halted', async () => {
    order({ kind: 'watch', target: identity(target), tracer: undefined, stops: true, note: undefined, text: [] });
    await halt(target);
    input.end();
    expect(await guard).toBe(0);
    expect(isStopped(target.pid ?? 0)).toBe(false);
  });

  it('leaves alone what the agent took back, and what somebody else stopped', async () => {
    const other = await sleeper();
    try {
      order({ kind: 'watch', target: identity(target), tracer: undefined, stops: true, note: undefined, text: [] });
      order({ kind: 'watch', target: identity(other), tracer: undefined, stops: false, note: undefined, text: [] });
      order({ kind: 'forget', pid: target.pid ?? 0 });
      await halt(target);
      await halt(other);
      input.end();
      expect(await guard).toBe(0);
      expect([isStopped(target.pid ?? 0), isStopped(other.pid ?? 0)]).toEqual([true, true]);
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('ends at once on a goodbye', async () => {
    order({ kind: 'watch', target: identity(target), tracer: undefined, stops: true, note: undefined, text: [] });
    await halt(target);
    order({ kind: 'goodbye' });
    expect(await guard).toBe(0);
    expect(isStopped(target.pid ?? 0)).toBe(true);
  });

  it('waits for the tracer to die, then continues', async () => {
    const tracer = await sleeper();
    order({
      kind: 'watch',
      target: identity(target),
      tracer: identity(tracer),
      stops: false,
      note: undefined,
      text: [],
    });
    await halt(target);
    input.end();
    tracer.kill('SIGKILL');
    await once(tracer, 'exit');
    expect(await guard).toBe(0);
    expect(isStopped(target.pid ?? 0)).toBe(false);
  });

  it('does not touch a process that only has the same number', async () => {
    order({
      kind: 'watch',
      target: { ...identity(target), startTime: '1' },
      tracer: undefined,
      stops: true,
      note: undefined,
      text: [],
    });
    await halt(target);
    input.end();
    expect(await guard).toBe(0);
    expect(isStopped(target.pid ?? 0)).toBe(true);
  });

  it('ends when the target is gone, and takes a line cut short for none', async () => {
    order({ kind: 'watch', target: identity(target), tracer: undefined, stops: true, note: undefined, text: [] });
    input.write('{"kind":"watch","target":{"pi');
    target.kill('SIGKILL');
    await once(target, 'exit');
    input.end();
    expect(await guard).toBe(0);
    expect(parseOrder('{"kind":"watch","target":{"pi')).toBeUndefined();
    expect(parseOrder('{"kind":"forget"}')).toBeUndefined();
  });

  it('as a process: in a session of its own, deaf to the terminal, and small', async () => {
    input.end();
    const [node = '', program = ''] = await agentCommandLine();
    const child = spawn(node, ['--max-old-space-size=16', '--max-semi-space-size=1', program, 'guard'], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
    });
    const pid = child.pid ?? 0;
    child.stdin?.write(
      `${JSON.stringify({ kind: 'watch', target: identity(target), tracer: undefined, stops: true, note: undefined, text: [] })}\n`,
    );
    // SIGHUP (bit 0 of the mask) is caught by the guard itself; of the others node has handlers of its own.
    const status = (): string => readFileSync(`/proc/${pid}/status`, 'latin1');
    await until('it catches SIGTERM', () => (BigInt(`0x${/SigCgt:\s*(\w+)/.exec(status())?.[1]}`) & 1n) !== 0n);
    // Field 6 of /proc/PID/stat: the session.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    expect(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])).toBe(pid);
    child.kill('SIGTERM');
    child.kill('SIGINT');
    await halt(target);
    const resident = Number(/VmRSS:\s*(\d+) kB/.exec(status())?.[1]);
    expect(resident).toBeLessThan(64 * 1024);
    child.stdin?.end();
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(isStopped(target.pid ?? 0)).toBe(false);
  });
});
