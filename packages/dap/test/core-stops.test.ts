import { describe, expect, it } from 'vitest';
import { bodyOf, eventOf, stopped, World } from './core-world.js';

describe('stops', () => {
  it('gives a trap its breakpoint', () => {
    const world = World.ready();
    const id = world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19)]);
    expect(stopped(world.toClient())).toEqual([
      { reason: 'function breakpoint', threadId: 19, allThreadsStopped: true, hitBreakpointIds: [id] },
    ]);
  });

  it('shows what waits on each continue, oldest first, without resuming', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(20, [eventOf(1, 21, { time: '300' }), eventOf(1, 20, { time: '100' }), eventOf(1, 22, { time: '200' })]);
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 20 }]);
    const first = world.request('continue', { threadId: 20 });
    const outputs = world.take();
    expect(outputs.some(({ kind }) => kind === 'to-delve')).toBe(false);
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(messages).toMatchObject([
      { type: 'response', request_seq: first, body: { allThreadsContinued: true } },
      { event: 'stopped', body: { threadId: 22 } },
    ]);
    world.request('continue', { threadId: 22 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 21 }]);
    world.request('continue', { threadId: 21 });
    expect(world.toDelve()).toMatchObject([{ command: 'continue' }]);
  });

  it.each([[[1, 2]], [[2, 1]]])(
    'shows two gates at one instruction in the order of their lines, fired as %j',
    (fired) => {
      const world = World.ready();
      const breakpoints = [
        { name: 'main.f', condition: 'x == 1' },
        { name: 'main.g', condition: 'x == 2' },
      ];
      world.request('setFunctionBreakpoints', { breakpoints });
      // The second is for the first line of the body, four bytes behind the instruction that both sit on.
      world.answerPlans(() => undefined, { 'main.g': 4 }).answerArms();
      const {
        breakpoints: [first, second],
      } = bodyOf(world.toClient()) as { breakpoints: { id: number }[] };
      world.request('configurationDone');
      world.take();
      world.trap(
        20,
        fired.map((probe, index) => eventOf(probe, 20, { time: `${100 + index}` })),
      );
      expect(stopped(world.toClient())).toMatchObject([{ threadId: 20, hitBreakpointIds: [first?.id] }]);
      world.request('continue', { threadId: 20 });
      const [stack] = world.toDelve();
      world.delveAnswer(stack, { stackFrames: [{ id: 1, instructionPointerReference: '0x401001' }] });
      world.delveAnswer(world.toDelve()[0]);
      world.delveEvent('stopped', { reason: 'step', threadId: 20 });
      world.delveAnswer(world.toDelve()[0], { stackFrames: [{ id: 1, instructionPointerReference: '0x401005' }] });
      expect(stopped(world.toClient())).toMatchObject([{ threadId: 20, hitBreakpointIds: [second?.id] }]);
    },
  );

  it('passes over a trap whose hit was shown before it came', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(20, [eventOf(1, 20), eventOf(1, 21)]);
    world.request('continue', { threadId: 20 });
    world.request('continue', { threadId: 21 });
    world.take();
    world.trap(21, []);
    const [stack] = world.toDelve();
    expect(stack).toMatchObject({ command: 'stackTrace', arguments: { threadId: 21, levels: 1 } });
    world.delveAnswer(stack, { stackFrames: [{ id: 1, instructionPointerReference: '0x401001' }] });
    const outputs = world.take();
    expect(outputs.some((output) => output.kind === 'to-client' && output.message.type === 'event')).toBe(false);
    expect(outputs).toContainEqual(expect.objectContaining({ kind: 'to-delve' }));
  });

  it.each([
    ['elsewhere', 0n, '0x455555', true],
    ['where the gate is', 0n, '0x401000', true],
    ['where it was linked, but not loaded', 0x5000n, '0x401001', true],
    ['right behind the gate', 0x5000n, '0x406001', false],
    ['at an address that was loaded anywhere', undefined, '0x7f0000001001', false],
    ['at no address', undefined, undefined, true],
  ])("shows a trap %s: only a gate's own is passed over", (_, bias, pc, shown) => {
    const world = World.ready();
    world.feed({ kind: 'kernel-opened', bias });
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(20, [eventOf(1, 20), eventOf(1, 21)]);
    world.request('continue', { threadId: 20 });
    world.request('continue', { threadId: 21 });
    world.take();
    world.trap(21, []);
    world.delveAnswer(world.toDelve()[0], { stackFrames: [{ id: 1, instructionPointerReference: pc }] });
    const outputs = world.take();
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(stopped(messages)).toHaveLength(shown ? 1 : 0);
    expect(outputs.some(({ kind }) => kind === 'to-delve')).toBe(!shown);
  });

  it.each([
    ['right behind the gate', '0x401001', false],
    ['elsewhere', '0x455555', true],
  ])('passes over a hit of a gate that is just being taken out, not a trap %s', (_, pc, shown) => {
    const world = World.ready();
    world.feed({ kind: 'kernel-opened', bias: 0n });
    world.gate();
    world.request('configurationDone');
    world.take();
    world.request('setFunctionBreakpoints', { breakpoints: [] });
    const [disarm] = world.only('disarm');
    world.trap(20, [eventOf(1, 20)]);
    world.feed({ kind: 'disarmed', ticket: disarm?.ticket ?? 0, counters: [] });
    const outputs = [...world.take()];
    const proof = outputs.flatMap((one) =>
      one.kind === 'to-delve' && 'command' in one.message && one.message.command === 'stackTrace' ? [one.message] : [],
    );
    world.delveAnswer(proof[0], { stackFrames: [{ id: 1, instructionPointerReference: pc }] });
    outputs.push(...world.take());
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(stopped(messages)).toHaveLength(shown ? 1 : 0);
  });

  it("lets the program's own breakpoint instruction be", () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(5, []);
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 5 }]);
  });

  it("shows Delve's own breakpoint first, with the client's id", () => {
    const world = World.ready();
    world.gate();
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [{ line: 3 }] });
    world.delveAnswer(world.toDelve()[0], { breakpoints: [{ id: 9, verified: true, line: 3 }] });
    const body = bodyOf(world.toClient()) as { breakpoints: { id: number }[] };
    world.request('configurationDone');
    world.take();
    world.delveEvent('stopped', { reason: 'breakpoint', threadId: 4, hitBreakpointIds: [9] });
    const [drain] = world.only('drain');
    world.feed({ kind: 'probe-events', events: [eventOf(1, 30)] });
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 4, hitBreakpointIds: [body.breakpoints[0]?.id] }]);
    world.request('continue', { threadId: 4 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 30 }]);
  });

  it("gives one stop both ids where Delve's breakpoint is right behind the gate", () => {
    const world = World.ready();
    const id = world.gate();
    world.request('configurationDone');
    world.take();
    world.delveEvent('stopped', { reason: 'instruction breakpoint', threadId: 19, hitBreakpointIds: [5] });
    const [drain] = world.only('drain');
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 19, hitBreakpointIds: [expect.any(Number), id] }]);
    world.request('continue', { threadId: 19 });
    expect(world.toDelve()).toMatchObject([{ command: 'continue' }]);
  });

  it.each([
    ['true', [{ threadId: 19 }], []],
    ['false', [], ['continue']],
  ])('lets Delve judge a hit that the kernel could not read (%s)', (result, shown, sent) => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19, { faulted: true })]);
    const [stack] = world.toDelve();
    expect(stack).toMatchObject({ command: 'stackTrace', arguments: { threadId: 19, levels: 1 } });
    world.delveAnswer(stack, { stackFrames: [{ id: 1000 }] });
    const [evaluate] = world.toDelve();
    expect(evaluate).toMatchObject({ command: 'evaluate', arguments: { expression: 'x == 1', frameId: 1000 } });
    world.delveAnswer(evaluate, { result });
    const outputs = world.take();
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(stopped(messages)).toMatchObject(shown);
    const commands = outputs.flatMap((one) =>
      one.kind === 'to-delve' && 'command' in one.message ? [one.message.command] : [],
    );
    expect(commands).toEqual(sent);
  });

  it('counts hit conditions as Delve does', () => {
    const world = World.ready();
    world.gate('main.f', { hitCondition: '>= 2' });
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19)]);
    expect(stopped(world.toClient())).toEqual([]);
    world.trap(19, [eventOf(1, 19)]);
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 19 }]);
  });

  it('gives a gate that fires without a stop back to Delve, and says it once', () => {
    const world = World.ready();
    const id = world.gate();
    world.request('configurationDone');
    world.take();
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19)] });
    world.feed({ kind: 'timer', name: 'hit-without-stop' });
    const [disarm] = world.only('disarm');
    world.feed({ kind: 'disarmed', ticket: disarm?.ticket ?? 0, counters: [] });
    const [sent] = world.toDelve();
    expect(sent).toMatchObject({ command: 'setFunctionBreakpoints', arguments: { breakpoints: [{ name: 'main.f' }] } });
    world.delveAnswer(sent, { breakpoints: [{ id: 2, verified: true, line: 7 }] });
    expect(world.toClient()).toMatchObject([
      {
        event: 'breakpoint',
        body: { reason: 'changed', breakpoint: { id, verified: true, message: expect.stringContaining('In Delve') } },
      },
    ]);
  });
});

