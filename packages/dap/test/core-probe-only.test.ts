/** Sessions without a debugger and snapshots as a script: races that a real kernel shows once in a thousand times. */
import { describe, expect, it } from 'vitest';
import { bodyOf, eventOf, planOf, stopped, World } from './core-world.js';

const begun = (): World => {
  const world = new World();
  world.request('initialize', { clientID: 'test', pathFormat: 'path' });
  world.request('attach', { mode: 'probe', processId: 77 });
  world.feed({ kind: 'target-found', pid: 77 }).feed({ kind: 'kernel-opened' });
  world.take();
  return world;
};

/** As World.gate, with `hits` that come before the agent has said whose they are. */
const gate = (world: World, more: object = {}): void => {
  world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', ...more }] });
  world.answerPlans().answerArms();
};

const halted = (world: World, state: 'halted' | 'running' | 'gone' = 'halted'): World => {
  const [wait] = world.only('await-halt');
  return world.feed({ kind: 'halted', ticket: wait?.ticket ?? 0, state });
};

describe('the core without a debugger', () => {
  it('shows all that were hit before they stood still in one stop', () => {
    const world = begun();
    gate(world);
    world.request('configurationDone');
    world.take();
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19), eventOf(1, 20, { time: '90' })] });
    const messages = halted(world).toClient();
    expect(stopped(messages)).toMatchObject([{ reason: 'function breakpoint', threadId: 20, allThreadsStopped: true }]);
    world.request('threads');
    expect(bodyOf(world.toClient())).toMatchObject({ threads: [{ id: 20 }, { id: 19 }] });
    world.request('continue', { threadId: 20 });
    expect(world.only('go-on')).toHaveLength(1);
  });

  it('shows a hit that came before the agent had answered', () => {
    const world = begun();
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f' }] });
    world.answerPlans();
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    world.answerArms();
    world.request('configurationDone');
    expect(stopped(halted(world).toClient())).toMatchObject([{ threadId: 19 }]);
  });

  it('shows no stop before the client has set its breakpoints', () => {
    const world = begun();
    gate(world);
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    expect(stopped(halted(world).toClient())).toEqual([]);
    world.request('configurationDone');
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 19 }]);
  });

  it('sets a program going that a probe halted which is no more', () => {
    const world = begun();
    gate(world);
    world.request('configurationDone');
    world.request('setFunctionBreakpoints', { breakpoints: [] });
    const [out] = world.only('disarm');
    world.feed({ kind: 'disarmed', ticket: out?.ticket ?? 0, counters: [] });
    world.take();
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    const outputs = halted(world).take();
    expect(outputs.map(({ kind }) => kind)).toEqual(['go-on']);
  });

  it('resumes silently while a hit condition does not hold', () => {
    const world = begun();
    gate(world, { hitCondition: '2' });
    world.request('configurationDone');
    world.take();
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    expect(halted(world).only('go-on')).toHaveLength(1);
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    expect(stopped(halted(world).toClient())).toHaveLength(1);
  });

  it('says that somebody else continued the program, and goes on', () => {
    const world = begun();
    gate(world);
    world.request('configurationDone');
    world.take();
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    const messages = halted(world, 'running').toClient();
    expect(stopped(messages)).toEqual([]);
    expect(JSON.stringify(messages)).toContain('SIGCONT');
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    expect(world.only('await-halt')).toHaveLength(1);
  });

  it('begins only when every breakpoint that was asked for is in place', () => {
    const world = new World();
    world.request('initialize', { clientID: 'test', pathFormat: 'path' });
    world.request('launch', { mode: 'probe', program: '/bin/x' });
    world.feed({ kind: 'target-found', pid: 77 }).feed({ kind: 'kernel-opened' });
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f' }] });
    world.request('configurationDone');
    world.answerPlans();
    expect(world.only('release-target')).toEqual([]);
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f' }] });
    world.feed({ kind: 'armed', ticket: world.state.lane.ticket ?? 0, outcomes: [{ ok: true, probe: 1 }] });
    expect(world.only('release-target')).toHaveLength(1);
  });

  it('ends a program that cannot be probed only where it was started for the session', () => {
    const refused = (command: string, args: object): World => {
      const world = new World();
      world.request('initialize', { clientID: 'test', pathFormat: 'path' });
      world.request(command, { mode: 'probe', ...args });
      world.feed({ kind: 'target-found', pid: 77 });
      world.take();
      return world.feed({ kind: 'kernel-unavailable', reason: 'the running program was rebuilt.' });
    };
    expect(refused('attach', { processId: 77 }).only('end-target')).toEqual([]);
    expect(refused('launch', { program: '/bin/x' }).only('end-target')).toHaveLength(1);
  });

  it('takes its probes out before it ends the program, and answers both that asked', () => {
    const world = begun();
    gate(world);
    world.request('configurationDone');
    world.take();
    world.request('terminate');
    world.request('disconnect', { terminateDebuggee: true });
    const [out] = world.only('disarm');
    world.feed({ kind: 'disarmed', ticket: out?.ticket ?? 0, counters: [] });
    expect(world.only('end-target')).toHaveLength(1);
    world.feed({ kind: 'target-ended', code: undefined });
    const [drain] = world.only('drain');
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    const kinds = world.take().map((output) => (output.kind === 'to-client' ? output.message.type : output.kind));
    expect(kinds).toEqual(['event', 'stop-timer', 'response', 'response', 'finish']);
  });

  it('answers whoever waits for a probe when the client leaves', () => {
    const world = begun();
    world.request('evaluate', { expression: 'probe main.f do count', context: 'repl' });
    world.answerPlans().take();
    world.request('disconnect');
    expect(world.toClient()).toMatchObject([{ type: 'response', command: 'evaluate', success: false }]);
  });
});

