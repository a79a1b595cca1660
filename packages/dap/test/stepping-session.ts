/**
 * A session among gates where lines begin, with a model of what Delve makes of steps at its side, and of what an agent that
 * is killed leaves in the text. What is wrong in any order is seen as soon as the core asks for it.
 */
import type { ProbePlan } from '@probelens/probes';
import { expect } from 'vitest';
import type { PlanItem } from '../src/core/kernel-words.js';
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
import { groupOf, isStep, SteppingDelve } from './stepping-delve.js';

type Armed = (Output & { readonly kind: 'arm' })['plans'][number];
const yields = (plan: Armed): boolean => plan.sites.some((site) => site.yields === true);

/** The program's file is loaded this far behind its beginning. */
const loaded = 0x400000;

/** Where breakpoints are in memory: a place of its own for each line and function. */
const addressOf = (file: string, line: number): number =>
  loaded + 0x1000 * (file.charCodeAt(1) % 16) + 0x10 * (line % 100);

const planned = (item: PlanItem): ProbePlan => {
  const plan = planOf(item.kind === 'function' ? item.name : 'main.f');
  const [file, line] = item.kind === 'line' ? [item.file, item.line] : ['/functions.go', plan.spec.target.kind.length];
  const address = addressOf(file, line);
  const place = { file, line, address: `0x${address.toString(16)}`, offset: `0x${(address - loaded).toString(16)}` };
  const lineBegins = item.kind === 'line' && item.yielding === true && { yields: true as const };
  return { ...plan, sites: plan.sites.map((site) => ({ ...site, ...place, ...lineBegins })) };
};

type Answer = (choice: number) => Input | undefined;

/** A session whose answers come in any order; kernel and planning refuse some of what they are asked for. */
export class SteppingSession {
  state: SessionState = initialState;
  readonly delve = new SteppingDelve();
  readonly pending: Answer[] = [];
  /** Requests of the client without an answer. */
  readonly asked = new Set<number>();
  /** Probes in the kernel. */
  readonly armed = new Map<number, Armed>();
  steps = 0;
  /** Places that an agent has left breakpoints at. */
  readonly leaked = new Set<number>();
  agentDead = false;
  #arming: Armed[] = [];
  /** What the client has set last, by what it replaces. */
  readonly #sets = new Map<string, { readonly command: string; readonly args: unknown }>();
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
    if (command.startsWith('set')) this.#sets.set(groupOf(command, args), { command, args });
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

  get lineBegins(): boolean {
    return [...this.armed.values()].some(yields);
  }

  /** Killed; perhaps while it took out, or put in, what it leaves then. */
  loseAgent(choice: number): void {
    if (this.state.kernel.state !== 'ready') return;
    this.#kill(choice);
    this.feed({ kind: 'agent-closed', reason: 'it was killed.' });
  }

  #delveDead = false;

  /** It answers nothing any more. */
  loseDelve(): void {
    this.#delveDead = true;
    this.feed({ kind: 'delve-closed' });
  }

