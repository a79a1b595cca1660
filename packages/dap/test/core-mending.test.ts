/** An agent that was killed while it took its probes out: Delve is given no place where a breakpoint of it is left. */
import { describe, expect, it } from 'vitest';
import { bodyOf, World } from './core-world.js';

const path = '/src/x.go';

/** One breakpoint of the kernel at line 7, which is at 0x401000 as linked and one page further in memory. */
const armed = (): World => World.withGate(0x1000n);

const compare = (world: World): number => {
  const [output] = world.only('compare-text');
  expect(output).toMatchObject({ pid: 77, places: [{ address: 0x402000n, bytes: '55' }] });
  return output?.ticket ?? 0;
};

const doubtful = ({ state }: World): readonly string[] =>
  [...state.remains.doubtful.values()].map((site) => site.function);

const kinds = (world: World): readonly string[] =>
  world.take().flatMap(({ kind }) => (kind.endsWith('-timer') ? [] : [kind]));

describe('what a killed agent may have left in the text', () => {
  it('is looked at before anything else, and Delve has the breakpoint where nothing is left', () => {
    const world = armed();
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.request('next', { threadId: 5 });
    world.feed({ kind: 'text-compared', ticket: compare(world), changed: [] });
    const [set] = world.toDelve();
    expect(set).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 7 }] } });
    world.delveAnswer(set, { breakpoints: [{ id: 20, verified: true, line: 7 }] });
    expect(world.toDelve()).toMatchObject([{ command: 'next' }]);
  });

  it('is taken out by a new agent, and Delve has the breakpoint then', () => {
    const world = armed();
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.feed({ kind: 'text-compared', ticket: compare(world), changed: [0] });
    const [mend] = world.only('mend-text');
    expect(mend).toMatchObject({ pid: 77, offsets: [0x1000] });
    world.feed({ kind: 'text-mended', ticket: mend?.ticket ?? 0 });
    world.feed({ kind: 'text-compared', ticket: compare(world), changed: [] });
    expect(world.toDelve()).toMatchObject([{ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 7 }] } }]);
  });

  it('stays where nobody can take it out: Delve gets no breakpoint there, now or later, and the client is told', () => {
    const world = armed();
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.feed({ kind: 'text-compared', ticket: compare(world), changed: [0] });
    const [mend] = world.only('mend-text');
    world.feed({ kind: 'text-mended', ticket: mend?.ticket ?? 0 });
    for (let looks = 1; looks < 10; looks++) {
      world.feed({ kind: 'text-compared', ticket: compare(world), changed: [0] });
      if (looks < 9) world.feed({ kind: 'timer', name: 'text' });
    }
    const messages = world.toClient();
    const [said, changed] = messages.slice(-2);
    expect(said).toMatchObject({ event: 'output', body: { category: 'stderr' } });
    expect(JSON.stringify(said)).toContain('line7 (x.go:7)');
    expect(changed).toMatchObject({ event: 'breakpoint', body: { breakpoint: { verified: false } } });
    expect(JSON.stringify(changed)).toContain('Not set: ');
    world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 7 }, { line: 8 }] });
    const [set] = world.toDelve();
    expect(set).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 8 }] } });
    world.delveAnswer(set, { breakpoints: [{ id: 20, verified: true, line: 8 }] });
    expect(bodyOf(world.toClient())).toMatchObject({ breakpoints: [{ verified: false }, { verified: true, line: 8 }] });
  });

  it('holds back a request that was taking it out, which begins anew behind it', () => {
    const world = armed();
    world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 7 }] });
    expect(kinds(world)).toEqual(['disarm']);
    const { ticket = 0 } = world.state.lane;
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.feed({ kind: 'disarmed', ticket, counters: [] });
    world.feed({ kind: 'text-compared', ticket: compare(world), changed: [] });
    const [set] = world.toDelve();
    expect(set).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 7 }] } });
    world.delveAnswer(set, { breakpoints: [{ id: 20, verified: true, line: 7 }] });
    expect(bodyOf(world.toClient())).toMatchObject({ breakpoints: [{ verified: true }] });
  });

  it('is not what was only planned: Delve may have a breakpoint of its own there', () => {
    const world = armed();
    world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 8, condition: 'x == 1' }] });
    world.answerPlans();
    expect(kinds(world)).toContain('disarm');
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    expect(doubtful(world)).toEqual(['line7']);
  });

  it('may be what was being armed', () => {
    const world = World.ready();
    world.feed({ kind: 'kernel-opened', bias: 0x1000n, pid: 77 });
    world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 7, condition: 'x == 1' }] });
    world.answerPlans();
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.answerArms();
    expect(doubtful(world)).toEqual(['line7']);
  });

  it("holds back a step that waited for the agent: Delve's own breakpoints of a step come behind it", () => {
    const world = armed();
    world.delveEvent('stopped', { reason: 'pause', threadId: 5, allThreadsStopped: true });
    world.feed({ kind: 'drained', ticket: world.only('drain')[0]?.ticket ?? 0 }).take();
    world.request('next', { threadId: 5 });
    const { ticket = 0 } = world.state.lane;
    expect(kinds(world)).toContain('focus');
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.feed({ kind: 'focused', ticket });
    const outputs = world.take();
    expect(outputs.filter(({ kind }) => kind === 'to-delve')).toEqual([]);
    const look = outputs.find(({ kind }) => kind === 'compare-text');
    world.feed({ kind: 'text-compared', ticket: look?.kind === 'compare-text' ? look.ticket : 0, changed: [] });
    const [set] = world.toDelve();
    expect(set).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [{ line: 7 }] } });
    world.delveAnswer(set, { breakpoints: [{ id: 20, verified: true, line: 7 }] });
    expect(world.toDelve()).toMatchObject([{ command: 'next', arguments: { threadId: 5 } }]);
  });

  it('is forgotten with the program', () => {
    const world = armed();
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.take();
    world.delveEvent('terminated');
    world.feed({ kind: 'text-compared', ticket: world.state.lane.ticket ?? 0, changed: [0] });
    expect(kinds(world)).not.toContain('mend-text');
    expect(world.state.remains.left.size).toBe(0);
  });
});
