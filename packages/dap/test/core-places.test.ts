/** Where Delve has breakpoints, the planner is told, however and whenever they got there. */
import { describe, expect, it } from 'vitest';
import { bodyOf, planOf, World } from './core-world.js';

const source = { path: '/src/x.go' };

/** Up to where the client may set breakpoints; the kernel side is still being opened. */
const opening = (): World => {
  const world = new World();
  world.request('initialize', { clientID: 'test', pathFormat: 'path' });
  world.request('launch', { program: '/bin/x' });
  world.feed({ kind: 'delve-connected' });
  const [greeting] = world.toDelve();
  world.delveAnswer(greeting, {});
  const [launch] = world.toDelve();
  world.delveEvent('process', { systemProcessId: 77 });
  world.delveEvent('initialized');
  world.delveAnswer(launch);
  world.take();
  return world;
};

const delveSets = (world: World, verified = true): void => {
  const request = world.toDelve().find((each) => each.type === 'request' && each.command.startsWith('set'));
  const args = request?.type === 'request' ? request.arguments : undefined;
  const { breakpoints } = args as { breakpoints: readonly { line?: number }[] };
  world.delveAnswer(request, { breakpoints: breakpoints.map(({ line }, id) => ({ id: id + 1, verified, line })) });
};

describe('who has a breakpoint', () => {
  const messages = (world: World): unknown[] => {
    const { breakpoints } = bodyOf(world.toClient()) as { breakpoints: readonly { message?: string }[] };
    return breakpoints.map(({ message }) => message);
  };

  it('is said of the second at a line, not of one that only counts nor of a plain one, and of none without the kernel', () => {
    const breakpoints = [
      { line: 7, condition: 'x == 1' },
      { line: 7, condition: 'x == 2' },
      { line: 9, hitCondition: '> 3' },
      { line: 11 },
    ];
    const world = World.ready();
    world.request('setBreakpoints', { source, breakpoints });
    world.answerPlans();
    delveSets(world);
    world.answerArms();
    expect(messages(world)).toEqual([
      expect.stringMatching(/^In the kernel/),
      'In Delve: the kernel has another breakpoint of this line already.',
      expect.stringMatching(/^In the kernel/),
      undefined,
    ]);
    const plain = World.ready({ kernel: 'off' });
    plain.request('setBreakpoints', { source, breakpoints });
    delveSets(plain);
    expect(messages(plain)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('gates keep away', () => {
  it('from what Delve was given before the kernel side was open', () => {
    const world = opening();
    world.request('setBreakpoints', { source, breakpoints: [{ line: 7 }] });
    delveSets(world);
    world.feed({ kind: 'kernel-opened' });
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    const [plan] = world.only('plan');
    expect(plan?.avoid.lines).toEqual([{ file: source.path, line: 7 }]);
  });

  it('from what the same request leaves to Delve', () => {
    const world = World.ready();
    const breakpoints = [
      { line: 7, condition: 'x == 1' },
      { line: 9, condition: 'f(x)' },
    ];
    world.request('setBreakpoints', { source, breakpoints });
    const [first] = world.only('plan');
    const ok = {
      ok: true,
      plan: planOf('main.f'),
      function: 'main.f',
      file: '/src/x.go',
      line: 7,
      message: '',
    } as const;
    const outcomes = [ok, { ok: false, message: 'It calls a function.' } as const];
    world.feed({ kind: 'planned', ticket: first?.ticket ?? 0, outcomes });
    const [again] = world.only('plan');
    expect(again?.items).toHaveLength(2);
    expect(again?.avoid.lines).toEqual([{ file: source.path, line: 9 }]);
  });

  it('from single instructions', () => {
    const world = World.ready();
    const instructions = [{ instructionReference: '0x401000', offset: 4 }];
    world.request('setInstructionBreakpoints', { breakpoints: instructions });
    delveSets(world);
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    const [plan] = world.only('plan');
    expect(plan?.avoid.instructions).toEqual([0x401004n]);
  });
});

describe('"kernel": "required"', () => {
  const launched = (): World => {
    const world = new World();
    world.request('initialize', { clientID: 'test', pathFormat: 'path' });
    world.request('launch', { program: '/bin/x', kernel: 'required' });
    return world;
  };

  it('starts nothing before it is known that the kernel can be used', () => {
    const world = launched();
    expect(world.take().map(({ kind }) => kind)).toEqual(['to-client', 'check-kernel']);
    world.feed({ kind: 'kernel-checked', reason: undefined });
    expect(world.take().map(({ kind }) => kind)).toContain('start-delve');
  });

  it('refuses the launch where it cannot, and takes another', () => {
    const world = launched();
    world.take();
    world.feed({ kind: 'kernel-checked', reason: 'nobody may.' });
    const messages = world.toClient();
    expect(messages).toMatchObject([
      { type: 'response', success: false, message: expect.stringContaining('nobody may') },
    ]);
    expect(bodyOf(messages)).toMatchObject({ error: { showUser: true } });
    world.request('launch', { program: '/bin/x' });
    expect(world.take().map(({ kind }) => kind)).toContain('start-delve');
  });
});