  #kill(choice: number): void {
    this.agentDead = true;
    const places = [...this.armed.values(), ...this.#arming].flatMap(({ sites }) => sites);
    for (const [index, { address }] of places.entries())
      if ((choice + index) % 3 === 0) this.leaked.add(Number(address));
    this.armed.clear();
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
        this.#later((choice) => ({
          kind: 'planned',
          ticket: output.ticket,
          outcomes: output.items.map((item, index) => this.#plan(item, choice + index)),
        }));
        return;
      case 'arm':
        this.#takeArm(output.ticket, output.plans);
        return;
      case 'disarm':
        this.#later(() => {
          for (const probe of output.probes.length === 0 ? [...this.armed.keys()] : output.probes)
            this.armed.delete(probe);
          return { kind: 'disarmed', ticket: output.ticket, counters: [] };
        });
        return;
      case 'compare-text':
        this.#later(() => ({
          kind: 'text-compared',
          ticket: output.ticket,
          changed: [...output.places.entries()].flatMap(([index, { address }]) =>
            this.leaked.has(Number(address)) ? [index] : [],
          ),
        }));
        return;
      case 'mend-text':
        this.#takeMend(output.ticket, output.offsets);
        return;
      case 'open-kernel':
        this.#later(() => {
          this.agentDead = false;
          return { kind: 'kernel-opened', bias: 0n, pid: 7 };
        });
        return;
      case 'end-agent':
        this.#kill(this.#clientSeq);
        return;
      case 'start-timer':
        if (output.name === 'text') this.#later(() => ({ kind: 'timer', name: 'text' }));
        return;
      case 'drain':
        this.#later(() => ({ kind: 'drained', ticket: output.ticket }));
        return;
      case 'focus':
        this.#later(() => ({ kind: 'focused', ticket: output.ticket }));
        return;
      case 'read-signals':
        this.#later(() => ({ kind: 'signals-read', ticket: output.ticket, trapPending: false }));
        return;
      default:
        return;
    }
  }

  #later(answer: Answer): void {
    this.pending.push(answer);
  }

  #plan(item: PlanItem, choice: number): PlanOutcome {
    if (this.agentDead || choice % 9 === 0) return { ok: false, message: 'no.' };
    return { ok: true, plan: planned(item), function: 'main.f', file: '/x.go', line: 1, message: 'In the kernel.' };
  }

  #takeArm(ticket: number, plans: readonly Armed[]): void {
    expect(this.agentDead, 'arms with an agent that is gone').toBe(false);
    if (plans.some(yields)) {
      expect(this.delve.stepping, 'arms where Delve may have breakpoints of a step').toBeUndefined();
    }
    this.#arming.push(...plans);
    this.#later((choice) => {
      this.#arming = this.#arming.filter((plan) => !plans.includes(plan));
      const outcomes = plans.map((plan, index) => {
        if (this.agentDead || (choice + index) % 11 === 0) {
          return { ok: false as const, message: 'no.', busy: choice % 2 === 0 };
        }
        this.#probes += 1;
        this.armed.set(this.#probes, plan);
        return { ok: true as const, probe: this.#probes };
      });
      return { kind: 'armed', ticket, outcomes };
    });
  }

  /** What a kernel of whatever age takes out, Delve's breakpoints among it. */
  #takeMend(ticket: number, offsets: readonly number[]): void {
    for (const offset of offsets) {
      expect(this.delve.places(addressOf), "takes out a breakpoint of Delve's").not.toContain(offset + loaded);
      expect(this.leaked, 'takes out what is not there').toContain(offset + loaded);
    }
    this.#later((choice) => {
      if (choice % 3 > 0) for (const offset of offsets) this.leaked.delete(offset + loaded);
      return { kind: 'text-mended', ticket };
    });
  }

  #takeForDelve(message: Message): void {
    if (message.type !== 'request') return;
    const { command } = message;
    const before = this.delve.places(addressOf);
    const fresh = this.delve.asks(message, addressOf).filter((place) => !before.includes(place));
    for (const place of fresh)
      expect(this.leaked, 'gives Delve a place where an agent has left a breakpoint').not.toContain(place);
    if (isStep(command)) {
      expect(this.lineBegins, 'steps over a gate where a line begins').toBe(false);
      expect(this.#arming.some(yields), 'steps while such a gate goes in').toBe(false);
      this.steps += 1;
      this.delve.takeStep((message.arguments as { threadId: number }).threadId);
    }
    if (command === 'restart') {
      this.#takeRestart(message);
      return;
    }
    this.#later((choice) => {
      if (this.#delveDead) return undefined;
      const success = command === 'disconnect' || choice % 23 !== 0;
      if (command === 'pause' && success) this.#later(() => this.delve.stop('pause', 1, choice % 2 === 0));
      if (command === 'disconnect') this.#later(() => ({ kind: 'delve-closed' }));
      return this.delve.answer(message, success, choice);
    });
  }

  /** Delve says yes at once. A program that it was attached to it leaves as it is, and says so then. */
  #takeRestart(message: Request): void {
    this.#later((choice) => {
      if (this.#delveDead) return undefined;
      this.#later(() => {
        if (this.#delveDead) return undefined;
        if (this.state.launch?.live === true) return this.delve.answer(message, false, choice);
        expect(this.armed.size, 'begins anew under gates').toBe(0);
        this.leaked.clear();
        this.feed(this.delve.restart());
        for (const { command, args } of this.#sets.values()) this.request(command, args);
        return undefined;
      });
      return this.delve.answer(message, true, choice);
    });
  }

  /** What the session believes of where breakpoints are is so. */
  checkBooks(): void {
    for (const { command, base, placed } of this.state.groups.values()) {
      const homes = (home: string): readonly unknown[] =>
        placed.filter((one) => one.home === home).map(({ raw }) => raw);
      expect(homes('delve'), 'is with Delve').toEqual(this.delve.breakpoints(command, base));
      const probes = placed.flatMap(({ home, probe }) => (home === 'kernel' ? [probe] : []));
      expect([...this.armed.keys()], 'is in the kernel').toEqual(expect.arrayContaining(probes));
    }
  }
}
