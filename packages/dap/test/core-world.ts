/** The core without processes: a script that feeds inputs and reads outputs, and shapes for what comes and goes. */
import type { ProbeEvent, ProbePlan } from '@probelens/probes';
import { type Input, initialState, type Message, type Output, type SessionState, step } from '../src/index.js';

export const planOf = (name: string, kind: 'stop' | 'log' = 'stop', template?: string): ProbePlan => ({
  spec: {
    target: { kind: 'function', name },
    condition: 'x == 1',
    scope: { kind: 'process' },
    action: kind === 'stop' ? { kind } : { kind, template },
    rateLimit: undefined,
  },
  binary: { path: '/bin/x', goVersion: undefined, goBuildId: 'a', gnuBuildId: undefined },
  sites: [
    {
      use: kind,
      tier: 1,
      function: name,
      file: '/src/x.go',
      line: 7,
      address: '0x401000',
      offset: '0x1000',
      instruction: '55',
      sentinel: undefined,
      cost: 560,
      reason: '',
    },
  ],
  condition: undefined,
  captures: [],
  goidOffset: 0x98,
});

export const eventOf = (probe: number, goroutine: number, more: Partial<ProbeEvent> = {}): ProbeEvent => ({
  probe,
  number: 1,
  time: '100',
  cpu: 0,
  pid: 1,
  tid: goroutine + 1000,
  goid: String(goroutine),
  faulted: false,
  trapped: true,
  site: 0,
  values: [],
  ...more,
});

export class World {
  state: SessionState = initialState;
  /** Everything since the last `take`. */
  #outputs: Output[] = [];
  #clientSeq = 0;
  #delveSeq = 0;

  feed(input: Input): this {
    const { state, outputs } = step(this.state, input);
    this.state = state;
    this.#outputs.push(...outputs);
    return this;
  }

