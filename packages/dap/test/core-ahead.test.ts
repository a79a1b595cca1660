import { describe, expect, it } from 'vitest';
import type { Message } from '../src/index.js';
import { eventOf, planOf, World } from './core-world.js';

const commands = (messages: readonly Message[]): readonly string[] =>
  messages.map((message) => (message.type === 'request' ? message.command : message.type));

/** Probe 1 is at 0x401010, on a line that begins at 0x401008; a step of goroutine 19 has ended at `pc`. */
const standing = (): World => {
  const world = World.ready();
  world.feed({ kind: 'kernel-opened', bias: 0x1000n, pid: 77 });
  const path = '/src/x.go';
  world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 7, condition: 'x == 1' }] });
  const [asked] = world.only('plan');
  const plan = planOf('main.f');
  const sites = plan.sites.map((site) => ({ ...site, address: '0x401010' }));
  const outcome = {
    ok: true,
    plan: { ...plan, sites },
    function: 'main.f',
    file: path,
    line: 7,
    message: 'In the kernel.',
    begins: [0x401008],
  } as const;
  world.feed({ kind: 'planned', ticket: asked?.ticket ?? 0, outcomes: [outcome] });
  world.answerArms();
  world.request('configurationDone');
  world.delveEvent('stopped', { reason: 'step', threadId: 19, allThreadsStopped: true });
  const [drain] = world.only('drain');
  world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
  world.take();
  return world;
};

const answerStack = (world: World, pc: string): void => {
  const [question] = world.toDelve();
  expect(question).toMatchObject({ command: 'stackTrace', arguments: { threadId: 19, levels: 1 } });
  world.delveAnswer(question, { stackFrames: [{ id: 1000, instructionPointerReference: pc }] });
};

const answerCondition = (world: World, result: string): void => {
  const [question] = world.toDelve();
  expect(question).toMatchObject({ command: 'evaluate', arguments: { expression: 'x == 1', frameId: 1000 } });
  world.delveAnswer(question, { result });
};

const stopped = (world: World): readonly unknown[] =>
  world
    .toClient()
    .flatMap((message) => (message.type === 'event' && message.event === 'stopped' ? [message.body] : []));

describe('a gate ahead on the line where a step has ended', () => {
  it.each(['0x402008', '0x40200c', '0x402010'])('is passed once when its condition holds, from %s', (pc) => {
    const world = standing();
    world.request('continue', { threadId: 19 });
    answerStack(world, pc);
    answerCondition(world, 'true');
    expect(commands(world.toDelve())).toEqual(['continue']);
    world.trap(19, [eventOf(1, 19)]);
    expect(commands(world.toDelve())).toEqual(['continue']);
    world.trap(19, [eventOf(1, 19, { number: 2, time: '200' })]);
    expect(stopped(world)).toMatchObject([{ reason: 'breakpoint', threadId: 19 }]);
  });

  it('ends no step', () => {
    const world = standing();
    world.request('next', { threadId: 19 });
    answerStack(world, '0x402008');
    answerCondition(world, 'true');
    const [focus] = world.only('focus');
    world.feed({ kind: 'focused', ticket: focus?.ticket ?? 0 });
    const [, planted] = world.toDelve();
    world.delveAnswer(planted);
    world.trap(19, [eventOf(1, 19)]);
    expect(commands(world.toDelve())).toEqual(['next']);
    world.delveEvent('stopped', { reason: 'step', threadId: 19, allThreadsStopped: true });
    const [drain] = world.only('drain');
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    expect(stopped(world)).toMatchObject([{ reason: 'step', threadId: 19 }]);
  });

  it('stops other goroutines, and the same one when the condition did not hold yet', () => {
    const world = standing();
    world.request('continue', { threadId: 19 });
    answerStack(world, '0x402008');
    answerCondition(world, 'true');
    world.take();
    world.trap(20, [eventOf(1, 20)]);
    expect(stopped(world)).toMatchObject([{ reason: 'breakpoint', threadId: 20 }]);
    const later = standing();
    later.request('continue', { threadId: 19 });
    answerStack(later, '0x402008');
    answerCondition(later, 'false');
    later.take();
    later.trap(19, [eventOf(1, 19)]);
    expect(stopped(later)).toMatchObject([{ reason: 'breakpoint', threadId: 19 }]);
  });

  it.each(['0x402004', '0x402011'])('is not looked for from %s', (pc) => {
    const world = standing();
    world.request('continue', { threadId: 19 });
    answerStack(world, pc);
    expect(commands(world.toDelve())).toEqual(['continue']);
    world.trap(19, [eventOf(1, 19)]);
    expect(stopped(world)).toMatchObject([{ reason: 'breakpoint', threadId: 19 }]);
  });

  it('is behind whoever stopped at it', () => {
    const world = standing();
    world.request('continue', { threadId: 19 });
    answerStack(world, '0x402004');
    world.trap(19, [eventOf(1, 19)]);
    world.take();
    world.request('continue', { threadId: 19 });
    expect(commands(world.toDelve())).toEqual(['continue']);
  });
});
