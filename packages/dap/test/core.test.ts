import { describe, expect, it } from 'vitest';
import type { Message } from '../src/index.js';
import { eventOf, World } from './core-world.js';

const stopped = (messages: readonly Message[]): unknown[] =>
  messages.flatMap((message) => (message.type === 'event' && message.event === 'stopped' ? [message.body] : []));

const bodyOf = (messages: readonly Message[]): unknown => {
  const answer = messages.find((message) => message.type === 'response');
  return answer?.type === 'response' ? answer.body : undefined;
};

describe('passing on', () => {
  it('changes nothing but the numbers', () => {
    const world = World.ready({ kernel: 'off' });
    const seq = world.request('future/request', { deep: [{ a: null }], text: 'ä' });
    const [sent] = world.toDelve();
    expect(sent).toMatchObject({ command: 'future/request', arguments: { deep: [{ a: null }], text: 'ä' } });
    world.delveAnswer(sent, { answer: 42 });
    expect(world.toClient()).toMatchObject([{ type: 'response', request_seq: seq, body: { answer: 42 } }]);
    world.delveEvent('future/event', { b: 1 });
    expect(world.toClient()).toMatchObject([{ type: 'event', event: 'future/event', body: { b: 1 } }]);
  });

  it('numbers what it sends without gaps', () => {
    const world = new World();
    world.request('initialize', {});
    world.request('threads');
    world.request('disconnect');
    expect(world.toClient().map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('keeps our arguments from Delve and lets the output come as events', () => {
    const world = new World();
    world.request('launch', {
      program: 'x',
      kernel: 'off',
      probes: ['a'],
      agent: ['b'],
      steps: 'process',
      args: ['1'],
    });
    world.feed({ kind: 'delve-connected' });
    world.delveAnswer(world.toDelve()[0], {});
    expect(world.toDelve()[0]).toMatchObject({ arguments: { program: 'x', args: ['1'], outputMode: 'remote' } });
  });

  it.each([
    ['kernel', { kernel: 'sometimes' }],
    ['probes', { probes: 'main.f' }],
    ['agent', { agent: [1] }],
    ['steps', { steps: 'all' }],
  ])('refuses a wrong "%s" in one sentence', (name, args) => {
    const world = new World();
    world.request('launch', { program: 'x', ...args });
    expect(bodyOf(world.toClient())).toMatchObject({
      error: { id: 4107, format: expect.stringContaining(`"${name}"`) },
    });
  });

  it('announces what a newer Delve can do besides', () => {
    const world = new World();
    world.request('initialize', {});
    world.request('launch', { program: 'x' });
    world.feed({ kind: 'delve-connected' });
    const [greeting] = world.toDelve();
    world.delveAnswer(greeting, { supportsLogPoints: true, supportsModulesRequest: true });
    const event = world.toClient().find((message) => message.type === 'event');
    expect(event).toMatchObject({ event: 'capabilities', body: { capabilities: { supportsModulesRequest: true } } });
  });
});

describe('setting breakpoints', () => {
  it('keeps order, ids and lines, withholds its own from Delve', () => {
    const world = World.ready();
    const breakpoints = [
      { line: 5 },
      { line: 6, condition: 'x == 1' },
      { line: 7, condition: 'y == 1' },
      { line: 8, logMessage: '{x}' },
    ];
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints, lines: [5, 6, 7, 8] });
    world.answerPlans((name) => (name === 'line7' ? 'In Delve: no.' : undefined));
    const [sent] = world.toDelve();
    expect(sent).toMatchObject({
      arguments: { source: { path: '/src/x.go' }, breakpoints: [{ line: 5 }, breakpoints[2]] },
    });
    world.delveAnswer(sent, {
      breakpoints: [
        { id: 1, verified: true, line: 5 },
        { verified: false, message: 'no code' },
      ],
    });
    world.answerArms();
    expect(bodyOf(world.toClient())).toEqual({
      breakpoints: [
        { id: expect.any(Number), verified: true, line: 5 },
        {
          id: expect.any(Number),
          verified: true,
          line: 6,
          source: { name: 'x.go', path: '/src/x.go' },
          message: 'In the kernel.',
        },
        { id: expect.any(Number), verified: false, line: 7, message: 'no code' },
        {
          id: expect.any(Number),
          verified: true,
          line: 8,
          source: { name: 'x.go', path: '/src/x.go' },
          message: 'In the kernel.',
        },
      ],
    });
  });

  it('gives Delve what the agent refuses, with the reason', () => {
    const world = World.ready();
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    world.answerPlans().answerArms(() => 'In Delve: the text differs.');
    const [sent] = world.toDelve();
    expect(sent).toMatchObject({ arguments: { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] } });
    world.delveAnswer(sent, { breakpoints: [{ id: 4, verified: true, line: 9 }] });
    expect(bodyOf(world.toClient())).toMatchObject({
      breakpoints: [{ verified: true, message: 'In Delve: the text differs.' }],
    });
  });

  it('leaves an unchanged gate armed under the same id, and disarms one that is gone before Delve writes', () => {
    const world = World.ready();
    const id = world.gate();
    world.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'main.f', condition: 'x == 1' }, { name: 'main.g' }],
    });
    const sent = world.toDelve();
    expect(sent).toMatchObject([{ arguments: { breakpoints: [{ name: 'main.g' }] } }]);
    world.delveAnswer(sent[0], { breakpoints: [{ id: 1, verified: true, line: 3 }] });
    expect(bodyOf(world.toClient())).toMatchObject({ breakpoints: [{ id }, { line: 3 }] });
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.g' }] });
    const outputs = world.take();
    expect(outputs.map(({ kind }) => kind).filter((kind) => kind !== 'keep')).toEqual(['disarm']);
    const disarm = outputs.find((output) => output.kind === 'disarm');
    world.feed({ kind: 'disarmed', ticket: disarm?.ticket ?? 0, counters: [] });
    expect(world.toDelve()).toHaveLength(1);
  });

  it('holds the start back until what was asked before is armed', () => {
    const world = World.ready();
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    world.request('configurationDone');
    expect(world.state.target.running).toBe(false);
    world.answerPlans();
    world.answerArms();
    expect(world.toDelve()).toMatchObject([{ command: 'configurationDone' }]);
  });

  it('leaves everything to Delve when the kernel cannot be had, and says so once', () => {
    const world = World.ready();
    world.feed({ kind: 'kernel-unavailable', reason: 'no privileges.' });
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
    const outputs = world.take();
    const [sent] = outputs.flatMap((output) => (output.kind === 'to-delve' ? [output.message] : []));
    world.delveAnswer(sent, { breakpoints: [{ id: 1, verified: true, line: 3 }] });
    const said = outputs.filter((output) => JSON.stringify(output).includes('no privileges.'));
    expect(said).toHaveLength(1);
    expect(bodyOf(world.toClient())).toMatchObject({ breakpoints: [{ message: expect.stringContaining('In Delve') }] });
  });
});

