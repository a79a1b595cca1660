/** What the agent will not do, and what it says then. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { ArmRequest } from '../src/agent/protocol.js';
import { type AgentClient, startAgent } from '../src/client/client.js';
import { agentCommand, isPrivileged } from '../src/client/command.js';
import { AgentFailure } from '../src/client/errors.js';
import type { ProbePlan } from '../src/plan/plan.js';
import { agentCommandLine, hitsReach, startTestAgent } from './agent-process.js';
import { attachDelve } from './delve-session.js';
import { handPlan } from './hand-plan.js';
import { kernelIsClean, kernelObjects } from './kernel-leftovers.js';
import { changedBytes, type RunningProgram, startProgram } from './verify-program.js';

/** One sentence for people: no stack, no line break, and it says what to do. */
const refusal = async (answer: Promise<unknown>): Promise<AgentFailure> => {
  const failure: unknown = await answer.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(AgentFailure);
  if (!(failure instanceof AgentFailure)) throw new Error('nothing was refused');
  expect(failure.message).not.toMatch(/\n| at .*:\d+:\d+|undefined|\[object/);
  return failure;
};

describe('starting an agent', () => {
  it('says that the command is not there', async () => {
    const failure = await refusal(startAgent({ command: ['/nonexistent/probelens', 'agent'] }));
    expect(failure.code).toBe('agent-not-found');
    expect(failure.message).toContain('/nonexistent/probelens');
  });

  it('says that it ended before it answered, and what it said', async () => {
    const command = [process.execPath, '-e', 'console.error("no such subcommand"); process.exit(2)'];
    const failure = await refusal(startAgent({ command }));
    expect(failure.code).toBe('agent-ended');
    expect(failure.message).toContain('exit code 2');
    expect(failure.message).toContain('no such subcommand');
  });

  it('says that it does not answer', async () => {
    const command = [process.execPath, '-e', 'process.stdin.resume()'];
    const failure = await refusal(startAgent({ command, helloTimeoutMs: 300 }));
    expect(failure.code).toBe('agent-silent');
  });

  it('says that the two sides are of different versions', async () => {
    const hello = JSON.stringify({ jsonrpc: '2.0', id: 0, result: { protocol: 99 } });
    const text = `Content-Length: ${hello.length}\r\n\r\n${hello}`;
    const command = [process.execPath, '-e', `process.stdin.resume(); process.stdout.write(${JSON.stringify(text)})`];
    const failure = await refusal(startAgent({ command }));
    expect(failure.code).toBe('agent-wrong-protocol');
    expect(failure.message).toContain('99');
  });

  it('chooses sudo without a password prompt unless it is privileged already', () => {
    expect(agentCommand(['probelens', 'agent'], true)).toEqual(['probelens', 'agent']);
    expect(agentCommand(['probelens', 'agent'], false)).toEqual(['sudo', '-n', 'probelens', 'agent']);
    // CAP_SYS_PTRACE alone, with BPF and PERFMON, with SYS_ADMIN.
    expect(isPrivileged(1n << 19n)).toBe(false);
    expect(isPrivileged((1n << 19n) | (1n << 38n) | (1n << 39n))).toBe(true);
    expect(isPrivileged((1n << 19n) | (1n << 21n))).toBe(true);
  });
});

describe.skipIf(requirement('kernel', 'go', 'bpftool').missing)('the agent refuses', () => {
  let directory: string;
  let path: string;
  let plan: ProbePlan;
  let program: RunningProgram;
  let agent: AgentClient;
  let before: ReadonlySet<string>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-refusals-'));
    path = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
    plan = await handPlan(path, 'main.price');
    before = new Set(await kernelObjects());
    program = await startProgram(path);
    agent = await startTestAgent();
  });
  afterAll(async () => {
    await agent.dispose();
    expect(await kernelIsClean(before)).toEqual([]);
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    rmSync(directory, { recursive: true, force: true });
  });

  const target = (): { pid: number; tracer: undefined } => ({ pid: program.pid, tracer: undefined });
  const site = (change: Partial<ProbePlan['sites'][number]>): ProbePlan => ({
    ...plan,
    sites: plan.sites.map((each) => ({ ...each, ...change })),
  });

  it('another build', async () => {
    const named = { ...plan.binary, goBuildId: 'someone/elses/build/id' };
    const nameless = { ...plan.binary, goBuildId: undefined, codeHash: '0'.repeat(64) };
    for (const binary of [named, nameless])
      expect((await refusal(agent.arm({ plan: { ...plan, binary }, target: target() }))).code).toBe('wrong-build-id');
  });

  it('a binary that the process does not run', async () => {
    const other = await privateCopy(await buildFixture('orders'), directory);
    const elsewhere = await handPlan(other, 'main.main');
    expect((await refusal(agent.arm({ plan: elsewhere, target: target() }))).code).toBe('wrong-binary');
  });

  it('bytes that are not those of the plan', async () => {
    expect((await refusal(agent.arm({ plan: site({ instruction: '90' }), target: target() }))).code).toBe(
      'changed-file',
    );
  });

  it('an offset outside the file', async () => {
    const failure = await refusal(agent.arm({ plan: site({ offset: '0x7fffffffff' }), target: target() }));
    expect(failure.code).toBe('changed-file');
  });

  it('a plan with a hole', async () => {
    const { sites: _sites, ...rest } = plan;
    const broken: unknown = rest;
    // What comes over the wire has no type.
    const failure = await refusal(agent.arm({ plan: broken as ProbePlan, target: target() }));
    expect(failure.code).toBe('bad-plan');
  });

  it('a process that is gone', async () => {
    const short = await startProgram(path);
    short.kill();
    await short.exited();
    expect((await refusal(agent.arm({ plan, target: { pid: short.pid, tracer: undefined } }))).code).toBe(
      'no-such-process',
    );
  });

  it('the first process of the machine, into which not even every root may look', async () => {
    const failure = await refusal(agent.arm({ plan, target: { pid: 1, tracer: undefined } }));
    expect(['wrong-binary', 'not-your-process']).toContain(failure.code);
  });

  it('a request without parameters', async () => {
    const [file = '', ...args] = await agentCommandLine();
    const { method } = ArmRequest;
    const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: null });
    const raw = execa(file, args, { reject: false });
    raw.stdin.write(`Content-Length: ${message.length}\r\n\r\n${message}`);
    await once(raw.stdout, 'data');
    raw.stdin.end();
    const { stdout } = await raw;
    expect(stdout).toContain('"code":"bad-plan"');
    expect(stdout).toContain('a request came without its parameters');
  });

  it('a tracer that does not trace', async () => {
    const failure = await refusal(agent.arm({ plan, target: { pid: program.pid, tracer: process.pid } }));
    expect(failure.code).toBe('not-the-tracer');
  });

  it('a probe that is not there', async () => {
    expect((await refusal(agent.disarm(12345))).code).toBe('no-such-probe');
  });

  it("another user's process, for whom sudo works", async () => {
    const command = ['env', 'SUDO_UID=12345', ...(await agentCommandLine())];
    const theirs = await startAgent({ command });
    try {
      const failure = await refusal(theirs.arm({ plan, target: target() }));
      expect(failure.code).toBe('not-your-process');
      expect(failure.message).toContain('12345');
    } finally {
      await theirs.dispose();
    }
  });

  it('to look into a file that the user may not read', async () => {
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'root only', { mode: 0o600 });
    const user = 12345;
    const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore', uid: user, gid: user });
    const command = ['env', `SUDO_UID=${user}`, ...(await agentCommandLine())];
    const theirs = await startAgent({ command });
    try {
      const other = { ...plan, binary: { ...plan.binary, path: secret } };
      const failure = await refusal(theirs.arm({ plan: other, target: { pid: child.pid ?? 0, tracer: undefined } }));
      expect(failure.code).toBe('unreadable-binary');
      expect(failure.message).toContain(`user ${user} may not read it`);
    } finally {
      await theirs.dispose();
      child.kill('SIGKILL');
    }
  });

  it("but not one's own, for whom sudo works", async () => {
    const user = 12345;
    // Temporary directories are their maker's alone.
    for (const each of [directory, dirname(path)]) chmodSync(each, 0o755);
    const child = spawn(path, { stdio: ['pipe', 'pipe', 'ignore'], uid: user, gid: user });
    const command = ['env', `SUDO_UID=${user}`, ...(await agentCommandLine())];
    const theirs = await startAgent({ command });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const { probe } = await theirs.arm({ plan, target: { pid: child.pid ?? 0, tracer: undefined } });
      await hitsReach(theirs, probe, 1);
      await theirs.disarm(probe);
    } finally {
      await theirs.dispose();
      child.kill('SIGKILL');
    }
  });

  it('leaves nothing changed after all these', () => {
    expect(changedBytes(program.pid, path, Number(plan.sites[0]?.offset) - 32, 128)).toEqual([]);
  });
});

