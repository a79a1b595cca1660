/**
 * Every way in which a trace ends: what its agent had in the kernel is gone, and a program that goes on is unharmed:
 * running, right in every result, with the bytes of its file. Random moments; PROBELENS_SOAK=1 makes it a hundred each.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processState, sendSignal } from '../../packages/probes/src/agent/process-state.js';
import { randomFrom, until } from '../../packages/probes/test/until.js';
import { changedBytes, type RunningProgram, startProgram } from '../../packages/probes/test/verify-program.js';
import { builtCommand, runCommand } from '../command.js';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement, soaking } from '../requirements.js';
import { childNamed, childrenOf, leftOver, objectsOf } from './kernel-objects.js';
import { traceArguments } from './trace-command.js';

const rounds = soaking ? 100 : 1;

/**
 * Lines, returns, conditions and the scheduler: several programs and links at once. They are armed in this order and only
 * the last one speaks, so its first event says that all are in.
 */
const PROBES = [
  'main.settle return do count',
  'main.price if o.ID == 4 do count',
  'tracepoint:sched:sched_switch do count',
  'main.settle do log limit 500',
];

/** The command once it has shown its first event. */
const started = async (args: readonly string[]) => {
  const child = execa(process.execPath, [await builtCommand(), ...args], { stdin: 'pipe', reject: false });
  const { pid } = child;
  if (pid === undefined) throw new Error('node did not start');
  await Promise.race([once(child.stdout, 'data'), child]);
  return { pid, stdout: child.stdout, ended: async () => await child };
};

/** Agent and guard of a running trace, and what the agent holds. */
const partsOf = (trace: number) => {
  const agent = childNamed(trace, 'agent');
  if (agent === undefined) throw new Error('the trace has no agent');
  const [guard] = childrenOf(agent);
  return { agent, guard, objects: objectsOf(agent) };
};

/** Whether the process has become the program: until then it is the shell that holds it. */
const hasBegun = (pid: number, path: string): boolean => {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === path;
  } catch (error) {
    // Gone.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return false;
    throw error;
  }
};

const isGone = (pid: number): Promise<void> => until(`process ${pid} is gone`, () => processState(pid) === undefined);

interface Ending {
  readonly name: string;
  readonly end: (parts: { trace: number; agent: number; guard: number | undefined }) => void;
  /** Exit code of the command, undefined when it is killed. */
  readonly code: number | undefined;
  readonly stderr: RegExp;
}

const quiet = /^$/;

const endings: readonly Ending[] = [
  { name: 'SIGINT', end: ({ trace }) => sendSignal(trace, 'SIGINT'), code: 0, stderr: quiet },
  { name: 'SIGTERM', end: ({ trace }) => sendSignal(trace, 'SIGTERM'), code: 0, stderr: quiet },
  { name: 'SIGKILL of the command', end: ({ trace }) => sendSignal(trace, 'SIGKILL'), code: undefined, stderr: quiet },
  {
    name: 'SIGKILL of the agent',
    end: ({ agent }) => sendSignal(agent, 'SIGKILL'),
    code: 1,
    stderr: /^probelens: The probe agent ended \(killed by SIGKILL\).*; its probes are out of the kernel, [^\n]*$/,
  },
  {
    name: 'SIGKILL of both',
    end: ({ trace, agent }) => {
      sendSignal(trace, 'SIGKILL');
      sendSignal(agent, 'SIGKILL');
    },
    code: undefined,
    stderr: quiet,
  },
  {
    name: 'SIGKILL of all three',
    end: ({ trace, agent, guard }) => {
      if (guard !== undefined) sendSignal(guard, 'SIGKILL');
      sendSignal(agent, 'SIGKILL');
      sendSignal(trace, 'SIGKILL');
    },
    code: undefined,
    stderr: quiet,
  },
];

