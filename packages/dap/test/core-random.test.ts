/** Random sessions: clients ask, Delve and the kernel answer in any order, and the rules hold at every step. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Input, initialState, type Message, type Output, type SessionState, step } from '../src/index.js';
import { eventOf, planOf } from './core-world.js';

/** Delve writes to the text while it answers these. */
const writing = new Set([
  'setBreakpoints',
  'setFunctionBreakpoints',
  'setInstructionBreakpoints',
  'setExceptionBreakpoints',
]);

type Pending = {
  readonly answer: (state: number) => Input | undefined;
  readonly writes: 'delve' | 'kernel' | undefined;
};

class Chaos {
  state: SessionState = initialState;
  readonly pending: Pending[] = [];
  readonly asked = new Set<number>();
  readonly armed = new Set<number>();
  readonly shown = new Map<string, number>();
  finished = 0;
  running = false;
  agentDead = false;
  #clientSeq = 0;
  #delveSeq = 0;
  #expectedSeq = 0;
  #probes = 0;
  #leaving = false;

  feed(input: Input): void {
    const { state, outputs } = step(this.state, input);
    this.state = state;
    for (const output of outputs) this.#check(output);
  }

  request(command: string, args: unknown): void {
    this.#clientSeq += 1;
    this.asked.add(this.#clientSeq);
    this.feed({ kind: 'client-message', message: { seq: this.#clientSeq, type: 'request', command, arguments: args } });
  }

  delveEvent(event: string): void {
    this.#delveSeq += 1;
    this.feed({ kind: 'delve-message', message: { seq: this.#delveSeq, type: 'event', event } });
  }

  #busy(who: 'delve' | 'kernel'): boolean {
    return this.pending.some(({ writes }) => writes === who);
  }

  #check(output: Output): void {
    switch (output.kind) {
      case 'to-client':
        this.#checkClient(output.message);
        return;
      case 'to-delve':
        this.#answerDelve(output.message);
        return;
      case 'plan':
        this.#later(undefined, (choice) => ({
          kind: 'planned',
          ticket: output.ticket,
          outcomes: output.items.map((_, index) =>
            (choice + index) % 4 === 0
              ? { ok: false, message: 'no.' }
              : {
                  ok: true,
                  plan: planOf('main.f'),
                  function: 'main.f',
                  file: '/x.go',
                  line: 1,
                  message: 'In the kernel.',
                },
          ),
        }));
        return;
      case 'arm':
        expect(this.#busy('delve'), 'arms while Delve writes').toBe(false);
        expect(this.#leaving, 'arms while leaving').toBe(false);
        this.#later('kernel', (choice) => ({
          kind: 'armed',
          ticket: output.ticket,
          outcomes: output.plans.map((_, index) => {
            if (this.agentDead || (choice + index) % 5 === 0) return { ok: false, message: 'no.' };
            this.#probes += 1;
            this.armed.add(this.#probes);
            return { ok: true, probe: this.#probes };
          }),
        }));
        return;
      case 'disarm':
        expect(this.#busy('delve'), 'disarms while Delve writes').toBe(false);
        this.#later('kernel', () => {
          for (const probe of output.probes.length === 0 ? [...this.armed] : output.probes) this.armed.delete(probe);
          return { kind: 'disarmed', ticket: output.ticket, counters: [] };
        });
        return;
      case 'drain':
        this.#later(undefined, () => ({ kind: 'drained', ticket: output.ticket }));
        return;
      case 'focus':
        this.#later(undefined, () => ({ kind: 'focused', ticket: output.ticket }));
        return;
      case 'read-signals':
        this.#later(undefined, () => ({ kind: 'signals-read', ticket: output.ticket, trapPending: false }));
        return;
      case 'finish':
        this.finished += 1;
        return;
      default:
        return;
    }
  }

  #later(writes: Pending['writes'], answer: Pending['answer']): void {
    this.pending.push({ writes, answer });
  }

  #checkClient(message: Message): void {
    this.#expectedSeq += 1;
    expect(message.seq).toBe(this.#expectedSeq);
    if (message.type === 'response') {
      expect(this.asked.has(message.request_seq), `answers ${message.command} twice`).toBe(true);
      this.asked.delete(message.request_seq);
    }
  }

  #answerDelve(message: Message): void {
    if (message.type !== 'request') return;
    const { command, seq } = message;
    const writes = writing.has(command);
    if (writes) expect(this.#busy('kernel'), `${command} while the kernel writes`).toBe(false);
    if (command === 'disconnect') {
      this.#leaving = true;
      expect([...this.armed], 'leaves with gates').toEqual([]);
    }
    const breakpoints = (message.arguments as { breakpoints?: unknown[] } | undefined)?.breakpoints ?? [];
    this.#later(writes ? 'delve' : undefined, (choice) => {
      const success = command === 'disconnect' || choice % 7 !== 0;
      if (success && ['continue', 'next', 'stepIn', 'configurationDone'].includes(command)) this.running = true;
      if (command === 'pause' && success) this.#later(undefined, () => this.stop('pause', 1));
      if (command === 'disconnect') this.#later(undefined, () => ({ kind: 'delve-closed' }));
      this.#delveSeq += 1;
      const body = {
        breakpoints: breakpoints.map((_, index) => ({ id: this.#delveSeq * 10 + index, verified: true, line: 1 })),
      };
      return {
        kind: 'delve-message',
        message: { seq: this.#delveSeq, type: 'response', request_seq: seq, command, success, body },
      };
    });
  }

  stop(reason: string, threadId: number): Input | undefined {
    if (!this.running) return undefined;
    this.running = false;
    this.#delveSeq += 1;
    const body = { reason, threadId, allThreadsStopped: true };
    return { kind: 'delve-message', message: { seq: this.#delveSeq, type: 'event', event: 'stopped', body } };
  }

  /** Answers the pending thing of this number. */
  answer(choice: number): void {
    if (this.pending.length === 0) return;
    const [one] = this.pending.splice(choice % this.pending.length, 1);
    const input = one?.answer(choice);
    if (input !== undefined) this.feed(input);
  }
}

const sources = ['/a.go', '/b.go'];

const move = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('answer' as const), n: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lines' as const), n: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('functions' as const), n: fc.nat(1000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ask' as const), n: fc.nat(1000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('trap' as const), n: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('timer' as const), n: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('agent dies' as const), n: fc.nat(1000) }) },
);

const timers = ['hit-without-stop', 'leftovers', 'count'] as const;
const questions = [
  'continue',
  'next',
  'stepIn',
  'threads',
  'evaluate',
  'pause',
  'setExceptionBreakpoints',
  'configurationDone',
];

const begin = (live: boolean): Chaos => {
  const chaos = new Chaos();
  chaos.request('initialize', { pathFormat: 'path' });
  chaos.request(live ? 'attach' : 'launch', { program: '/x', processId: 7 });
  chaos.feed({ kind: 'delve-connected' });
  while (chaos.pending.length > 0) chaos.answer(1);
  chaos.delveEvent('initialized');
  chaos.feed({ kind: 'kernel-opened' });
  return chaos;
};

const play = (
  chaos: Chaos,
  what: 'answer' | 'lines' | 'functions' | 'ask' | 'trap' | 'timer' | 'agent dies',
  n: number,
): void => {
  const condition = n % 3 === 0 ? {} : { condition: `x == ${n % 4}` };
  switch (what) {
    case 'answer':
      chaos.answer(n);
      return;
    case 'lines':
      chaos.request('setBreakpoints', {
        source: { path: sources[n % 2] },
        breakpoints: Array.from({ length: n % 4 }, (_, index) => ({ line: index + 1, ...condition })),
      });
      return;
    case 'functions':
      chaos.request('setFunctionBreakpoints', {
        breakpoints: Array.from({ length: n % 3 }, (_, index) => ({ name: `main.f${index}`, ...condition })),
      });
      return;
    case 'ask':
      chaos.request(questions[n % questions.length] ?? '', { threadId: n % 5, expression: 'x', context: 'hover' });
      return;
    case 'trap': {
      if (!chaos.running) return;
      const probes = [...chaos.armed];
      if (probes.length > 0 && n % 3 > 0) {
        const events = [eventOf(probes[n % probes.length] ?? 0, n % 5, { time: String(n), faulted: n % 11 === 0 })];
        chaos.feed({ kind: 'probe-events', events });
      }
      const stop = chaos.stop('breakpoint', n % 5);
      if (stop !== undefined) chaos.feed(stop);
      return;
    }
    case 'timer':
      chaos.feed({ kind: 'timer', name: timers[n % timers.length] ?? 'count' });
      return;
    case 'agent dies':
      if (n % 5 !== 0 || chaos.state.kernel.state !== 'ready') return;
      chaos.agentDead = true;
      chaos.armed.clear();
      chaos.feed({ kind: 'agent-closed', reason: 'it was killed.' });
      return;
  }
};

describe('random sessions', () => {
  it('answer every request once, never write while the other side writes, and leave nothing armed', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(move, { minLength: 5, maxLength: 80 }), (live, moves) => {
        const chaos = begin(live);
        for (const { do: what, n } of moves) play(chaos, what, n);
        chaos.request('disconnect', { terminateDebuggee: false });
        for (let round = 0; round < 500 && chaos.pending.length > 0; round += 1) chaos.answer(round * 7 + 1);
        expect(chaos.finished).toBeGreaterThan(0);
        expect([...chaos.armed]).toEqual([]);
        expect([...chaos.asked], 'requests without an answer').toEqual([]);
        expect(chaos.state.delve).toBe('gone');
      }),
      { numRuns: 300 },
    );
  });
});
