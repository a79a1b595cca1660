import { describe, expect, it } from 'vitest';
import { bodyOf, eventOf, World } from './core-world.js';

const scopesOf = (world: World, frameId: number): unknown => {
  world.request('scopes', { frameId });
  world.delveAnswer(world.toDelve()[0], { scopes: [{ name: 'Locals', variablesReference: 1001 }] });
  return bodyOf(world.toClient());
};

const stackOf = (world: World, threadId: number, frame: number): void => {
  world.request('stackTrace', { threadId });
  world.delveAnswer(world.toDelve()[0], { stackFrames: [{ id: frame }, { id: frame + 1 }] });
  world.take();
};

describe('the scope "Kernel"', () => {
  it("is on the frames of a gate's stop and nowhere else, and ends with the stop", () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    const values = [{ name: 'o.ID', type: 'int', text: '7', faulted: false }];
    world.trap(19, [eventOf(1, 19, { values, cpu: 3, time: '100' })]);
    stackOf(world, 19, 1000);
    stackOf(world, 20, 2000);
    const kernel = { name: 'Kernel', variablesReference: 2 ** 30, expensive: false };
    expect(scopesOf(world, 1001)).toMatchObject({ scopes: [{ name: 'Locals' }, kernel] });
    expect(scopesOf(world, 2000)).toMatchObject({ scopes: [{ name: 'Locals' }] });
    world.request('variables', { variablesReference: 2 ** 30 });
    const body = bodyOf(world.toClient()) as { variables: { name: string; value: string }[] };
    expect(Object.fromEntries(body.variables.map(({ name, value }) => [name, value]))).toMatchObject({
      probe: 'breakpoint at main.f if x == 1',
      hits: '1',
      goroutine: '19',
      thread: '1019',
      CPU: '3',
      'o.ID': '7',
    });
    world.request('continue', { threadId: 19 });
    world.take();
    world.request('variables', { variablesReference: 2 ** 30 });
    expect(bodyOf(world.toClient())).toEqual({ variables: [] });
  });

  it('says how long the stop took where it is known', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    const body = { reason: 'breakpoint', threadId: 19, allThreadsStopped: true };
    const message = { seq: 99, type: 'event', event: 'stopped', body } as const;
    world.feed({ kind: 'delve-message', message, time: 1_500_100n });
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19, { time: '100' })] });
    world.feed({ kind: 'drained', ticket: world.state.tickets });
    world.take();
    world.request('variables', { variablesReference: 2 ** 30 });
    expect(bodyOf(world.toClient())).toMatchObject({
      variables: expect.arrayContaining([expect.objectContaining({ name: 'latency', value: '1.5 ms' })]),
    });
  });
});
