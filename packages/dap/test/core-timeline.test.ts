import { describe, expect, it } from 'vitest';
import { bodyOf, eventOf, World } from './core-world.js';

const stop = (world: World, threadId: number, time: bigint): void => {
  const message = { seq: 900, type: 'event', event: 'stopped', body: { reason: 'pause', threadId } } as const;
  world.feed({ kind: 'delve-message', message, time });
};

const timeline = (world: World, args?: object): { entries: { text: string; time: string }[]; dropped: number } => {
  world.request('probelens/timeline', args);
  return bodyOf(world.toClient()) as ReturnType<typeof timeline>;
};

const console = (world: World, expression: string): unknown => {
  world.request('evaluate', { expression, context: 'repl' });
  return bodyOf(world.toClient());
};

describe('the timeline', () => {
  it("merges Delve's stops and the kernel's events by time, whoever reports first", () => {
    const world = World.ready();
    world.gate();
    stop(world, 19, 500n);
    world.feed({
      kind: 'probe-events',
      events: [eventOf(1, 20, { time: '900', trapped: false }), eventOf(1, 19, { time: '400', trapped: false })],
    });
    world.take();
    expect(timeline(world)).toEqual({
      entries: [
        { time: '400', goroutine: 19, kind: 'hit', text: 'hit of the breakpoint at main.f, passed' },
        { time: '500', goroutine: 19, kind: 'stop', text: 'Delve stopped: pause' },
        { time: '900', goroutine: 20, kind: 'hit', text: 'hit of the breakpoint at main.f, passed' },
      ],
      dropped: 0,
    });
    expect(timeline(world, { goroutine: 20 }).entries).toHaveLength(1);
    expect(console(world, 'timeline goroutine 19')).toMatchObject({
      result:
        '       0.000 ms  [Go 19]  hit of the breakpoint at main.f, passed\n       0.000 ms  [Go 19]  Delve stopped: pause',
    });
  });

  it('has a bounded memory and says what it dropped', () => {
    const world = World.ready();
    world.gate();
    for (let batch = 0; batch < 5; batch += 1) {
      const events = Array.from({ length: 600 }, (_, index) =>
        eventOf(1, 20, { time: String(batch * 600 + index), trapped: false }),
      );
      world.feed({ kind: 'probe-events', events });
    }
    world.take();
    const { entries, dropped } = timeline(world);
    expect([entries.length, dropped]).toEqual([2000, 1000]);
    expect([entries[0]?.time, entries.at(-1)?.time]).toEqual(['1000', '2999']);
    const many = Array.from({ length: 2500 }, (_, index) => eventOf(1, 20, { time: String(9000 + index) }));
    world.feed({ kind: 'probe-events', events: many.map((event) => ({ ...event, trapped: false })) });
    world.take();
    expect(timeline(world)).toMatchObject({ dropped: 3500, entries: { length: 2000 } });
    const text = JSON.stringify(console(world, 'timeline'));
    expect(text).toContain('3500 older entries of all goroutines were dropped');
    expect(text).toContain('1900 earlier entries are kept');
  });

  it('refuses what it does not understand, and is empty at first', () => {
    const world = World.ready();
    expect(console(world, 'timeline of main')).toMatchObject({ error: { format: expect.stringContaining('Say') } });
    expect(console(world, 'timeline')).toMatchObject({ result: expect.stringContaining('Nothing') });
  });
});