describe('stops', () => {
  it('gives a trap its breakpoint', () => {
    const world = World.ready();
    const id = world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19)]);
    expect(stopped(world.toClient())).toEqual([
      { reason: 'breakpoint', threadId: 19, allThreadsStopped: true, hitBreakpointIds: [id] },
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
    const outputs = world.take();
    expect(outputs.some((output) => output.kind === 'to-client' && output.message.type === 'event')).toBe(false);
    expect(outputs).toContainEqual(expect.objectContaining({ kind: 'to-delve' }));
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
    expect(world.toDelve()).toMatchObject([{ command: 'next' }]);
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

describe('endings', () => {
  const commands = (world: World): string[] =>
    world.take().flatMap((output) => {
      if (output.kind === 'to-delve') return 'command' in output.message ? [output.message.command] : [];
      return ['disarm', 'read-signals', 'finish'].includes(output.kind) ? [output.kind] : [];
    });

  it('takes the gates out first and leaves a live target in the safe order', () => {
    const world = World.ready({ processId: 77 }, 'attach');
    world.gate();
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [{ line: 3 }] });
    world.delveAnswer(world.toDelve()[0], { breakpoints: [{ id: 9, verified: true, line: 3 }] });
    world.request('configurationDone');
    world.take();
    world.request('disconnect', { terminateDebuggee: false });
    const [disarm] = world.only('disarm');
    expect(disarm?.probes).toEqual([]);
    world.feed({ kind: 'disarmed', ticket: disarm?.ticket ?? 0, counters: [] });
    const [clear] = world.toDelve();
    expect(clear).toMatchObject({ command: 'setBreakpoints', arguments: { breakpoints: [] } });
    world.delveAnswer(clear, { breakpoints: [] });
    const [pause] = world.toDelve();
    expect(pause).toMatchObject({ command: 'pause' });
    world.delveAnswer(pause);
    world.delveEvent('stopped', { reason: 'pause', threadId: 1 });
    const [read] = world.only('read-signals');
    world.feed({ kind: 'signals-read', ticket: read?.ticket ?? 0, trapPending: true });
    const [again] = world.toDelve();
    expect(again).toMatchObject({ command: 'continue' });
    world.delveAnswer(again);
    const [second] = world.toDelve();
    expect(second).toMatchObject({ command: 'pause' });
    world.delveAnswer(second);
    world.delveEvent('stopped', { reason: 'pause', threadId: 1 });
    const [reread] = world.only('read-signals');
    world.feed({ kind: 'signals-read', ticket: reread?.ticket ?? 0, trapPending: false });
    const [leave] = world.toDelve();
    expect(leave).toMatchObject({ command: 'disconnect', arguments: { terminateDebuggee: false } });
    world.delveAnswer(leave);
    expect(world.toClient()).toMatchObject([{ type: 'response', command: 'disconnect', success: true }]);
    world.feed({ kind: 'delve-closed' });
    expect(commands(world)).toEqual(['finish']);
  });

  it('waits for an answer of Delve that is on its way before it disarms', () => {
    const world = World.ready();
    world.gate();
    const pending = world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [{ line: 3 }] });
    const [sent] = world.toDelve();
    world.request('disconnect');
    expect(commands(world)).toEqual([]);
    world.delveAnswer(sent, { breakpoints: [{ id: 9, verified: true, line: 3 }] });
    const outputs = world.take();
    expect(outputs.filter(({ kind }) => kind === 'disarm')).toHaveLength(1);
    const answers = outputs.flatMap((one) => (one.kind === 'to-client' ? [one.message] : []));
    expect(answers).toMatchObject([{ request_seq: pending, success: false }]);
  });

  it('answers everybody when Delve dies', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    const waiting = world.request('threads');
    world.take();
    world.feed({ kind: 'delve-closed' });
    const outputs = world.take();
    expect(outputs.some(({ kind }) => kind === 'disarm')).toBe(true);
    const messages = outputs.flatMap((one) => (one.kind === 'to-client' ? [one.message] : []));
    expect(messages).toContainEqual(expect.objectContaining({ request_seq: waiting, success: false }));
    expect(messages.at(-1)).toMatchObject({ event: 'terminated' });
  });

  it('cuts the connection when leaving takes too long', () => {
    const world = World.ready();
    world.request('disconnect');
    world.take();
    world.feed({ kind: 'timer', name: 'ending' });
    expect(world.take().map(({ kind }) => kind)).toEqual(expect.arrayContaining(['close-delve', 'finish']));
  });
});

