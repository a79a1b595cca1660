/** What probes saw and nobody was shown: said once a second at most, and exactly at stops and ends. */
import type { ProbeCounters } from '@probelens/probes';
import { describe, expect, it } from 'vitest';
import type { Message } from '../src/index.js';
import { bodyOf, eventOf, planOf, World } from './core-world.js';

const textsOf = (messages: readonly Message[]): readonly string[] =>
  messages.flatMap((message) =>
    message.type === 'event' && message.event === 'output' ? [String((message.body as { output: string }).output)] : [],
  );

const counters = (more: Partial<ProbeCounters>): readonly ProbeCounters[] => [
  { probe: 1, hits: 0, matches: 0, faults: 0, dropped: 0, ...more },
];

const line = () => eventOf(1, 19, { trapped: false });

/** A running program with one log breakpoint, which is probe 1. */
const logging = (): World => {
  const world = World.ready();
  world.request('setBreakpoints', {
    source: { path: '/src/x.go' },
    breakpoints: [{ line: 7, condition: 'x == 1', logMessage: 'here' }],
  });
  world.answerPlans();
  expect(world.only('arm')).toHaveLength(1);
  return world;
};

const armed = (): World => {
  const world = logging();
  world.feed({ kind: 'armed', ticket: world.state.lane.ticket ?? 0, outcomes: [{ ok: true, probe: 1 }] });
  world.request('configurationDone');
  return world;
};

