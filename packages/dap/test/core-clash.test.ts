import { describe, expect, it } from 'vitest';
import { bodyOf, World } from './core-world.js';

/** Commands to Delve, and what the kernel was told, in the order in which they left. */
const orders = (world: World): string[] =>
  world.take().flatMap((output) => {
    if (output.kind === 'to-delve' && output.message.type === 'request') return [output.message.command];
    return output.kind === 'disarm' || output.kind === 'plan' || output.kind === 'arm' ? [output.kind] : [];
  });

const disarmed = (world: World): World => world.feed({ kind: 'disarmed', ticket: world.state.tickets, counters: [] });

describe("Delve's breakpoints beside gates", () => {
  it('take the gate out first, and it is planned again beside them', () => {
    const world = World.ready();
    const id = world.gate();
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [{ line: 7 }] });
    const [disarm] = world.only('disarm');
    expect(disarm?.probes).toEqual([1]);
    disarmed(world);
    world.delveAnswer(world.toDelve()[0], { breakpoints: [{ id: 3, verified: true, line: 7 }] });
    const outputs = world.take();
    const plan = outputs.find((output) => output.kind === 'plan');
    expect(plan).toMatchObject({ avoid: { lines: [{ file: '/src/x.go', line: 7 }] } });
    world.feed({
      kind: 'planned',
      ticket: plan?.kind === 'plan' ? plan.ticket : 0,
      outcomes: [{ ok: false, message: 'The debugger holds a breakpoint there.' }],
    });
    const [sent] = world.toDelve();
    expect(sent).toMatchObject({ command: 'setFunctionBreakpoints', arguments: { breakpoints: [{ name: 'main.f' }] } });
    world.delveAnswer(sent, { breakpoints: [{ id: 4, verified: true, line: 7 }] });
    expect(world.toClient()).toMatchObject([{ event: 'breakpoint', body: { breakpoint: { id } } }]);
  });

  it('leave gates on other lines alone', () => {
    const world = World.ready();
    world.gate();
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [{ line: 8 }] });
    expect(orders(world)).toEqual(['setBreakpoints']);
  });

  it('of one function take the gate of the same request out and plan it anew', () => {
    const world = World.ready();
    world.gate();
    const breakpoints = [{ name: 'main.f', condition: 'x == 1' }, { name: 'f' }];
    world.request('setFunctionBreakpoints', { breakpoints });
    expect(orders(world)).toEqual(['plan']);
  });

  it('bring a probe back that was asked for by text, before the program goes on', () => {
    const world = World.ready();
    world.request('evaluate', { expression: 'probe main.f do count', context: 'repl' });
    world.answerPlans().answerArms();
    world.take();
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [{ line: 7 }] });
    world.request('configurationDone');
    expect(orders(world)).toEqual(['disarm']);
    disarmed(world);
    world.delveAnswer(world.toDelve()[0], { breakpoints: [{ id: 3, verified: true, line: 7 }] });
    expect(orders(world)).toEqual(['plan']);
  });

  it.each([
    ['0x401000', 0, true],
    ['0x401001', 0, true],
    ['0x400ff0', 16, true],
    ['0x401002', 0, false],
    ['0x400fff', 0, false],
  ])('on an instruction at %s+%d', (instructionReference, offset, clash) => {
    const world = World.ready();
    world.feed({ kind: 'kernel-opened', bias: 0n });
    world.gate();
    world.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference, offset }] });
    if (!clash) {
      expect(orders(world)).toEqual(['setInstructionBreakpoints']);
      return;
    }
    expect(orders(world)).toEqual(['disarm']);
    disarmed(world);
    const [again] = world.toDelve();
    expect(again).toMatchObject({ command: 'setFunctionBreakpoints' });
    world.delveAnswer(again, { breakpoints: [{ id: 2, verified: true, line: 7 }] });
    const messages = world.take();
    expect(JSON.stringify(messages)).toContain('Delve takes this breakpoint too');
    const sent = messages.flatMap((output) => (output.kind === 'to-delve' ? [output.message] : []));
    expect(sent).toMatchObject([{ command: 'setInstructionBreakpoints' }]);
    world.delveAnswer(sent[0], { breakpoints: [{ verified: true }] });
    expect(bodyOf(world.toClient())).toEqual({ breakpoints: [{ verified: true }] });
  });
});
