/**
 * Random steps among gates where lines begin: while Delve may have breakpoints of a step, none of these is in the kernel
 * or on its way there. Delve's side is a model of its steps; what else the core promises in any order is
 * core-random.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { soaking } from '../../../test/requirements.js';
import { eventOf } from './core-world.js';
import { SteppingSession } from './stepping-session.js';

/** Sequences of 100 to 300 moves. */
const sequences = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 6000 : 600));
const seed = Number(process.env.PROBELENS_SEED ?? 11);

/** Up to where the program runs, with a gate where a line begins asked for. */
const begin = (live: boolean): SteppingSession => {
  const session = new SteppingSession();
  session.request('initialize', { pathFormat: 'path' });
  session.request(live ? 'attach' : 'launch', { program: '/x', processId: 7 });
  session.feed({ kind: 'delve-connected' });
  session.answerAll(() => 1);
  session.feed(session.delve.event('initialized'));
  session.request('setBreakpoints', { source: { path: '/a.go' }, breakpoints: [{ line: 1, condition: 'x == 1' }] });
  session.request('configurationDone', {});
  session.answerAll(() => 1);
  return session;
};

const timers = ['hit-without-stop', 'leftovers', 'count', 'silent-reading', 'silent-writing'] as const;
const questions = ['stepIn', 'threads', 'evaluate', 'pause', 'setExceptionBreakpoints', 'configurationDone'];

const conditionOf = (n: number): object => (n % 9 === 0 ? {} : { condition: `x == ${n % 4}` });

/** A hit in the kernel, or none, and a stop: of the step, of a gate, or of a breakpoint of Delve's own. */
const trap = (session: SteppingSession, n: number): void => {
  const { delve } = session;
  if (!delve.running) return;
  const probes = [...session.armed.keys()];
  const probe = probes[n % Math.max(1, probes.length)];
  if (probe !== undefined && n % 3 > 0) {
    const events = [eventOf(probe, n % 5, { time: String(n), faulted: n % 11 === 0 })];
    session.feed({ kind: 'probe-events', events });
  }
  const ids = n % 7 === 0 ? [n % 40] : undefined;
  const isEnd = n % 4 === 0 && delve.stepping !== undefined;
  session.feed(isEnd ? delve.stop('step', delve.stepping ?? 0) : delve.stop('breakpoint', n % 5, n % 13 === 0, ids));
  session.feed(delve.wordsOfKept());
};

/** How often, and what. */
const moves = {
  answer: [40, (session, n) => session.answer(n)],
  lines: [
    2,
    (session, n) => {
      const breakpoints = Array.from({ length: n % 4 }, (_, index) => ({ line: index + 1, ...conditionOf(n) }));
      session.request('setBreakpoints', { source: { path: n % 2 === 0 ? '/a.go' : '/b.go' }, breakpoints });
    },
  ],
  functions: [
    2,
    (session, n) => {
      const breakpoints = Array.from({ length: n % 3 }, (_, index) => ({ name: `main.f${index}`, ...conditionOf(n) }));
      session.request('setFunctionBreakpoints', { breakpoints });
    },
  ],
  continue: [3, (session, n) => session.request('continue', { threadId: n % 5 })],
  next: [3, (session, n) => session.request('next', { threadId: n % 5 })],
  ask: [
    3,
    (session, n) =>
      session.request(questions[n % questions.length] ?? '', { threadId: n % 5, expression: 'x', context: 'hover' }),
  ],
  trap: [10, trap],
  restart: [1, (session, n) => (n % 8 === 0 ? session.request('restart', {}) : undefined)],
  probe: [
    2,
    (session, n) => {
      const expression = n % 3 === 0 ? `unprobe ${n % 20}` : `probe main.f${n % 3} if x == ${n % 4} do count`;
      session.request('evaluate', { expression, context: 'repl' });
    },
  ],
  timer: [1, (session, n) => session.feed({ kind: 'timer', name: timers[n % timers.length] ?? 'count' })],
  agent: [1, (session, n) => (n % 15 === 0 ? session.loseAgent(n) : undefined)],
} satisfies Record<string, readonly [number, (session: SteppingSession, n: number) => void]>;

const names = [
  'answer',
  'lines',
  'functions',
  'continue',
  'next',
  'ask',
  'trap',
  'restart',
  'probe',
  'timer',
  'agent',
] as const;

const move = fc.oneof(
  ...names.map((name) => ({
    weight: moves[name][0],
    arbitrary: fc.record({ name: fc.constant(name), n: fc.nat(1000) }),
  })),
);

const leave = (session: SteppingSession): void => {
  session.request('disconnect', { terminateDebuggee: false });
  session.answerAll((round) => round * 7 + 1);
  // A pause of the ending's whose `continue` has failed brings no stop: the deadline ends it.
  if (session.asked.size > 0) session.feed({ kind: 'timer', name: 'ending' });
  session.answerAll((round) => round * 7 + 1);
};

const endings = {
  'with everything answered': (session) => {
    session.answerAll((round) => round * 7 + 1);
    session.checkBooks();
    leave(session);
  },
  'at once': leave,
  'with Delve': (session) => {
    session.loseDelve();
    session.answerAll((round) => round * 7 + 1);
  },
  'with Delve, behind its agent': (session) => {
    session.loseAgent(0);
    session.loseDelve();
    session.answerAll((round) => round * 7 + 1);
  },
} satisfies Record<string, (session: SteppingSession) => void>;

const ending = fc.constantFrom(
  'with everything answered' as const,
  'with everything answered' as const,
  'at once' as const,
  'with Delve' as const,
  'with Delve, behind its agent' as const,
);

const sequence = fc.array(move, { minLength: 100, maxLength: 300 });

describe('random steps', () => {
  it('meet no gate where a line begins, and none goes in while Delve may have breakpoints there', () => {
    const seen = { steps: 0, lent: 0, armed: 0, leaked: 0 };
    fc.assert(
      fc.property(fc.boolean(), ending, sequence, (live, how, moved) => {
        const session = begin(live);
        for (const { name, n } of moved) {
          moves[name][1](session, n);
          if (session.state.handOver.lent.size > 0) seen.lent += 1;
          if (session.lineBegins) seen.armed += 1;
          if (session.leaked.size > 0) seen.leaked += 1;
        }
        seen.steps += session.steps;
        endings[how](session);
        expect([...session.armed], 'left armed').toEqual([]);
        expect([...session.asked], 'requests without an answer').toEqual([]);
      }),
      { numRuns: sequences, seed, endOnFailure: true },
    );
    // The rules above are nothing where nothing is handed over.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(sequences);
  }, 300_000);
});
