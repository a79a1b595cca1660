/** A new gate may trap before the agent has answered that it is armed: the stop waits for its name. */
import { describe, expect, it } from 'vitest';
import { bodyOf, eventOf, stopped, World } from './core-world.js';

/** A running program; one gate is being armed, and its first trap is ahead of the answer. */
const trapped = (): { readonly world: World; readonly ticket: number } => {
  const world = World.ready();
  world.request('configurationDone');
  world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
  world.answerPlans();
  const [arm] = world.only('arm');
  world.trap(20, [eventOf(1, 21, { time: '101' }), eventOf(1, 20)]);
  expect(stopped(world.toClient())).toEqual([]);
  return { world, ticket: arm?.ticket ?? 0 };
};

const armed = [{ ok: true, probe: 1 }] as const;

describe('a trap ahead of the answer that its gate is armed', () => {
  it('is shown behind that answer, and so are those of the same moment', () => {
    const { world, ticket } = trapped();
    world.feed({ kind: 'armed', ticket, outcomes: armed });
    const messages = world.toClient();
    const { breakpoints } = bodyOf(messages) as { breakpoints: { id: number }[] };
    expect(messages.map((message) => message.type)).toEqual(['response', 'event']);
    const ids = { hitBreakpointIds: [breakpoints[0]?.id] };
    expect(stopped(messages)).toEqual([
      { reason: 'function breakpoint', threadId: 20, allThreadsStopped: true, ...ids },
    ]);
    world.request('continue', { threadId: 20 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 21, ...ids }]);
  });

  it('may be told of after the stop was', () => {
    const world = World.ready();
    world.request('configurationDone');
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    world.answerPlans();
    const [arm] = world.only('arm');
    world.feed({ kind: 'probe-events', events: [eventOf(1, 20)] });
    world.feed({ kind: 'armed', ticket: arm?.ticket ?? 0, outcomes: armed });
    world.take();
    world.trap(20, []);
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 20, hitBreakpointIds: [expect.any(Number)] }]);
  });

  it('waits as well while Delve is asked for what the agent refused of the rest', () => {
    const world = World.ready();
    world.request('configurationDone');
    const breakpoints = ['main.f', 'main.g'].map((name) => ({ name, condition: 'x == 1' }));
    world.request('setFunctionBreakpoints', { breakpoints });
    world.answerPlans().answerArms((name) => (name === 'main.g' ? 'No.' : undefined));
    const set = world.toDelve().find((message) => 'command' in message && message.command !== 'configurationDone');
    world.trap(20, [eventOf(1, 20)]);
    expect(stopped(world.toClient())).toEqual([]);
    world.delveAnswer(set, { breakpoints: [{ id: 4, verified: true, line: 7 }] });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 20, hitBreakpointIds: [expect.any(Number)] }]);
  });

  it("does not hold up a breakpoint instruction of the program's own", () => {
    const world = World.ready();
    world.request('configurationDone');
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    world.answerPlans();
    world.take();
    world.delveEvent('stopped', { reason: 'breakpoint', threadId: 9, allThreadsStopped: true });
    world.feed({ kind: 'drained', ticket: world.only('drain')[0]?.ticket ?? 0 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 9 }]);
  });

  it('is shown without a name when the agent says nothing, once', () => {
    const { world, ticket } = trapped();
    world.feed({ kind: 'timer', name: 'stop-without-name' });
    const messages = world.toClient();
    expect(stopped(messages)).toEqual([{ reason: 'breakpoint', threadId: 20, allThreadsStopped: true }]);
    expect(JSON.stringify(messages)).toContain('has not said which breakpoint');
    world.feed({ kind: 'armed', ticket, outcomes: armed });
    expect(stopped(world.toClient())).toEqual([]);
    world.request('continue', { threadId: 20 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 21 }]);
  });

  it.each(['No.', 'the probe agent has ended.'])('is shown when the gate was not armed after all: %s', (message) => {
    const { world, ticket } = trapped();
    world.feed({ kind: 'armed', ticket, outcomes: [{ ok: false, message }] });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 20 }]);
  });
});