describe.skipIf(requirement('kernel', 'go', 'delve').missing)('the agent beside a breakpoint of Delve', () => {
  it('refuses its place and the one before it, and says so', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'probelens-clash-'));
    const path = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
    const plan = await handPlan(path, 'main.price');
    const program = await startProgram(path);
    const delve = await attachDelve(program.pid);
    const agent = await startTestAgent();
    try {
      const [first] = plan.sites;
      if (first === undefined) throw new Error('the plan has no site');
      // By address: Delve's own function breakpoint would sit after the prologue.
      await delve.pause();
      for (const distance of [0, 1]) {
        const place = `0x${(Number(first.address) + distance).toString(16)}`;
        const answer = await delve.request('setInstructionBreakpoints', {
          breakpoints: [{ instructionReference: place }],
        });
        expect(answer.success).toBe(true);
        const failure = await refusal(agent.arm({ plan, target: { pid: program.pid, tracer: delve.pid } }));
        expect(failure.code).toBe('changed-text');
        expect(failure.message).toContain('main.price');
      }
      await delve.request('setInstructionBreakpoints', { breakpoints: [] });
      // With Delve's breakpoint gone the same place is free.
      const { probe } = await agent.arm({ plan, target: { pid: program.pid, tracer: delve.pid } });
      await agent.disarm(probe);
      await delve.detach();
      expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    } finally {
      await agent.dispose();
      delve.kill();
      program.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
