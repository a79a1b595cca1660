/** Steps that something cuts short: what Delve has kept of them, by its own words, and who is told. */
import { describe, expect, it } from 'vitest';
import { eventOf, planOf, stopped, World } from './core-world.js';

const interruption = "Step interrupted by a breakpoint. Use 'Continue' to resume the original step command.\n";
const cutShort = 'The step of goroutine 20 was cut short';

const commands = (world: World): string[] =>
  world.toDelve().flatMap((message) => (message.type === 'request' ? [message.command] : []));

const interrupt = (world: World): World => world.delveEvent('output', { category: 'console', output: interruption });

/** Goroutine 20 steps, and an old trap of 21's, that was shown, is still to come. */
const stepping = (command: 'launch' | 'attach' = 'launch', args: object = {}): World => {
  const world = World.ready({ steps: 'process', ...args }, command);
  world.gate();
  world.request('configurationDone');
  world.trap(20, [eventOf(1, 20), eventOf(1, 21)]);
  world.request('continue', { threadId: 20 });
  world.take();
  world.request('next', { threadId: 20 });
  for (const sent of world.toDelve()) world.delveAnswer(sent);
  world.take();
  return world;
};

/** Delve's stop at the old trap; resolves with what has to be told when the kernel has nothing more to say. */
const oldTrap = (world: World): number => {
  world.delveEvent('stopped', { reason: 'breakpoint', threadId: 21, allThreadsStopped: true });
  return world.only('drain')[0]?.ticket ?? 0;
};

/** The old trap is what it looks like. */
const prove = (world: World, ticket: number): void => {
  world.feed({ kind: 'drained', ticket });
  const [look] = world.toDelve();
  expect(look).toMatchObject({ command: 'stackTrace' });
  world.delveAnswer(look, { stackFrames: [{ id: 1, instructionPointerReference: '0x401001' }] });
};

const stopAt = (world: World, threadId: number, more: object = {}): World => {
  world.delveEvent('stopped', {
    reason: 'breakpoint',
    threadId,
    hitBreakpointIds: [4],
    allThreadsStopped: true,
    ...more,
  });
  const { held } = world.state;
  if (held?.stage.kind === 'draining') world.feed({ kind: 'drained', ticket: held.stage.ticket });
  return world;
};

describe('a step that is cut short', () => {
  it.each(['before', 'behind'])('is nobody told of where the stop is passed over, %s the look at it', (when) => {
    const world = stepping();
    const ticket = oldTrap(world);
    if (when === 'before') interrupt(world);
    prove(world, ticket);
    expect(commands(world)).toEqual(['continue']);
    if (when === 'behind') interrupt(world);
    expect(world.toClient()).toEqual([]);
    // A breakpoint of its own ends the step in Delve, and a new one is begun.
    stopAt(world, 20);
    world.take();
    world.request('next', { threadId: 20 });
    expect(commands(world)[0]).toBe('next');
  });

  it('is told of with a stop that had to be looked at first, and finished', () => {
    const world = stepping();
    world.delveEvent('stopped', { reason: 'breakpoint', threadId: 22, allThreadsStopped: true });
    const [drain] = world.only('drain');
    interrupt(world);
    world.feed({ kind: 'probe-events', events: [eventOf(1, 22)] });
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    const messages = world.toClient();
    expect(stopped(messages)).toMatchObject([{ threadId: 22 }]);
    expect(JSON.stringify(messages)).toContain(cutShort);
    world.request('next', { threadId: 20 });
    expect(commands(world)[0]).toBe('continue');
  });

  it('is finished behind another one that Delve has refused for it', () => {
    const world = interrupt(stopAt(stepping(), 21));
    world.take();
    world.request('next', { threadId: 21 });
    expect(commands(world)[0]).toBe('next');
    const refusal = { reason: 'exception', description: 'invalid command', hitBreakpointIds: [] };
    stopAt(world, 21, refusal);
    world.take();
    world.request('next', { threadId: 20 });
    expect(commands(world)[0]).toBe('continue');
  });

  it('is finished behind a pause that came together with a breakpoint', () => {
    const world = interrupt(stopAt(stepping(), 20, { reason: 'pause', hitBreakpointIds: [] }));
    expect(JSON.stringify(world.toClient())).toContain(cutShort);
    world.request('next', { threadId: 20 });
    expect(commands(world)[0]).toBe('continue');
  });

  it('is finished by Delve before a program that lives on is left, one instruction or not', () => {
    const world = interrupt(stopAt(stepping('attach', { processId: 77 }), 21));
    world.request('stepIn', { threadId: 21, granularity: 'instruction' });
    for (const sent of world.toDelve()) world.delveAnswer(sent);
    interrupt(stopAt(world, 21, { reason: 'step', hitBreakpointIds: undefined }));
    world.take();
    world.request('disconnect', { terminateDebuggee: false });
    world.feed({ kind: 'disarmed', ticket: world.state.lane.ticket ?? 0, counters: [] });
    const [read] = world.only('read-signals');
    world.feed({ kind: 'signals-read', ticket: read?.ticket ?? 0, trapPending: false });
    expect(commands(world)).toEqual(['continue']);
  });
});