describe('losses', () => {
  it('are said when the second is over, and again only when there are more', () => {
    const world = armed();
    expect(world.only('start-timer')).toMatchObject([{ name: 'count', milliseconds: 1000 }]);
    world.feed({ kind: 'counted', counters: counters({ dropped: 5 }) });
    expect(textsOf(world.toClient())).toEqual([]);
    world.feed({ kind: 'timer', name: 'count' });
    expect(world.take().map(({ kind }) => kind)).toEqual(['count', 'start-timer']);
    world.feed({ kind: 'counted', counters: counters({ dropped: 1234 }) });
    expect(textsOf(world.toClient())).toEqual([
      "Lost so far at [1] line7: 1,234 (1,234 found the kernel's buffer full).\n",
    ]);
    world.feed({ kind: 'timer', name: 'count' }).feed({ kind: 'counted', counters: counters({ dropped: 1234 }) });
    expect(textsOf(world.toClient())).toEqual([]);
  });

  it('are looked for at a stop that has nothing to do with them', () => {
    const world = armed();
    world.take();
    world.delveEvent('stopped', { reason: 'pause', threadId: 1, allThreadsStopped: true });
    const [drain] = world.only('drain');
    world.feed({ kind: 'probe-events', events: [line()] });
    world.feed({ kind: 'counted', counters: counters({ dropped: 2, faults: 1 }) });
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    expect(textsOf(world.toClient())).toEqual([
      '> [Go 19]: here\n',
      "Lost so far at [1] line7: 2 (2 found the kernel's buffer full). Not judged so far at [1] line7: 1 (a page of memory was not there).\n",
    ]);
  });

  it('tell what a limit left out from what found no room', () => {
    const world = World.ready();
    world.request('setBreakpoints', {
      source: { path: '/src/x.go' },
      breakpoints: [{ line: 7, condition: 'x == 1', logMessage: 'here' }],
    });
    const [asked] = world.only('plan');
    const log = planOf('line7', 'log', 'here');
    const plan = { ...log, spec: { ...log.spec, rateLimit: 10 } };
    const outcome = { ok: true, plan, function: 'line7', file: '/src/x.go', line: 7, settle: undefined, message: '' };
    world.feed({ kind: 'planned', ticket: asked?.ticket ?? 0, outcomes: [{ ...outcome, ok: true }] });
    world.answerArms();
    world.request('configurationDone');
    const said = (more: Partial<ProbeCounters>): readonly string[] => {
      world.take();
      world.feed({ kind: 'timer', name: 'count' }).feed({ kind: 'counted', counters: counters(more) });
      return textsOf(world.toClient());
    };
    expect(said({ dropped: 5, full: 0 })).toEqual([
      'Lost so far at [1] line7: 5 (5 were over the limit of 10 a second).\n',
    ]);
    expect(said({ dropped: 1234, full: 200 })).toEqual([
      "Lost so far at [1] line7: 1,234 (1,034 were over the limit of 10 a second, 200 found the kernel's buffer full).\n",
    ]);
    expect(said({ dropped: 1235 })).toEqual([
      "Lost so far at [1] line7: 1,235 (1,235 were over the limit of 10 a second or found the kernel's buffer full).\n",
    ]);
  });

  it('come before the end of the program', () => {
    const world = armed();
    world.delveEvent('exited', { exitCode: 0 });
    const [drain] = world.only('drain');
    world.feed({ kind: 'counted', counters: counters({ dropped: 7 }) });
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    const said = world.toClient().map((message) => (message.type === 'event' ? message.event : message.type));
    expect(said).toEqual(['output', 'exited']);
  });

  it('are exact when the probe goes: what was on its way is shown, and its last counts are said', () => {
    const world = armed();
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [] });
    const [disarm] = world.only('disarm');
    world.feed({ kind: 'probe-events', events: [line(), line()] });
    world.feed({ kind: 'disarmed', ticket: disarm?.ticket ?? 0, counters: counters({ matches: 5, dropped: 3 }) });
    expect(textsOf(world.toClient())).toEqual([
      '> [Go 19]: here\n',
      '> [Go 19]: here\n',
      "Lost so far at [1] line7: 3 (3 found the kernel's buffer full).\n",
    ]);
    expect(world.state.losses.leaving.size).toBe(0);
    expect(world.state.losses.byProbe.size).toBe(0);
  });

  it('are what a client did not read: lines are left out, answers and stops are not', () => {
    const world = armed();
    world.feed({ kind: 'client-pace', pace: 'slow' });
    world.take();
    world.feed({ kind: 'probe-events', events: [line(), line(), line()] });
    world.delveEvent('output', { category: 'stdout', output: 'ready\n' });
    expect(textsOf(world.toClient())).toEqual(['ready\n']);
    world.feed({ kind: 'client-pace', pace: 'full' });
    world.delveEvent('output', { category: 'stdout', output: 'more\n' });
    world.delveEvent('thread', { reason: 'started', threadId: 2 });
    expect(world.toClient()).toMatchObject([{ event: 'thread' }]);
    world.feed({ kind: 'client-pace', pace: 'free' }).feed({ kind: 'timer', name: 'count' });
    world.feed({ kind: 'counted', counters: counters({ dropped: 1 }) });
    expect(textsOf(world.toClient())).toEqual([
      "Lost so far at [1] line7: 4 (1 found the kernel's buffer full, 3 came faster than the client read).\n",
      "The client did not read: 5 characters of the program's output are missing.\n",
    ]);
    world.feed({ kind: 'probe-events', events: [line()] });
    expect(textsOf(world.toClient())).toEqual(['> [Go 19]: here\n']);
  });

  it('of a switch are said: only Delve could judge the condition', () => {
    const world = World.ready();
    world.request('evaluate', { expression: 'probe main.f if x == 1 do stop then arm 7', context: 'repl' });
    const [plan] = world.only('plan');
    const planned = planOf('main.f');
    const spec = { ...planned.spec, onMatch: [{ kind: 'arm' as const, probe: 7 }] };
    const outcome = { ok: true as const, plan: { ...planned, spec }, function: 'main.f', file: '/src/x.go', line: 7 };
    world.feed({ kind: 'planned', ticket: plan?.ticket ?? 0, outcomes: [{ ...outcome, message: 'In the kernel.' }] });
    world.answerArms();
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19, { faulted: true })]);
    world.delveAnswer(world.toDelve()[0], { stackFrames: [{ id: 1000 }] });
    world.delveAnswer(world.toDelve()[0], { result: 'true' });
    expect(textsOf(world.toClient())).toEqual([
      '"then arm 7" of [1] was not done: only Delve could judge the condition of this hit (a page of memory was not there).\n',
    ]);
  });

  it('of snapshots are said where they are listed', () => {
    const world = World.ready();
    world.request('evaluate', { expression: 'probe main.f do snapshot', context: 'repl' });
    const [plan] = world.only('plan');
    const planned = planOf('main.f');
    const spec = { ...planned.spec, action: { kind: 'snapshot' as const } };
    const outcome = { ok: true as const, plan: { ...planned, spec }, function: 'main.f', file: '/src/x.go', line: 7 };
    world.feed({ kind: 'planned', ticket: plan?.ticket ?? 0, outcomes: [{ ...outcome, message: 'In the kernel.' }] });
    world.answerArms();
    const taken = (count: number) => Array.from({ length: count }, () => line());
    world.feed({ kind: 'probe-events', events: taken(310) });
    world.feed({ kind: 'probe-events', events: taken(5) });
    world.take();
    world.request('probelens/snapshots');
    expect(bodyOf(world.toClient())).toMatchObject({ dropped: 15, snapshots: { length: 300 } });
    world.request('evaluate', { expression: 'snapshots', context: 'repl' });
    expect(bodyOf(world.toClient())).toMatchObject({
      result: expect.stringContaining('(15 older ones were given up: the latest 300 are kept)'),
    });
  });

  it('are none where events come before the answer that says whose they are', () => {
    const world = logging();
    world.feed({ kind: 'probe-events', events: [line(), line()] });
    expect(textsOf(world.toClient())).toEqual([]);
    world.feed({ kind: 'armed', ticket: world.state.lane.ticket ?? 0, outcomes: [{ ok: true, probe: 1 }] });
    expect(textsOf(world.toClient())).toEqual(['> [Go 19]: here\n', '> [Go 19]: here\n']);
  });
});
