/** Stops of kernel events under a real Delve: the event arms the thread, and a gate at a safe place stops it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { isStopped } from '../src/agent/process-state.js';
import type { AgentClient } from '../src/client/client.js';
import type { ProbeEvent } from '../src/events.js';
import { loadPlanner, type Planner } from '../src/plan/planner.js';
import { validatePlan } from '../src/program/index.js';
import { parseProbeText } from '../src/spec/text.js';
import { startTestAgent } from './agent-process.js';
import { attachDelve } from './delve-session.js';
import { until } from './until.js';
import { startProgram } from './verify-program.js';

const specOf = (text: string) => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.spec;
};

describe.skipIf(requirement('kernel', 'go', 'delve').missing)('armed threads', () => {
  let directory: string;
  let planner: Planner;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-armed-'));
    planner = await loadPlanner();
  });
  afterAll(() => {
    planner.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  const runtimeOf = (binary: GoBinary) => {
    const { goid, tlsG } = binary.runtime;
    if (goid === undefined || tlsG === undefined) throw new Error('no goroutines');
    return { goid, tlsG };
  };

  for (const [what, flags] of [
    ['a plain program', []],
    ['a position-independent program', ['-buildmode=pie']],
  ] as const) {
    it(`stops the goroutine of a system call at its return, in ${what}`, { timeout: 120_000 }, async () => {
      const path = await privateCopy(await buildFixture('errands', { flags }), directory);
      const binary = await openGoBinary(path);
      const plans = planner.armedThreadPlans(binary);
      expect(plans.map((plan) => plan.spec.target)).toContainEqual({ kind: 'return', name: 'syscall.Syscall' });
      expect(plans.map((plan) => validatePlan(JSON.parse(JSON.stringify(plan)), 'amd64').forArmedThreads)).toEqual(
        plans.map(() => true),
      );
      const work = mkdtempSync(join(directory, 'work-'));
      const program = await startProgram(path, ['loop', work]);
      const agent: AgentClient = await startTestAgent();
      const events: ProbeEvent[] = [];
      agent.onEvents((batch) => events.push(...batch));
      const delve = await attachDelve(program.pid);
      try {
        const target = { pid: program.pid, tracer: delve.pid };
        const gates: number[] = [];
        for (const plan of plans) gates.push((await agent.arm({ plan, target })).probe);
        const source = await agent.armSource({
          spec: specOf('tracepoint:syscalls:sys_enter_write if count == 77 do stop'),
          target,
          runtime: runtimeOf(binary),
        });
        const stoppedThreads = new Set<number>();
        for (let round = 0; round < 6; round++) {
          const stop = await delve.nextStop();
          expect(stop.reason).toBe('breakpoint');
          stoppedThreads.add(stop.thread);
          await agent.drain();
          const fired = events.filter((event) => event.because !== undefined).at(-1);
          const cause = events.filter((event) => event.probe === source.probe).at(-1);
          expect({ because: fired?.because, trapped: fired?.trapped, goid: fired?.goid }).toEqual({
            because: source.probe,
            trapped: true,
            goid: String(stop.thread),
          });
          // Not the thread: a goroutine may come out of a system call on another one than it went in on.
          expect(cause?.goid).toBe(fired?.goid);
          expect(gates).toContain(fired?.probe);
          expect(cause?.values.find(({ name }) => name === 'count')?.text).toBe('77');
          const { body } = await delve.request('stackTrace', { threadId: stop.thread });
          const frames = body?.stackFrames;
          const names = Array.isArray(frames) ? frames.map((frame: { name: string }) => frame.name) : [];
          expect(names.slice(0, 4)).toEqual(['syscall.Syscall', 'syscall.write', 'syscall.Write', 'main.scribble']);
          await delve.continue(stop.thread);
        }
        // One goroutine alone writes so much at once; the gates have fired for nobody else.
        expect(stoppedThreads.size).toBe(1);
        expect(events.filter((event) => event.because === undefined && event.probe !== source.probe)).toEqual([]);
        const going = delve.keepGoing();
        const counters = await agent.disarm(source.probe);
        expect(counters.faults).toBe(0);
        await agent.disarmAll();
        await delve.leave(program.pid, going);
        program.closeInput();
        expect(await program.exited()).toBe(0);
        const rounds: readonly number[] = JSON.parse(readFileSync(join(work, 'report.json'), 'utf8'));
        expect(Math.min(...rounds)).toBeGreaterThan(0);
      } finally {
        delve.kill();
        await agent.dispose();
        program.kill();
        binary.close();
      }
    });
  }

  it('halts the whole process at the event itself where there is no debugger', { timeout: 60_000 }, async () => {
    const path = await privateCopy(await buildFixture('errands'), directory);
    const binary = await openGoBinary(path);
    const work = mkdtempSync(join(directory, 'work-'));
    const program = await startProgram(path, ['loop', work]);
    const agent = await startTestAgent();
    const events: ProbeEvent[] = [];
    agent.onEvents((batch) => events.push(...batch));
    try {
      const { probe } = await agent.armSource({
        spec: specOf('tracepoint:syscalls:sys_enter_write if count == 77 do stop'),
        target: { pid: program.pid, tracer: undefined, halt: true },
        runtime: runtimeOf(binary),
      });
      for (let stops = 1; stops <= 3; stops++) {
        await until('the process is stopped', () => isStopped(program.pid));
        await agent.drain();
        expect(events.filter((event) => event.probe === probe && event.trapped).length).toBe(stops);
        if (stops < 3) await agent.resume(program.pid);
      }
      // Disarming continues what the probe has stopped.
      await agent.disarm(probe);
      program.closeInput();
      expect(await program.exited()).toBe(0);
    } finally {
      await agent.dispose();
      program.kill();
      binary.close();
    }
  });
});