describe('the agent dies', () => {
  it('and hits that are known already are shown all the same', () => {
    const world = World.ready();
    const id = world.gate();
    world.request('configurationDone');
    world.take();
    world.delveEvent('stopped', { reason: 'breakpoint', threadId: 20, allThreadsStopped: true });
    world.feed({ kind: 'probe-events', events: [eventOf(1, 20), eventOf(1, 21), eventOf(1, 22, { faulted: true })] });
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    const outputs = world.take();
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(stopped(messages)).toMatchObject([{ threadId: 20, hitBreakpointIds: [id] }]);
    const [set] = outputs.flatMap((output) => (output.kind === 'to-delve' ? [output.message] : []));
    expect(set).toMatchObject({ command: 'setFunctionBreakpoints' });
    world.delveAnswer(set, { breakpoints: [{ id: 2, verified: true, line: 7 }] });
    world.take();
    world.request('continue', { threadId: 20 });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 21, hitBreakpointIds: [id] }]);
    world.request('continue', { threadId: 21 });
    const [stack] = world.toDelve();
    expect(stack).toMatchObject({ command: 'stackTrace', arguments: { threadId: 22 } });
    world.delveAnswer(stack, { stackFrames: [{ id: 5 }] });
    world.delveAnswer(world.toDelve()[0], { result: 'true' });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 22 }]);
    world.request('continue', { threadId: 22 });
    expect(world.toDelve()).toMatchObject([{ command: 'continue' }]);
  });

  it('while Delve judges the only hit, and Delve still has the last word', () => {
    const world = World.ready();
    const id = world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(22, [eventOf(1, 22, { faulted: true })]);
    const [stack] = world.toDelve();
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    world.take();
    world.delveAnswer(stack, { stackFrames: [{ id: 5 }] });
    world.delveAnswer(world.toDelve()[0], { result: 'true' });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 22, hitBreakpointIds: [id] }]);
  });

  it('and a stop that nobody else knows of is still a stop', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.delveEvent('stopped', { reason: 'breakpoint', threadId: 20, allThreadsStopped: true });
    world.feed({ kind: 'agent-closed', reason: 'it was killed.' });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: 20 }]);
  });
});