describe('the console', () => {
  it('knows its commands and leaves the rest to Delve', () => {
    const world = World.ready();
    world.request('evaluate', { expression: 'probe main.f if x == 1 do stop', context: 'repl' });
    world.answerPlans().answerArms();
    expect(bodyOf(world.toClient())).toMatchObject({ result: expect.stringContaining('In the kernel.') });
    world.request('evaluate', { expression: 'probes', context: 'repl' });
    expect(bodyOf(world.toClient())).toMatchObject({ result: expect.stringContaining('main.f if x == 1 do stop') });
    world.request('evaluate', { expression: 'unprobe 99', context: 'repl' });
    expect(bodyOf(world.toClient())).toMatchObject({ error: { format: expect.stringContaining('no probe "99"') } });
    for (const expression of ['probe', 'scope', 'o.ID', 'probed + 1']) {
      world.request('evaluate', { expression, context: 'repl' });
      expect(world.toDelve()).toMatchObject([{ command: 'evaluate', arguments: { expression } }]);
    }
    world.request('evaluate', { expression: 'probes', context: 'hover' });
    expect(world.toDelve()).toHaveLength(1);
  });

  it('completes its own words', () => {
    const world = World.ready();
    world.request('completions', { text: 'pro', column: 4 });
    expect(bodyOf(world.toClient())).toEqual({
      targets: [
        { label: 'probe', type: 'keyword' },
        { label: 'probes', type: 'keyword' },
      ],
    });
  });

  it('takes a probe out again', () => {
    const world = World.ready();
    world.request('evaluate', { expression: 'probe main.f if x == 1 do stop', context: 'repl' });
    world.answerPlans().answerArms();
    world.take();
    const id = [...world.state.asked.keys()][0];
    world.request('evaluate', { expression: `unprobe ${id}`, context: 'repl' });
    const [disarm] = world.only('disarm');
    const counters = [{ probe: 1, hits: 5, matches: 3, faults: 0, dropped: 0 }];
    world.feed({ kind: 'disarmed', ticket: disarm?.ticket ?? 0, counters });
    expect(bodyOf(world.toClient())).toMatchObject({ result: expect.stringContaining('removed after 5 hits') });
    expect(world.state.asked.size).toBe(0);
  });
});
