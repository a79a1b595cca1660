/** Gates at places that Delve needs for its steps: Delve has them meanwhile, and the client notices nothing. */
import { describe, expect, it } from 'vitest';
import type { ArmOutcome } from '../src/core/kernel-words.js';
import type { Message } from '../src/index.js';
import { bodyOf, eventOf, planOf, stopped, World } from './core-world.js';

const path = '/src/x.go';
const breakpoints = [{ line: 7, condition: 'x == 1' }];

const told = (world: World): string[] =>
  world.take().flatMap((output) => {
    if (output.kind === 'to-delve' && output.message.type === 'request') return [output.message.command];
    if (output.kind === 'to-client' && output.message.type === 'event') return [`event ${output.message.event}`];
    return output.kind === 'disarm' || output.kind === 'plan' || output.kind === 'arm' ? [output.kind] : [];
  });

/** A session with one breakpoint, at line 7, and what the next things are that happen to it. */
class Stage {
  readonly world = World.ready();
  readonly id: number;
  #delveId = 10;
  #probe = 0;

  constructor(args: object = {}) {
    this.world = World.ready(args);
    this.world.request('setBreakpoints', { source: { path }, breakpoints });
    this.plan();
    this.arm();
    const body = bodyOf(this.world.toClient()) as { breakpoints: { id: number }[] };
    this.id = body.breakpoints[0]?.id ?? 0;
  }

  /** The kernel's plan: a place where a line begins. */
  plan(): void {
    const [output] = this.world.only('plan');
    const plan = planOf('main.f');
    const sites = plan.sites.map((site) => ({ ...site, yields: true as const }));
    this.world.feed({
      kind: 'planned',
      ticket: output?.ticket ?? 0,
      outcomes: (output?.items ?? []).map(() => ({
        ok: true,
        plan: { ...plan, sites },
        function: 'main.f',
        file: path,
        line: 7,
        message: 'In the kernel. While you step, Delve has it.',
      })),
    });
  }

