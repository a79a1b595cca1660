/**
 * A session among gates where lines begin, with a model of what Delve makes of steps at its side. What is wrong in any
 * order is seen as soon as the core asks for it.
 */
import type { ProbePlan } from '@probelens/probes';
import { expect } from 'vitest';
import {
  type Input,
  initialState,
  type Message,
  type Output,
  type PlanOutcome,
  type Request,
  type SessionState,
  step,
} from '../src/index.js';
import { planOf } from './core-world.js';

const plain = planOf('main.f');
const yielding: ProbePlan = { ...plain, sites: plain.sites.map((site) => ({ ...site, yields: true })) };
type Armed = (Output & { readonly kind: 'arm' })['plans'][number];
const yields = (plan: Armed): boolean => plan.sites.some((site) => site.yields === true);

const resuming = new Set(['continue', 'next', 'stepIn', 'configurationDone']);
const isStep = (command: string): boolean => command === 'next' || command === 'stepIn';

type DelveMessage = Input & { readonly kind: 'delve-message' };

/** What Delve 1.27.2 makes of steps: whose breakpoints it has, which steps it refuses, and what it says of those it keeps. */
class SteppingDelve {
  running = false;
  /** The goroutine of the step whose breakpoints are in the text. */
  stepping: number | undefined;
  #refuses = false;
  #kept = false;
  #seq = 0;

  /**
   * Breakpoints go in at once, and a failure in the answer takes none of them out: the worse case for the core. A second
   * step is refused, and the breakpoints are the first one's still (pkg/proc/target_exec.go, Next: "next while nexting").
   */
  takeStep(goroutine: number): void {
    this.#refuses = this.stepping !== undefined;
    this.stepping ??= goroutine;
  }