describe('a gate where a line begins', () => {
  const setLine = (world: World): void => {
    world.request('setBreakpoints', { source: { path: '/src/y.go' }, breakpoints: [{ line: 9, condition: 'y == 2' }] });
    const [plan] = world.only('plan');
    const { sites, ...rest } = planOf('main.g');
    const outcome = { ok: true, function: 'main.g', file: '/src/y.go', line: 9, message: 'In the kernel.' } as const;
    const yielding = { ...rest, sites: sites.map((site) => ({ ...site, yields: true as const })) };
    world.feed({ kind: 'planned', ticket: plan?.ticket ?? 0, outcomes: [{ ...outcome, plan: yielding }] });
  };

  it('is not armed between a stop that ends a step in Delve and the same step once more', () => {
    const world = stepping();
    // The kernel could not read the condition of this hit in the goroutine that steps.
    world.trap(20, [eventOf(1, 20, { faulted: true })]);
    const [stack] = world.toDelve();
    setLine(world);
    const [set] = world.only('to-delve');
    expect(set?.message).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 9 }] } });
    world.delveAnswer(stack, { stackFrames: [{ id: 3 }] });
    world.delveAnswer(world.toDelve()[0], { result: 'false' });
    expect(commands(world)).toEqual(['next']);
    expect(world.state.handOver.lent.size).toBe(1);
  });

  it('goes again when Delve refuses the request that it was armed for, before anything runs', () => {
    const world = World.ready();
    const breakpoints = ['main.f', 'main.g'].map((name) => ({ name, condition: 'x == 1' }));
    const asked = world.request('setFunctionBreakpoints', { breakpoints });
    world.answerPlans().answerArms((name) => (name === 'main.g' ? 'A thread stands there.' : undefined));
    const [set] = world.toDelve();
    world.request('configurationDone');
    world.delveAnswer(set, {}, false);
    const outputs = world.take().filter(({ kind }) => kind !== 'start-timer');
    expect(outputs).toMatchObject([
      { kind: 'to-client', message: { request_seq: asked, success: false } },
      { kind: 'disarm', probes: [1] },
    ]);
    world.feed({ kind: 'disarmed', ticket: world.state.lane.ticket ?? 0, counters: [] });
    expect(commands(world)).toEqual(['configurationDone']);
    expect(world.state.gates.size).toBe(0);
  });

  it('waits for the end of a step that Delve says it has kept, whatever stopped since', () => {
    const world = stepping();
    // Of its goroutine, but what Delve stopped for was a log point of another one, which keeps the step.
    interrupt(stopAt(world, 20));
    world.take();
    setLine(world);
    expect(world.only('arm')).toEqual([]);
    expect(world.state.handOver.lent.size).toBe(1);
  });
});

describe('a pause', () => {
  it.each(['before', 'behind'])('that comes %s a stop which is passed over is shown in its place', (when) => {
    const world = stepping();
    if (when === 'before') world.request('pause', { threadId: 20 });
    const ticket = oldTrap(world);
    if (when === 'behind') world.request('pause', { threadId: 20 });
    world.take();
    prove(world, ticket);
    const outputs = world.take();
    expect(outputs.flatMap((output) => (output.kind === 'to-delve' ? [output] : []))).toEqual([]);
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(stopped(messages)).toEqual([{ reason: 'pause', threadId: 21, allThreadsStopped: true }]);
    // It was that pause only.
    world.request('continue', { threadId: 21 });
    world.trap(20, [eventOf(1, 20)]);
    expect(world.state.pausing).toBe(false);
  });

  it('of a program whose resume waits is sent behind that', () => {
    const world = World.ready();
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    world.request('configurationDone');
    const asked = world.request('pause', { threadId: 1 });
    expect(commands(world)).toEqual([]);
    world.feed({ kind: 'planned', ticket: world.state.lane.ticket ?? 0, outcomes: [{ ok: false, message: 'no' }] });
    const [set] = world.toDelve();
    world.delveAnswer(set, { breakpoints: [{ id: 4, verified: true, line: 7 }] });
    const [begin, pause] = world.toDelve();
    expect([begin, pause]).toMatchObject([{ command: 'configurationDone' }, { command: 'pause' }]);
    world.delveAnswer(begin);
    world.delveAnswer(pause);
    expect(world.toClient().at(-1)).toMatchObject({ request_seq: asked, command: 'pause', success: true });
  });
});