  /** The program runs, with one breakpoint of the kernel at line 7 of /src/x.go. */
  static withGate(bias = 0n): World {
    const world = World.ready();
    world.feed({ kind: 'kernel-opened', bias, pid: 77 });
    const breakpoints = [{ line: 7, condition: 'x == 1' }];
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints });
    world.answerPlans().answerArms();
    world.request('configurationDone');
    world.delveAnswer(world.toDelve()[0]);
    world.take();
    return world;
  }

  take(): readonly Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** Outputs of one kind since the last `take`. */
  only<K extends Output['kind']>(kind: K): readonly (Output & { kind: K })[] {
    return this.take().filter((output): output is Output & { kind: K } => output.kind === kind);
  }

  toClient(): readonly Message[] {
    return this.only('to-client').map(({ message }) => message);
  }

  toDelve(): readonly Message[] {
    return this.only('to-delve').map(({ message }) => message);
  }

  request(command: string, args?: unknown): number {
    this.#clientSeq += 1;
    const message: Message = { seq: this.#clientSeq, type: 'request', command };
    this.feed({ kind: 'client-message', message: args === undefined ? message : { ...message, arguments: args } });
    return this.#clientSeq;
  }

  delveEvent(event: string, body?: unknown): this {
    this.#delveSeq += 1;
    const message: Message = { seq: this.#delveSeq, type: 'event', event };
    return this.feed({ kind: 'delve-message', message: body === undefined ? message : { ...message, body } });
  }

  delveAnswer(request: Message | undefined, body?: unknown, success = true): this {
    if (request?.type !== 'request') throw new Error('there is no request to answer');
    this.#delveSeq += 1;
    return this.feed({
      kind: 'delve-message',
      message: {
        seq: this.#delveSeq,
        type: 'response',
        request_seq: request.seq,
        command: request.command,
        success,
        ...(body === undefined ? {} : { body }),
      },
    });
  }

  /** Up to where the client may set breakpoints, with the kernel at hand. */
  static ready(args: object = {}, request: 'launch' | 'attach' = 'launch'): World {
    const world = new World();
    world.request('initialize', { clientID: 'test', pathFormat: 'path' });
    world.request(request, { program: '/bin/x', ...args });
    world.feed({ kind: 'delve-connected' });
    const [greeting] = world.toDelve();
    world.delveAnswer(greeting, { exceptionBreakpointFilters: [{ filter: 'unrecovered-panic' }] });
    const [launch] = world.toDelve();
    world.delveEvent('process', { systemProcessId: 77 });
    world.delveEvent('initialized');
    world.delveAnswer(launch);
    world.feed({ kind: 'kernel-opened' });
    world.take();
    return world;
  }

  /** One conditional function breakpoint in the kernel as probe 1; resolves to its client id. */
  gate(name = 'main.f', more: object = {}): number {
    this.request('setFunctionBreakpoints', { breakpoints: [{ name, condition: 'x == 1', ...more }] });
    this.answerPlans();
    this.answerArms();
    const answer = this.toClient().find((message) => message.type === 'response');
    const body = answer?.type === 'response' ? answer.body : undefined;
    return (body as { breakpoints: { id: number }[] }).breakpoints[0]?.id ?? 0;
  }

  #probes = 0;

  answerPlans(
    refuse: (name: string) => string | undefined = () => undefined,
    settle: Readonly<Record<string, number>> = {},
  ): this {
    // What was refused makes the session ask once more for the rest.
    for (;;) {
      const output = this.#outputs.find((one) => one.kind === 'plan');
      if (output === undefined) return this;
      this.#outputs = this.#outputs.filter((one) => one !== output);
      this.feed({
        kind: 'planned',
        ticket: output.ticket,
        outcomes: output.items.map((item) => {
          const name = item.kind === 'function' ? item.name : item.kind === 'line' ? `line${item.line}` : item.text;
          const message = refuse(name);
          if (message !== undefined) return { ok: false, message };
          const template = 'action' in item && item.action.kind === 'log' ? item.action.template : undefined;
          const kind = template === undefined ? 'stop' : 'log';
          return {
            ok: true,
            plan: planOf(name, kind, template),
            function: name,
            file: '/src/x.go',
            line: 7,
            settle: settle[name],
            message: 'In the kernel.',
          };
        }),
      });
    }
  }

  answerArms(refuse: (name: string) => string | undefined = () => undefined): this {
    for (const output of this.#outputs.filter((one) => one.kind === 'arm')) {
      this.#outputs = this.#outputs.filter((one) => one !== output);
      this.feed({
        kind: 'armed',
        ticket: output.ticket,
        outcomes: output.plans.map((plan) => {
          const { target } = plan.spec;
          const message = refuse(target.kind === 'function' ? target.name : '');
          if (message !== undefined) return { ok: false, message };
          this.#probes += 1;
          return { ok: true, probe: this.#probes };
        }),
      });
    }
    return this;
  }

  /** Delve's stop at a trap it does not know, with the kernel's events for it. */
  trap(goroutine: number, events: readonly ProbeEvent[]): this {
    this.delveEvent('stopped', { reason: 'breakpoint', threadId: goroutine, allThreadsStopped: true });
    const drain = this.#outputs.find((one) => one.kind === 'drain');
    this.#outputs = this.#outputs.filter((one) => one !== drain);
    if (drain?.kind !== 'drain') throw new Error('nobody drains');
    if (events.length > 0) this.feed({ kind: 'probe-events', events });
    return this.feed({ kind: 'drained', ticket: drain.ticket });
  }
}

/** Bodies of the `stopped` events among them. */
export const stopped = (messages: readonly Message[]): unknown[] =>
  messages.flatMap((message) => (message.type === 'event' && message.event === 'stopped' ? [message.body] : []));

/** Body of the first response among them. */
export const bodyOf = (messages: readonly Message[]): unknown => {
  const answer = messages.find((message) => message.type === 'response');
  return answer?.type === 'response' ? answer.body : undefined;
};