  event(event: string, body?: unknown): DelveMessage {
    this.#seq += 1;
    return { kind: 'delve-message', message: { seq: this.#seq, type: 'event', event, body } };
  }

  answer({ seq, command, arguments: args }: Request, success: boolean, holds: boolean): DelveMessage {
    if (success && resuming.has(command)) this.running = true;
    this.#seq += 1;
    const { breakpoints = [] } = (args ?? {}) as { breakpoints?: readonly unknown[] };
    const placed = breakpoints.map((_, index) => ({ id: this.#seq * 10 + index, verified: true, line: 1 }));
    // Behind the gate of `planOf`; and the verdict over a condition.
    const stackFrames = [{ id: 1, instructionPointerReference: '0x401001' }];
    const body = { breakpoints: placed, stackFrames, result: String(holds) };
    return {
      kind: 'delve-message',
      message: { seq: this.#seq, type: 'response', request_seq: seq, command, success, body },
    };
  }

  /**
   * A refused step stops as an exception (service/dap/server.go, runUntilStopAndNotify). Else a step that is over clears its
   * breakpoints, and so do a breakpoint in its goroutine (target_exec.go, Continue: onNextGoroutine) and a pause (CancelNext).
   * `keeps`: a pause that met another goroutine's breakpoint is called a pause and clears nothing, and a breakpoint may be
   * told of the stepping goroutine where Continue looked at another one's.
   */
  stop(reason: string, threadId: number, keeps = false, ids?: readonly number[]): DelveMessage | undefined {
    if (!this.running) return undefined;
    this.running = false;
    if (this.#refuses) {
      this.#refuses = false;
      const description = 'invalid command';
      return this.event('stopped', { reason: 'exception', description, threadId, allThreadsStopped: true });
    }
    const ends = reason === 'step' || (!keeps && (reason === 'pause' || threadId === this.stepping));
    if (ends) this.stepping = undefined;
    this.#kept = this.stepping !== undefined;
    return this.event('stopped', {
      reason,
      threadId,
      allThreadsStopped: true,
      ...(ids && { hitBreakpointIds: ids }),
    });
  }

  /** Behind a stop that leaves breakpoints of a step (service/dap/server.go, NextInProgress). */
  wordsOfKept(): DelveMessage | undefined {
    if (!this.#kept) return undefined;
    this.#kept = false;
    const output = "Step interrupted by a breakpoint. Use 'Continue' to resume the original step command.\n";
    return this.event('output', { category: 'console', output });
  }
}

type Answer = (choice: number) => Input | undefined;

/** A session whose answers come in any order; kernel and planning refuse some of what they are asked for. */
export class SteppingSession {
  state: SessionState = initialState;
  readonly delve = new SteppingDelve();
  readonly pending: Answer[] = [];
  /** Requests of the client without an answer. */
  readonly asked = new Set<number>();
  /** Probes in the kernel, and whether a line begins there. */
  readonly armed = new Map<number, boolean>();
  steps = 0;
  #agentDead = false;
  #arming = 0;
  #clientSeq = 0;
  #probes = 0;

  feed(input: Input | undefined): void {
    if (input === undefined) return;
    const { state, outputs } = step(this.state, input);
    this.state = state;
    for (const output of outputs) this.#take(output);
  }

  request(command: string, args: unknown): void {
    this.#clientSeq += 1;
    this.asked.add(this.#clientSeq);
    this.feed({ kind: 'client-message', message: { seq: this.#clientSeq, type: 'request', command, arguments: args } });
  }

  /** Answers the pending thing of this number. */
  answer(choice: number): void {
    const [one] = this.pending.splice(choice % Math.max(1, this.pending.length), 1);
    this.feed(one?.(choice));
    this.feed(this.delve.wordsOfKept());
  }

  answerAll(choice: (round: number) => number): void {
    for (let round = 0; round < 500 && this.pending.length > 0; round += 1) this.answer(choice(round));
    expect(this.pending.length, 'it never ends').toBe(0);
  }

  loseAgent(): void {
    if (this.state.kernel.state !== 'ready') return;
    this.#agentDead = true;
    this.armed.clear();
    this.feed({ kind: 'agent-closed', reason: 'it was killed.' });
  }

  #take(output: Output): void {
    switch (output.kind) {
      case 'to-client':
        if (output.message.type === 'response') this.asked.delete(output.message.request_seq);
        return;
      case 'to-delve':
        this.#takeForDelve(output.message);
        return;
      case 'plan':
        this.pending.push((choice) => ({
          kind: 'planned',
          ticket: output.ticket,
          outcomes: output.items.map((item, index) =>
            this.#plan(item.kind === 'line' && item.yielding === true, choice + index),
          ),
        }));
        return;
      case 'arm':
        this.#takeArm(output.ticket, output.plans);
        return;
      case 'disarm':
        this.pending.push(() => {
          for (const probe of output.probes.length === 0 ? [...this.armed.keys()] : output.probes)
            this.armed.delete(probe);
          return { kind: 'disarmed', ticket: output.ticket, counters: [] };
        });
        return;
      case 'drain':
        this.pending.push(() => ({ kind: 'drained', ticket: output.ticket }));
        return;
      case 'focus':
        this.pending.push(() => ({ kind: 'focused', ticket: output.ticket }));
        return;
      case 'read-signals':
        this.pending.push(() => ({ kind: 'signals-read', ticket: output.ticket, trapPending: false }));
        return;
      default:
        return;
    }
  }

  #plan(lineBegins: boolean, choice: number): PlanOutcome {
    if (choice % 9 === 0) return { ok: false, message: 'no.' };
    const plan = lineBegins ? yielding : plain;
    return { ok: true, plan, function: 'main.f', file: '/x.go', line: 1, message: 'In the kernel.' };
  }

  #takeArm(ticket: number, plans: readonly Armed[]): void {
    const ofLines = plans.some(yields);
    expect(this.#agentDead, 'arms with an agent that is gone').toBe(false);
    if (ofLines) {
      expect(this.delve.stepping, 'arms where Delve may have breakpoints of a step').toBeUndefined();
      this.#arming += 1;
    }
    this.pending.push((choice) => {
      if (ofLines) this.#arming = Math.max(0, this.#arming - 1);
      const outcomes = plans.map((plan, index) => {
        if (this.#agentDead || (choice + index) % 11 === 0) {
          return { ok: false as const, message: 'no.', busy: choice % 2 === 0 };
        }
        this.#probes += 1;
        this.armed.set(this.#probes, yields(plan));
        return { ok: true as const, probe: this.#probes };
      });
      return { kind: 'armed', ticket, outcomes };
    });
  }

  #takeForDelve(message: Message): void {
    if (message.type !== 'request') return;
    const { command } = message;
    if (isStep(command)) {
      expect([...this.armed.values()], 'steps over a gate where a line begins').not.toContain(true);
      expect(this.#arming, 'steps while such a gate goes in').toBe(0);
      this.steps += 1;
      this.delve.takeStep((message.arguments as { threadId: number }).threadId);
    }
    this.pending.push((choice) => {
      const success = command === 'disconnect' || choice % 23 !== 0;
      if (command === 'pause' && success) this.pending.push(() => this.delve.stop('pause', 1, choice % 2 === 0));
      if (command === 'disconnect') this.pending.push(() => ({ kind: 'delve-closed' }));
      return this.delve.answer(message, success, choice % 3 === 0);
    });
  }
}