describe.skipIf(requirement('kernel', 'go', 'bpftool').missing)('a trace that ends by', () => {
  let directory: string;
  let verify: string;
  let text: { offset: number; size: number };
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-endings-'));
    verify = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
    const { stdout } = await runCommand(['functions', verify, '--match', '^main\\.settle$', '--json']);
    const { offset, size }: { offset: string; size: number } = JSON.parse(stdout);
    text = { offset: Number(offset), size };
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const expectUnharmed = async (program: RunningProgram): Promise<void> => {
    await until('no thread is stopped', () => !program.states.some((state) => state === 'T' || state === 't'));
    expect(changedBytes(program.pid, verify, text.offset, text.size)).toEqual([]);
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  };

  for (const [index, ending] of endings.entries()) {
    it(`${ending.name}, ${rounds} times`, { timeout: 60_000 + rounds * 10_000 }, async () => {
      const random = randomFrom(index + 1);
      for (let round = 0; round < rounds; round++) {
        const program = await startProgram(verify);
        try {
          const trace = await started([...traceArguments(PROBES), '--json', '--pid', String(program.pid)]);
          const { pid } = trace;
          const parts = partsOf(pid);
          // Four programs and the sum of their links, at least.
          expect(parts.objects.length).toBeGreaterThan(8);
          expect(changedBytes(program.pid, verify, text.offset, text.size)).not.toEqual([]);
          await new Promise((resolve) => setTimeout(resolve, random() * 100));
          ending.end({ trace: pid, ...parts });
          const { exitCode, stderr } = await trace.ended();
          expect(exitCode).toBe(ending.code);
          expect(stderr).toMatch(ending.stderr);
          expect(await leftOver(parts.objects)).toEqual([]);
          await isGone(parts.agent);
          if (parts.guard !== undefined) await isGone(parts.guard);
          await expectUnharmed(program);
        } finally {
          program.kill();
        }
      }
    });
  }

  it('a full disk', { timeout: 60_000 }, async () => {
    const program = await startProgram(verify);
    const full = openSync('/dev/full', 'w');
    try {
      const command = [await builtCommand(), ...traceArguments(PROBES), '--pid', String(program.pid)];
      const { stderr, status } = spawnSync(process.execPath, command, {
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      });
      expect(stderr).toMatch(/^probelens: The output cannot be written: the disk is full; [^\n]*\n$/);
      expect(status).toBe(1);
      await expectUnharmed(program);
    } finally {
      closeSync(full);
      program.kill();
    }
  });

  it('nobody reading it any more', { timeout: 60_000 }, async () => {
    const program = await startProgram(verify);
    try {
      const trace = await started([...traceArguments(PROBES), '--pid', String(program.pid)]);
      const parts = partsOf(trace.pid);
      trace.stdout.destroy();
      expect((await trace.ended()).stderr).toBe('');
      expect(await leftOver(parts.objects)).toEqual([]);
      await expectUnharmed(program);
    } finally {
      program.kill();
    }
  });

  for (const [signal, how] of [
    ['SIGTERM', 'ending'],
    ['SIGKILL', 'being killed'],
  ] as const) {
    it(`the program ${how}`, { timeout: 60_000 }, async () => {
      const program = await startProgram(verify);
      try {
        const trace = await started([...traceArguments(PROBES), '--json', '--pid', String(program.pid)]);
        const parts = partsOf(trace.pid);
        sendSignal(program.pid, signal);
        const { exitCode, stderr, stdout } = await trace.ended();
        expect([exitCode, stderr]).toEqual([0, '']);
        expect(JSON.parse(stdout.split('\n').at(-1) ?? '').probes).toHaveLength(PROBES.length);
        expect(await leftOver(parts.objects)).toEqual([]);
        if (signal === 'SIGTERM') expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
      } finally {
        program.kill();
      }
    });
  }

  it('Ctrl-C ends a program that it had started', { timeout: 60_000 }, async () => {
    const trace = await started([...traceArguments(PROBES), verify]);
    const { objects, agent } = partsOf(trace.pid);
    const [program] = childrenOf(trace.pid).filter((pid) => pid !== agent);
    sendSignal(trace.pid, 'SIGINT');
    const { exitCode, stdout } = await trace.ended();
    expect(exitCode).toBe(0);
    // The program's own verdict, then the table.
    expect(stdout).toMatch(/^calls \d+ bad 0$/m);
    expect(stdout).toMatch(/^ *hits +matches +faults +lost +probe$/m);
    expect(await leftOver(objects)).toEqual([]);
    await isGone(program ?? 0);
  });

  it('SIGKILL leaves a program that it had started running', { timeout: 60_000 }, async () => {
    const trace = await started([...traceArguments(PROBES), '--json', verify, '--', '600']);
    const { objects, agent } = partsOf(trace.pid);
    const [program = 0] = childrenOf(trace.pid).filter((pid) => pid !== agent);
    try {
      sendSignal(trace.pid, 'SIGKILL');
      await trace.ended();
      expect(await leftOver(objects)).toEqual([]);
      expect(changedBytes(program, verify, text.offset, text.size)).toEqual([]);
      expect(processState(program)?.state).toMatch(/^[RS]$/);
    } finally {
      sendSignal(program, 'SIGKILL');
    }
  });

  it(`SIGKILL before the program began leaves no process, ${rounds * 4} times`, { timeout: 600_000 }, async () => {
    const random = randomFrom(77);
    const command = await builtCommand();
    for (let round = 0; round < rounds * 4; round++) {
      const trace = execa(process.execPath, [command, ...traceArguments(PROBES), '--json', verify, '--', '600'], {
        reject: false,
      });
      const pid = trace.pid ?? 0;
      // Any moment from the first child on; the second one is the program or the shell that becomes it.
      const wanted = random() < 0.3 ? 1 : 2;
      await until('it has children', () => childrenOf(pid).length >= wanted || processState(pid) === undefined);
      await new Promise((resolve) => setTimeout(resolve, random() * 20));
      const children = childrenOf(pid);
      sendSignal(pid, 'SIGKILL');
      await trace;
      try {
        for (const child of children)
          await until(`process ${child} is gone or runs`, () => processState(child)?.state !== 'T');
        const agents = children.filter((child) => !hasBegun(child, verify));
        for (const child of agents) await isGone(child);
      } finally {
        for (const child of children) sendSignal(child, 'SIGKILL');
      }
    }
  });
});
