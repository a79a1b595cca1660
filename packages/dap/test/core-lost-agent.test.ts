/** The agent is gone while breakpoints are being set: Delve has what the client wants by then, each with its own answer. */
import { describe, expect, it } from 'vitest';
import type { Message } from '../src/index.js';
import { bodyOf, World } from './core-world.js';

const path = '/src/x.go';
const conditional = { line: 7, condition: 'x == 1' };
const plain = { line: 8 };

const ask = (world: World, breakpoints: readonly object[]): void => {
  world.request('setBreakpoints', { source: { path }, breakpoints });
};

const linesOf = (message: Message | undefined): unknown => {
  const args = message?.type === 'request' ? message.arguments : undefined;
  return (args as { breakpoints?: { line: number }[] } | undefined)?.breakpoints?.map(({ line }) => line);
};

/** Delve's answer to what it was sent last: each breakpoint at its own line. */
const delveSets = (world: World): unknown => {
  const sent = world.toDelve().at(-1);
  const lines = linesOf(sent) as number[];
  world.delveAnswer(sent, { breakpoints: lines.map((line) => ({ id: line + 100, verified: true, line })) });
  return lines;
};

const lose = (world: World): World => world.feed({ kind: 'agent-closed', reason: 'it was killed.' });

describe('an agent that is gone', () => {
  it('while Delve answers: what it was to have is asked for behind, and no answer is taken for another', () => {
    const world = World.ready();
    ask(world, [conditional, plain]);
    world.answerPlans();
    lose(world);
    expect(delveSets(world)).toEqual([8]);
    expect(delveSets(world)).toEqual([7, 8]);
    const outputs = world.take();
    expect(outputs.filter(({ kind }) => kind === 'arm')).toEqual([]);
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(bodyOf(messages)).toMatchObject({
      breakpoints: [
        { line: 7, verified: true },
        { line: 8, verified: true },
      ],
    });
  });

  it.each([
    ['on its way', (world: World) => world.answerPlans(() => 'the probe agent has ended.')],
    ['waiting', () => undefined],
  ])('behind a request that is %s: Delve has that one, and not what was there before', (when, proceed) => {
    const world = World.ready();
    ask(world, [conditional]);
    world.answerPlans().answerArms();
    world.take();
    if (when === 'waiting') world.request('setExceptionBreakpoints', { filters: [] });
    const [filters] = world.toDelve();
    ask(world, [{ line: 9, condition: 'x == 2' }]);
    lose(world);
    proceed(world);
    if (filters !== undefined) world.delveAnswer(filters);
    expect(delveSets(world)).toEqual([9]);
    // Once more on our own account: the client's books are the same.
    for (let more = world.toDelve(); more.length > 0; more = world.toDelve()) {
      expect(linesOf(more.at(-1))).toEqual([9]);
      world.delveAnswer(more.at(-1), { breakpoints: [{ id: 109, verified: true, line: 9 }] });
    }
    const [group] = world.state.groups.values();
    expect(group?.placed.map(({ line, home }) => [line, home])).toEqual([[9, 'delve']]);
  });
});
