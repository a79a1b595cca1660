import { describe, expect, it } from 'vitest';
import { eventOf, World } from './core-world.js';

describe('a timeline that is asked for through the control socket', () => {
  it('is the one of the request, whole or of one goroutine', () => {
    const world = World.ready();
    world.gate();
    const events = [eventOf(1, 20, { time: '900', trapped: false }), eventOf(1, 19, { time: '400', trapped: false })];
    world.feed({ kind: 'probe-events', events });
    world.take();
    world.feed({ kind: 'control-timeline', ticket: 7, goroutine: undefined });
    world.feed({ kind: 'control-timeline', ticket: 8, goroutine: 19 });
    const answers = world.take().filter(({ kind }) => kind === 'control-timeline');
    const entry = (time: string, goroutine: number) => ({
      time,
      goroutine,
      kind: 'hit',
      text: 'hit of the breakpoint at main.f, passed',
    });
    expect(answers).toEqual([
      { kind: 'control-timeline', ticket: 7, timeline: { entries: [entry('400', 19), entry('900', 20)], dropped: 0 } },
      { kind: 'control-timeline', ticket: 8, timeline: { entries: [entry('400', 19)], dropped: 0 } },
    ]);
  });
});