describe('steps', () => {
  it('lets only the stepping goroutine fire, and says what the others passed', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19)]);
    world.take();
    world.request('next', { threadId: 19 });
    const [focus] = world.only('focus');
    expect(focus).toMatchObject({ goroutine: 19 });
    world.feed({ kind: 'focused', ticket: focus?.ticket ?? 0 });
    expect(world.toDelve()).toMatchObject([{ command: 'next' }, { command: 'scopes' }]);
    world.feed({
      kind: 'probe-events',
      events: [eventOf(1, 20, { trapped: false }), eventOf(1, 21, { trapped: false })],
    });
    world.delveEvent('stopped', { reason: 'step', threadId: 19, allThreadsStopped: true });
    const [drain] = world.only('drain');
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    const messages = world.toClient();
    expect(stopped(messages)).toMatchObject([{ reason: 'step', threadId: 19 }]);
    expect(JSON.stringify(messages)).toContain('passed the breakpoint at main.f 2 times');
    world.request('continue', { threadId: 19 });
    const [off] = world.only('focus');
    expect(off?.goroutine).toBeUndefined();
    world.feed({ kind: 'focused', ticket: off?.ticket ?? 0 });
    expect(world.toDelve()).toMatchObject([{ command: 'continue' }]);
  });

  it.each([
    ['the same step', 'next', 19, 'continue'],
    ['another step, which Delve refuses', 'stepIn', 19, 'stepIn'],
    ['a step of another goroutine', 'next', 20, 'next'],
  ])('goes on with a step that another goroutine cut short: %s', (_, command, threadId, sent) => {
    const world = World.ready();
    world.request('configurationDone');
    world.request('next', { threadId: 19 });
    world.delveEvent('stopped', { reason: 'breakpoint', threadId: 20, hitBreakpointIds: [4], allThreadsStopped: true });
    world.take();
    const output = "Step interrupted by a breakpoint. Use 'Continue' to resume the original step command.\n";
    world.delveEvent('output', { category: 'console', output });
    expect(JSON.stringify(world.toClient())).toContain(
      'The step of goroutine 19 was cut short: step goroutine 19 again',
    );
    const asked = world.request(command, { threadId });
    const [request] = world.toDelve();
    expect(request).toMatchObject({ command: sent, arguments: { threadId } });
    world.delveAnswer(request);
    expect(world.toClient()).toMatchObject([{ type: 'response', request_seq: asked, command, success: true }]);
    world.delveEvent('stopped', { reason: 'step', threadId, allThreadsStopped: true });
    world.request('next', { threadId });
    expect(world.toDelve()).toMatchObject([{ command: 'next' }]);
  });

  it('asks for the step again when an old trap of the stepping goroutine ends it', () => {
    const world = World.ready({ steps: 'process' });
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(20, [eventOf(1, 20), eventOf(1, 21)]);
    world.request('continue', { threadId: 20 });
    world.take();
    world.request('next', { threadId: 21 });
    const [first] = world.toDelve();
    expect(first).toMatchObject({ command: 'next', arguments: { threadId: 21 } });
    world.trap(21, []);
    world.delveAnswer(world.toDelve()[0], { stackFrames: [{ id: 1, instructionPointerReference: '0x401001' }] });
    expect(world.toDelve()).toMatchObject([{ command: 'next', arguments: { threadId: 21 } }]);
  });
});

describe('log messages', () => {
  it('become lines of the console in the form of Delve', () => {
    const world = World.ready();
    world.request('setBreakpoints', {
      source: { path: '/src/x.go' },
      breakpoints: [{ line: 8, logMessage: 'id {o.ID} of { o.Name }' }],
    });
    world.answerPlans().answerArms();
    world.take();
    const values = [
      { name: 'o.ID', type: 'int', text: '7', faulted: false },
      { name: 'o.Name', type: 'string', text: '"ACME"', faulted: false },
    ];
    world.feed({ kind: 'probe-events', events: [eventOf(1, 19, { trapped: false, values })] });
    expect(world.toClient()).toMatchObject([
      { event: 'output', body: { category: 'stdout', output: '> [Go 19]: id 7 of "ACME"\n', line: 7 } },
    ]);
  });
});