describe('snapshots', () => {
  const snapshot = planOf('main.f');
  const taken = (world: World, count: number): void => {
    const outcome = {
      ok: true,
      plan: { ...snapshot, spec: { ...snapshot.spec, action: { kind: 'snapshot' } } },
      function: 'main.f',
      file: '/src/x.go',
      line: 7,
      message: 'In the kernel.',
    } as const;
    world.request('evaluate', { expression: 'probe main.f do snapshot', context: 'repl' });
    world.feed({ kind: 'planned', ticket: world.state.lane.ticket ?? 0, outcomes: [outcome] });
    world.feed({ kind: 'armed', ticket: world.state.lane.ticket ?? 0, outcomes: [{ ok: true, probe: 1 }] });
    const events = Array.from({ length: count }, (_, index) => eventOf(1, index + 1, { stack: ['0x401000'] }));
    world.feed({ kind: 'probe-events', events });
    world.take();
  };

  it('keep the latest, and leave ids that every client can hold', () => {
    const world = World.ready();
    taken(world, 1_000);
    world.request('probelens/snapshots');
    const { snapshots } = bodyOf(world.toClient()) as { snapshots: { number: number; threadId: number }[] };
    expect(snapshots).toHaveLength(300);
    expect(snapshots.at(-1)?.number).toBe(1_000);
    const threadId = snapshots.at(-1)?.threadId ?? 0;
    expect(threadId).toBeLessThan(2 ** 31);
    world.request('stackTrace', { threadId });
    const [words] = world.only('symbolise');
    const frames = [{ name: 'main.f', file: '/src/x.go', line: 9, address: '0x401000' }];
    world.feed({ kind: 'symbolised', ticket: words?.ticket ?? 0, frames });
    const { stackFrames } = bodyOf(world.toClient()) as { stackFrames: { id: number }[] };
    expect(stackFrames).toMatchObject([{ name: 'main.f', line: 7 }]);
    expect(stackFrames[0]?.id).toBeLessThan(2 ** 31);
  });

  it('answer a stack that was dropped meanwhile', () => {
    const world = World.ready();
    taken(world, 1);
    world.request('probelens/snapshots');
    const { snapshots } = bodyOf(world.toClient()) as { snapshots: { threadId: number }[] };
    world.request('stackTrace', { threadId: snapshots[0]?.threadId });
    const [words] = world.only('symbolise');
    world.feed({
      kind: 'probe-events',
      events: Array.from({ length: 400 }, (_, index) => eventOf(1, index + 1)),
    });
    world.take();
    world.feed({ kind: 'symbolised', ticket: words?.ticket ?? 0, frames: [] });
    expect(bodyOf(world.toClient())).toEqual({ stackFrames: [], totalFrames: 0 });
  });
});
