/** Events that others cause: signals are told of the process that gets them, with who sent them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import type { AgentClient } from '../src/client/client.js';
import type { ProbeEvent } from '../src/events.js';
import { parseProbeText } from '../src/spec/text.js';
import { startTestAgent } from './agent-process.js';

describe.skipIf(requirement('kernel').missing)('events about a process', () => {
  let agent: AgentClient;
  let target: ChildProcess;
  let other: ChildProcess;

  beforeEach(async () => {
    agent = await startTestAgent();
    target = spawn('sleep', ['1000'], { stdio: 'ignore' });
    other = spawn('sleep', ['1000'], { stdio: 'ignore' });
  });

  afterEach(async () => {
    await agent.dispose();
    for (const child of [target, other]) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  });

  it('come whoever runs, and say who that was', async () => {
    const events: ProbeEvent[] = [];
    agent.onEvents((batch) => events.push(...batch));
    const parsed = parseProbeText('tracepoint:signal:signal_generate if sig == 18 do log');
    if (!parsed.ok) throw new Error(parsed.message);
    const pid = target.pid ?? 0;
    await agent.armSource({
      spec: parsed.spec,
      target: { pid, tracer: undefined },
      runtime: undefined,
      subject: 'pid',
    });
    other.kill('SIGCONT');
    target.kill('SIGCONT');
    await agent.drain();
    expect(events).toHaveLength(1);
    const [event] = events;
    expect(event).toMatchObject({ pid: process.pid });
    const values = new Map(event?.values.map(({ name, text }) => [name, text]));
    expect(values.get('pid')).toBe(String(pid));
    expect(values.get('sig')).toBe('18');
    const own = readFileSync(`/proc/self/task/${event?.tid}/comm`, 'utf8').trim();
    expect(values.get('current_comm')).toBe(JSON.stringify(own));
  });

  it('tell nothing of the memory of a process that is not the target', async () => {
    const events: ProbeEvent[] = [];
    agent.onEvents((batch) => events.push(...batch));
    const parsed = parseProbeText('tracepoint:signal:signal_generate if sig == 18 do log');
    if (!parsed.ok) throw new Error(parsed.message);
    // The first word that a thread pointer of x86-64 points to is itself (the ABI's TLS variant II): never 0.
    const runtime = { goid: 0, tlsG: 0 };
    const armed = { spec: parsed.spec, target: { pid: target.pid ?? 0, tracer: undefined }, runtime };
    await agent.armSource({ ...armed, subject: 'pid' });
    target.kill('SIGCONT');
    await agent.drain();
    expect(events.map(({ pid, goid }) => ({ pid, goid }))).toEqual([{ pid: process.pid, goid: '0' }]);
  });

  it('are those that name a process, and no others in which some number is its id', async () => {
    for (const [event, subject] of [
      ['syscalls:sys_enter_openat', 'flags'],
      ['signal:signal_generate', 'sig'],
    ] as const) {
      const parsed = parseProbeText(`tracepoint:${event} do log`);
      if (!parsed.ok) throw new Error(parsed.message);
      const params = { spec: parsed.spec, target: { pid: target.pid ?? 0, tracer: undefined }, runtime: undefined };
      await expect(agent.armSource({ ...params, subject })).rejects.toThrow(
        `${subject} of ${event} names no process that the event is about`,
      );
    }
  });

  it('stop nobody', async () => {
    const parsed = parseProbeText('tracepoint:signal:signal_generate do stop');
    if (!parsed.ok) throw new Error(parsed.message);
    const params = { spec: parsed.spec, target: { pid: target.pid ?? 0, tracer: undefined }, runtime: undefined };
    await expect(agent.armSource({ ...params, subject: 'pid' })).rejects.toThrow(
      'A stop by an event that others cause',
    );
  });

  it('are all shown up to their limit within a second, and counted beyond it', async () => {
    let shown = 0;
    agent.onEvents((events) => {
      shown += events.length;
    });
    const parsed = parseProbeText('tracepoint:signal:signal_generate if sig == 18 do log limit 10');
    if (!parsed.ok) throw new Error(parsed.message);
    const armed = { spec: parsed.spec, target: { pid: target.pid ?? 0, tracer: undefined }, runtime: undefined };
    const { probe } = await agent.armSource({ ...armed, subject: 'pid' });
    for (let sent = 0; sent < 10; sent++) target.kill('SIGCONT');
    await agent.drain();
    expect(shown).toBe(10);
    for (let sent = 0; sent < 1_000; sent++) target.kill('SIGCONT');
    const { matches, dropped, full } = await agent.disarm(probe);
    expect([matches, shown + dropped, full]).toEqual([1_010, 1_010, 0]);
  });

  it('have no stack of a program that was not opened, which is said', async () => {
    for (const clause of ['do snapshot', 'do log then snapshot']) {
      const parsed = parseProbeText(`tracepoint:signal:signal_generate ${clause}`);
      if (!parsed.ok) throw new Error(parsed.message);
      const params = { spec: parsed.spec, target: { pid: target.pid ?? 0, tracer: undefined }, runtime: undefined };
      await expect(agent.armSource(params)).rejects.toThrow('The callers of this event are in no Go program that was');
    }
  });
});
