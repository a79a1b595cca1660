/** An agent that does not answer: what waits for it goes on without, and the person is told. */
import { describe, expect, it } from 'vitest';
import { eventOf, planOf, stopped, World } from './core-world.js';

const path = '/src/x.go';

const timers = (world: World, name: string): readonly string[] =>
  world.take().flatMap((output) => ('name' in output && output.name === name ? [output.kind] : []));

const trap = (world: World): World =>
  world.delveEvent('stopped', { reason: 'breakpoint', threadId: 5, allThreadsStopped: true });

describe('an agent that does not answer', () => {
  it('is waited for as long as a stop waits, and no longer', () => {
    const world = trap(World.withGate());
    expect(timers(world, 'silent-reading')).toEqual(['start-timer']);
    const { stage } = world.state.held ?? {};
    world.feed({ kind: 'drained', ticket: stage?.kind === 'draining' ? stage.ticket : 0 });
    expect(timers(world, 'silent-reading')).toEqual(['stop-timer']);
    // The timer had gone off already.
    world.feed({ kind: 'timer', name: 'silent-reading' });
    expect(world.state.kernel.state).toBe('ready');
  });

  it.each([
    ['told', [eventOf(1, 5)], [1]],
    ['not told', [], undefined],
  ])('holds no stop whose hit it has %s, and is ended', (_, events, ids) => {
    const world = World.withGate();
    world.feed({ kind: 'probe-events', events });
    trap(world).take();
    world.feed({ kind: 'timer', name: 'silent-reading' });
    const outputs = world.take();
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(stopped(messages)).toMatchObject([{ threadId: 5, ...(ids && { hitBreakpointIds: ids }) }]);
    expect(JSON.stringify(messages)).toContain('What 1 breakpoint and 0 other probes of the kernel saw last is lost.');
    expect(outputs.some(({ kind }) => kind === 'end-agent')).toBe(true);
    const compare = outputs.find(({ kind }) => kind === 'compare-text');
    world.feed({ kind: 'text-compared', ticket: compare?.kind === 'compare-text' ? compare.ticket : 0, changed: [] });
    expect(world.toDelve()).toMatchObject([{ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 7 }] } }]);
  });

  it("holds no end of the program's", () => {
    const world = World.withGate();
    world.delveEvent('exited', { exitCode: 0 }).delveEvent('terminated');
    expect(world.toClient()).toEqual([]);
    world.feed({ kind: 'timer', name: 'silent-reading' });
    const events = world.toClient().flatMap((message) => (message.type === 'event' ? [message.event] : []));
    expect(events.slice(-2)).toEqual(['exited', 'terminated']);
  });

  it('holds no request that waits until its gate is out', () => {
    const world = World.withGate();
    world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 7 }] });
    expect(timers(world, 'silent-writing')).toEqual(['start-timer']);
    const { ticket = 0 } = world.state.lane;
    world.feed({ kind: 'timer', name: 'silent-writing' });
    expect(world.take().some(({ kind }) => kind === 'end-agent')).toBe(true);
    world.feed({ kind: 'disarmed', ticket, counters: [] });
    const [compare] = world.only('compare-text');
    world.feed({ kind: 'text-compared', ticket: compare?.ticket ?? 0, changed: [] });
    expect(world.toDelve()).toMatchObject([{ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 7 }] } }]);
  });

  it('holds no probe that it has refused until its helpers are out', () => {
    const world = World.withGate();
    world.request('evaluate', { expression: 'probe tracepoint:syscalls:sys_enter_bpf do stop', context: 'repl' });
    const [asked] = world.only('plan');
    const place = { function: 'main.f', file: path, line: 7, message: 'In the kernel.' };
    const planned = { ok: true, plan: planOf('main.f'), ...place } as const;
    const outcome = { ...planned, helpers: [planned] };
    world.feed({ kind: 'planned', ticket: asked?.ticket ?? 0, outcomes: [outcome] });
    const [arm] = world.only('arm');
    const outcomes = [
      { ok: true, probe: 9 },
      { ok: false, message: 'No.' },
    ] as const;
    world.feed({ kind: 'armed', ticket: arm?.ticket ?? 0, outcomes });
    const outputs = world.take();
    expect(outputs.some(({ kind }) => kind === 'disarm')).toBe(true);
    // The arming is answered, the disarming is waited for.
    const watch = outputs.filter((output) => 'name' in output && output.name === 'silent-writing');
    expect(watch.map(({ kind }) => kind)).toEqual(['start-timer']);
    const { ticket = 0 } = world.state.lane;
    world.feed({ kind: 'timer', name: 'silent-writing' });
    world.feed({ kind: 'disarmed', ticket, counters: [] });
    expect(JSON.stringify(world.toClient())).toContain('No.');
  });
});
