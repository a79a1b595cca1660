/** A restart that Delve has said yes to, and does not do. */
import { describe, expect, it } from 'vitest';
import { World } from './core-world.js';

const path = '/src/x.go';

const restarting = (request: 'launch' | 'attach'): World => {
  const world = World.ready({ processId: 77 }, request);
  world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 7, condition: 'x == 1' }] });
  world.answerPlans().answerArms();
  world.request('restart', {});
  world.feed({ kind: 'disarmed', ticket: world.state.lane.ticket ?? 0, counters: [] });
  const [sent] = world.toDelve();
  world.delveAnswer(sent);
  expect(world.toClient()).toMatchObject([{ type: 'response', command: 'restart', success: true }]);
  const format = 'Cannot restart: cannot restart process Delve did not create';
  world.delveAnswer(sent, { error: { id: 3000, format } }, false);
  return world;
};

describe('a restart that fails', () => {
  it('is said, and an attached program goes on with its gates', () => {
    const world = restarting('attach');
    const outputs = world.take();
    const said = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(said).toMatchObject([{ event: 'output', body: { category: 'stderr' } }]);
    expect(JSON.stringify(said)).toContain('cannot restart process Delve did not create');
    expect(outputs).toContainEqual(expect.objectContaining({ kind: 'open-kernel', pid: 77 }));
    world.feed({ kind: 'kernel-opened' });
    world.answerPlans();
    expect(world.only('arm')).toHaveLength(1);
  });

  it('is said, and nothing is asked of a program that Delve has ended', () => {
    const outputs = restarting('launch').take();
    expect(outputs.map(({ kind }) => kind)).toEqual(['to-client']);
  });

  it('is over when the program has begun anew', () => {
    const world = restarting('launch');
    world.request('restart', {});
    const [sent] = world.toDelve();
    world.delveAnswer(sent);
    world.delveEvent('initialized');
    world.take();
    world.delveAnswer(sent, {}, false);
    expect(world.take()).toEqual([]);
  });
});
