import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { journalDirectories, readJournal, writeNote } from '../src/agent/journal.js';
import { isStopped, processState } from '../src/agent/process-state.js';
import { diagnose } from '../src/doctor/doctor.js';
import { abilityCheck } from '../src/doctor/kernel-checks.js';
import { findLeftovers, mendLeftovers } from '../src/doctor/leftovers.js';
import { agentCommandLine, startTestAgent } from './agent-process.js';
import { handPlan } from './hand-plan.js';
import { until } from './until.js';
import { startProgram } from './verify-program.js';

describe('doctor', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-doctor-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it.skipIf(requirement('kernel', 'delve').missing)('finds this machine well, each check by its own name', async () => {
    const program = await agentCommandLine();
    const checks = await diagnose({ agentProgram: program, agentCommand: program, delve: 'dlv' });
    const ids = checks.map((check) => check.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ['platform', 'privileges', 'kernel-bpf', 'kernel-ring-buffer', 'kernel-pidfd', 'kernel-btf'])
      expect(checks.find((check) => check.id === id)?.state).toBe('ok');
    // None goes by its name in the code.
    expect(checks.map((check) => check.title).filter((title) => /^[a-z]+[A-Z]/.test(title))).toEqual([]);
    // Whatever else: each is told in whole sentences.
    for (const check of checks) expect(check.detail).toMatch(/^[A-Z\d/].*[.]$/s);
  });

  it('prints the one sudoers line when sudo refuses', async () => {
    // A sudo that refuses, as the real one does without a rule.
    const sudo = join(directory, 'sudo');
    writeFileSync(sudo, '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n');
    chmodSync(sudo, 0o755);
    const path = process.env.PATH;
    process.env.PATH = `${directory}:${path}`;
    try {
      const program = ['/opt/node', '/opt/probe:lens.js', 'agent'];
      const checks = await diagnose({ agentProgram: program, agentCommand: ['sudo', '-n', ...program], delve: 'dlv' });
      const check = checks.find(({ id }) => id === 'privileges');
      expect(check?.state).toBe('broken');
      expect(check?.detail).toContain('a password is required');
      expect(check?.fix).toMatch(
        /^echo '\S+ ALL=\(root\) NOPASSWD: \/opt\/node \/opt\/probe\\:lens.js agent' \| sudo tee \/etc\/sudoers.d\/probelens$/,
      );
    } finally {
      process.env.PATH = path;
    }
  });

  it('says how to get Delve', async () => {
    const program = ['/nonexistent/agent'];
    const checks = await diagnose({ agentProgram: program, agentCommand: program, delve: join(directory, 'dlv') });
    expect(checks.find(({ id }) => id === 'delve')).toMatchObject({
      state: 'degraded',
      fix: expect.stringContaining('go install'),
    });
  });

  it('knows what each missing ability costs', () => {
    const missing = { works: false, reason: 'The kernel is too old.' };
    expect(abilityCheck({ id: 'bpf', ...missing })).toMatchObject({ id: 'kernel-bpf', state: 'broken' });
    expect(abilityCheck({ id: 'uprobeMulti', ...missing })).toMatchObject({
      id: 'kernel-uprobe-multi',
      state: 'degraded',
      detail: expect.stringContaining('The kernel is too old.'),
    });
  });

  describe.skipIf(process.platform !== 'linux')('leftovers', () => {
    let target: ChildProcess;
    beforeEach(async () => {
      target = spawn('sleep', ['600'], { stdio: 'ignore' });
      await once(target, 'spawn');
    });
    afterEach(() => {
      target.kill('SIGKILL');
    });

    const identity = (): { pid: number; startTime: string } => ({
      pid: target.pid ?? 0,
      startTime: processState(target.pid ?? 0)?.startTime ?? '',
    });

    /** A note as an agent writes it, of an agent that is no more. */
    const noteOfDead = (): string => {
      const path = writeNote(identity(), [directory]) ?? '';
      const [entry] = readJournal([directory]);
      writeFileSync(path, JSON.stringify({ target: entry?.target, agent: { pid: process.pid, startTime: '1' } }));
      return path;
    };

    it('continues what was left stopped, and takes the note away', async () => {
      const path = noteOfDead();
      target.kill('SIGSTOP');
      await until('it is stopped', () => isStopped(target.pid ?? 0));
      expect(findLeftovers(readJournal([directory]))).toMatchObject([{ pid: target.pid, kind: 'stopped' }]);
      expect(mendLeftovers(findLeftovers(readJournal([directory])))).toEqual([
        `Continued process ${target.pid}, which was left stopped.`,
      ]);
      await until('it runs', () => !isStopped(target.pid ?? 0));
      expect(existsSync(path)).toBe(false);
    });

    it('does not touch what a living agent looks after', async () => {
      writeNote(identity(), [directory]);
      target.kill('SIGSTOP');
      await until('it is stopped', () => isStopped(target.pid ?? 0));
      expect(findLeftovers(readJournal([directory]))).toEqual([]);
    });

    it('keeps no note of what is gone on both sides', async () => {
      const path = noteOfDead();
      target.kill('SIGKILL');
      await once(target, 'exit');
      const other = spawn('sleep', ['600'], { stdio: 'ignore' });
      try {
        await once(other, 'spawn');
        writeNote({ pid: other.pid ?? 0, startTime: processState(other.pid ?? 0)?.startTime ?? '' }, [directory]);
        expect(existsSync(path)).toBe(false);
        expect(readJournal([directory]).map((entry) => entry.target.pid)).toEqual([other.pid]);
      } finally {
        other.kill('SIGKILL');
      }
    });

    it('does not trip over a broken note', () => {
      writeFileSync(join(directory, '1-2.json'), '{"agent":');
      writeFileSync(join(directory, '1-3.json'), '[]');
      expect(readJournal([directory])).toEqual([]);
      expect(readJournal([join(directory, 'nothing')])).toEqual([]);
    });
  });

  it.skipIf(requirement('kernel', 'go').missing)(
    'finds a program that agent and guard, killed together, left stopped',
    { timeout: 60_000 },
    async () => {
      const path = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
      const program = await startProgram(path);
      try {
        const agent = await startTestAgent();
        const closed = new Promise((resolve) => agent.onClosed(resolve));
        const plan = await handPlan(path, 'main.price');
        await agent.arm({ plan, target: { pid: program.pid, tracer: undefined, halt: true } });
        await until('it is stopped', () => program.states.every((state) => state === 'T'));
        const guard = readdirSync('/proc')
          .map(Number)
          .find((pid) => pid > 0 && processState(pid)?.parent === agent.hello.pid);
        process.kill(guard ?? 0, 'SIGSTOP');
        process.kill(agent.hello.pid, 'SIGKILL');
        process.kill(guard ?? 0, 'SIGKILL');
        await closed;
        expect(program.states).toContain('T');
        const found = findLeftovers(readJournal(journalDirectories())).filter(({ pid }) => pid === program.pid);
        expect(found).toMatchObject([{ kind: 'stopped' }]);
        mendLeftovers(found);
        await until('it runs', () => !program.states.includes('T'));
        expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
      } finally {
        program.kill();
      }
    },
  );
});