  arm(outcome?: ArmOutcome): void {
    const [output] = this.world.only('arm');
    this.#probe += 1;
    const outcomes = (output?.plans ?? []).map(() => outcome ?? { ok: true as const, probe: this.#probe });
    this.world.feed({ kind: 'armed', ticket: output?.ticket ?? 0, outcomes });
  }

  disarmed(): void {
    this.world.only('disarm');
    this.world.feed({ kind: 'disarmed', ticket: this.world.state.tickets, counters: [] });
  }

  /** What Delve was sent last; answered as it would. */
  delve(): Message | undefined {
    const sent = this.world.toDelve().at(-1);
    if (sent?.type !== 'request') return sent;
    const wanted = (sent.arguments as { breakpoints?: unknown[] } | undefined)?.breakpoints ?? [];
    this.#delveId += 1;
    this.world.delveAnswer(sent, { breakpoints: wanted.map(() => ({ id: this.#delveId, verified: true, line: 7 })) });
    return sent;
  }

  get delveId(): number {
    return this.#delveId;
  }

  /** At a hit of the gate in goroutine 5, then a step of that goroutine is on its way to Delve. */
  step(command = 'next'): void {
    this.world.request('configurationDone');
    this.world.delveAnswer(this.world.toDelve()[0]);
    this.world.trap(5, [eventOf(this.#probe, 5)]);
    this.world.take();
    this.world.request(command, { threadId: 5 });
    this.disarmed();
    this.delve();
    for (const sent of this.world.toDelve()) this.world.delveAnswer(sent);
    this.world.take();
  }

  stop(body: object): void {
    this.world.delveEvent('stopped', { allThreadsStopped: true, ...body });
    const stage = this.world.state.held?.stage;
    if (stage?.kind === 'draining') this.world.feed({ kind: 'drained', ticket: stage.ticket });
  }
}

describe('gates where lines begin', () => {
  it('are handed to Delve before a step, with their condition, and the client hears nothing of it', () => {
    const stage = new Stage();
    const { world } = stage;
    world.request('configurationDone');
    world.delveAnswer(world.toDelve()[0]);
    world.trap(5, [eventOf(1, 5)]);
    world.take();
    world.request('next', { threadId: 5 });
    expect(told(world)).toEqual(['disarm']);
    stage.disarmed();
    expect(stage.delve()).toMatchObject({ command: 'setBreakpoints', arguments: { source: { path }, breakpoints } });
    // Behind it, what is answered when its breakpoints are planted.
    expect(told(world)).toEqual(['next', 'scopes']);
  });

  it('come back at the first continue after the step, under the same id', () => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    stage.stop({ reason: 'step', threadId: 5 });
    world.take();
    world.request('continue', { threadId: 5 });
    stage.plan();
    expect(stage.delve()).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [] } });
    stage.arm();
    expect(told(world)).toEqual(['continue']);
    world.trap(5, [eventOf(2, 5)]);
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 5, hitBreakpointIds: [stage.id] }]);
  });

  it("are Delve's for all steps in a row", () => {
    const stage = new Stage();
    stage.step();
    stage.stop({ reason: 'step', threadId: 5 });
    stage.world.take();
    stage.world.request('stepIn', { threadId: 5 });
    expect(told(stage.world)).toEqual(['stepIn', 'scopes']);
  });

  it('stop the stepping goroutine under their own id, and pass the others, counted', () => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    for (let times = 0; times < 2; times++) {
      stage.stop({ reason: 'breakpoint', threadId: 9, hitBreakpointIds: [stage.delveId] });
      expect(told(world).at(-1)).toBe('continue');
    }
    stage.stop({ reason: 'breakpoint', threadId: 5, hitBreakpointIds: [stage.delveId] });
    const messages = world.toClient();
    expect(stopped(messages)).toMatchObject([{ threadId: 5, hitBreakpointIds: [stage.id] }]);
    expect(JSON.stringify(messages)).toContain(
      'While goroutine 5 ran, others passed the breakpoint at main.f 2 times without stopping.',
    );
    // Delve clears a step's breakpoints where its goroutine stops elsewhere.
    world.request('continue', { threadId: 5 });
    expect(told(world)).toEqual(['plan']);
  });

  it('stop every goroutine where steps are those of Delve alone', () => {
    const stage = new Stage({ steps: 'process' });
    stage.step();
    stage.stop({ reason: 'breakpoint', threadId: 9, hitBreakpointIds: [stage.delveId] });
    expect(stopped(stage.world.toClient())).toMatchObject([{ threadId: 9, hitBreakpointIds: [stage.id] }]);
  });

  it.each([
    ['another goroutine', { reason: 'breakpoint', threadId: 9, hitBreakpointIds: [77] }],
    ['an error', { reason: 'exception', threadId: 5 }],
  ])('stay with Delve while it may have more to do for a step that %s cut short', (_, stop) => {
    const stage = new Stage();
    stage.step();
    stage.stop(stop);
    stage.world.take();
    stage.world.request('continue', { threadId: 5 });
    expect(told(stage.world)).toEqual(['continue']);
    stage.stop({ reason: 'step', threadId: 5 });
    stage.world.take();
    stage.world.request('continue', { threadId: 5 });
    // That was no step of this session's any more, so nobody knows that it was the end.
    expect(told(stage.world)).toEqual(['continue']);
  });

  const interruption = "Step interrupted by a breakpoint. Use 'Continue' to resume the original step command.\n";

  it.each([
    ['come back behind a pause', 'never', ['plan']],
    ['stay with Delve behind a pause where it says that it keeps the step', 'before', ['continue']],
    ['are given to Delve again where it says so while they come back', 'behind', []],
  ])('%s', (_, when, expected) => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    stage.stop({ reason: 'pause', threadId: 5 });
    const say = (): World => world.delveEvent('output', { category: 'console', output: interruption });
    if (when === 'before') say();
    world.take();
    world.request('continue', { threadId: 5 });
    if (when === 'behind') {
      stage.plan();
      say();
      expect(stage.delve()).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [] } });
      const [back] = world.toDelve();
      expect(back).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints } });
      world.delveAnswer(back, { breakpoints: [{ id: 40, verified: true, line: 7 }] });
      expect(told(world)).toEqual(['continue']);
    } else expect(told(world)).toEqual(expected);
    expect(world.state.gates.size).toBe(0);
  });

  it('stay with Delve where a thread stands in the way, and are tried again', () => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    stage.stop({ reason: 'step', threadId: 5 });
    world.take();
    for (let times = 0; times < 2; times++) {
      world.request('continue', { threadId: 5 });
      stage.plan();
      stage.delve();
      stage.arm({ ok: false, message: 'A thread stands there.', busy: true });
      expect(stage.delve()).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints } });
      expect(told(world)).toEqual(['continue']);
      stage.stop({ reason: 'breakpoint', threadId: 5, hitBreakpointIds: [stage.delveId] });
      expect(stopped(world.toClient())).toMatchObject([{ hitBreakpointIds: [stage.id] }]);
    }
  });

  it("are Delve's for good where the kernel will not have them back, and the client is told why", () => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    stage.stop({ reason: 'step', threadId: 5 });
    world.take();
    world.request('continue', { threadId: 5 });
    const [plan] = world.only('plan');
    const message = 'a probe of another session is there.';
    world.feed({ kind: 'planned', ticket: plan?.ticket ?? 0, outcomes: [{ ok: false, message }] });
    expect(stage.delve()).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints } });
    const changed = world.toClient().find((each) => each.type === 'event' && each.event === 'breakpoint');
    expect(changed).toMatchObject({ body: { breakpoint: { id: stage.id, verified: true } } });
    expect(JSON.stringify(changed)).toContain(message);
    expect(world.state.handOver.lent.size).toBe(0);
  });

  it("are Delve's at once where they are set while it steps", () => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    world.request('setBreakpoints', { source: { path: '/src/y.go' }, breakpoints: [{ line: 9, condition: 'y == 2' }] });
    stage.plan();
    expect(stage.delve()).toMatchObject({ arguments: { breakpoints: [{ line: 9, condition: 'y == 2' }] } });
    expect(bodyOf(world.toClient())).toMatchObject({
      breakpoints: [{ verified: true, message: 'In the kernel. While you step, Delve has it.' }],
    });
    expect(world.state.gates.size).toBe(0);
  });

  it('are planned anew when they are changed while Delve has them', () => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    stage.stop({ reason: 'step', threadId: 5 });
    world.take();
    world.request('setBreakpoints', { source: { path }, breakpoints: [{ line: 7, condition: 'x == 2' }] });
    stage.plan();
    expect(stage.delve()).toMatchObject({ arguments: { breakpoints: [] } });
    stage.arm();
    expect(bodyOf(world.toClient())).toMatchObject({ breakpoints: [{ id: stage.id, verified: true }] });
    expect(world.state.gates.size).toBe(1);
    expect(world.state.handOver.lent.size).toBe(0);
  });

  it("are Delve's for good when the agent is gone, and the client is told", () => {
    const stage = new Stage();
    const { world } = stage;
    stage.step();
    stage.stop({ reason: 'step', threadId: 5 });
    world.take();
    world.feed({ kind: 'agent-closed', reason: 'the probe agent has ended.' });
    stage.delve();
    const changed = world.toClient().find((message) => message.type === 'event' && message.event === 'breakpoint');
    expect(changed).toMatchObject({ body: { breakpoint: { id: stage.id, verified: true } } });
    expect(JSON.stringify(changed)).not.toContain('While you step');
    world.request('continue', { threadId: 5 });
    expect(told(world)).toEqual(['continue']);
  });

  it('are only asked for where Delve would answer the same', () => {
    const world = World.ready();
    world.request('setBreakpoints', {
      source: { path },
      breakpoints: [
        { line: 7, condition: 'x == 1' },
        { line: 8, condition: 'x == 1', hitCondition: '> 2' },
        { line: 9, logMessage: 'here' },
      ],
    });
    const [plan] = world.only('plan');
    expect(plan?.items.map((item) => item.kind === 'line' && item.yielding === true)).toEqual([true, false, false]);
  });
});
