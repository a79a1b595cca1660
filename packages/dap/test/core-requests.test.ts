import { describe, expect, it } from 'vitest';
import { bodyOf, World } from './core-world.js';

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

  it.each(['core', 'replay'])('asks for no output of what does not run (%s)', (mode) => {
    const world = new World();
    world.request('launch', { mode, program: 'x' });
    world.feed({ kind: 'delve-connected' });
    world.delveAnswer(world.toDelve()[0], {});
    // With it Delve 1.27.2 never ends: it waits for pipes that nobody has.
    expect(world.toDelve()[0]).not.toHaveProperty('arguments.outputMode');
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

describe('exception filters', () => {
  const told = (filters: readonly string[], options: object = {}): unknown => {
    const world = World.ready({ ...options });
    world.request('setExceptionBreakpoints', { filters, filterOptions: [{ filterId: 'nothing' }] });
    const [sent] = world.toDelve();
    expect(sent).toMatchObject({ arguments: { filters: ['unrecovered-panic'] } });
    world.delveAnswer(sent, { breakpoints: [{ id: -1, verified: true }] });
    return bodyOf(world.toClient());
  };

  it('that are nobody’s are refused, in the order of the request, and the others are set', () => {
    const refused = { verified: false, message: expect.stringContaining('There is no exception filter "nothing"') };
    expect(told(['out-of-memory', 'unrecovered-panic'])).toEqual({
      breakpoints: [{ verified: true }, { verified: true }, refused],
    });
  });

  it('of the kernel are refused where it cannot be had', () => {
    expect(told(['out-of-memory', 'unrecovered-panic'], { kernel: 'off' })).toMatchObject({
      breakpoints: [
        { verified: false, message: expect.stringContaining('"Out-of-Memory Kill"') },
        { verified: true },
        {},
      ],
    });
  });

  it('of Delve alone are answered by Delve', () => {
    const world = World.ready();
    world.request('setExceptionBreakpoints', { filters: ['unrecovered-panic'] });
    const body = { breakpoints: [{ id: -1, verified: true }] };
    world.delveAnswer(world.toDelve()[0], body);
    expect(bodyOf(world.toClient())).toEqual(body);
  });
});

describe('setting breakpoints', () => {
  it('stops at functions, whatever log message they are given: Delve reads none', () => {
    const world = World.ready();
    const breakpoint = { name: 'main.f', condition: 'x == 1', logMessage: 'x is {x}' };
    world.request('setFunctionBreakpoints', { breakpoints: [breakpoint] });
    const [plan] = world.only('plan');
    expect(plan?.items).toEqual([{ kind: 'function', name: 'main.f', condition: 'x == 1', action: { kind: 'stop' } }]);
  });

  it('keeps order, ids and lines, withholds its own from Delve', () => {
    const world = World.ready();
    const breakpoints = [
      { line: 5 },
      { line: 6, condition: 'x == 1' },
      { line: 7, condition: 'y == 1' },
      { line: 8, logMessage: '{x}' },
    ];
    world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints, lines: [5, 6, 7, 8] });
    world.answerPlans((name) => (name === 'line7' ? 'no.' : undefined));
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
        { id: expect.any(Number), verified: false, line: 7, message: 'no code: no.' },
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
    world.answerPlans().answerArms(() => 'the text differs.');
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
    expect(outputs.map(({ kind }) => kind).filter((kind) => !kind.endsWith('-timer') && kind !== 'keep')).toEqual([
      'disarm',
    ]);
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

  it('has new places of Delve looked at before Delve writes, and warns once of an int3 of others', () => {
    const world = World.ready();
    world.gate();
    const source = { path: '/src/x.go' };
    world.request('setBreakpoints', { source, breakpoints: [{ line: 3 }] });
    const outputs = world.take().filter(({ kind }) => kind !== 'keep');
    expect(outputs.map(({ kind }) => kind)).toEqual(['inspect-text', 'to-delve']);
    expect(outputs[0]).toMatchObject({
      places: { lines: [{ file: '/src/x.go', line: 3 }], functions: [] },
      held: { lines: [], functions: [] },
      own: ['0x1000'],
    });
    const [sent] = outputs.flatMap((output) => (output.kind === 'to-delve' ? [output.message] : []));
    const places = [{ function: 'main.f', file: '/src/x.go', line: 3 }];
    world.feed({ kind: 'strangers-found', places }).feed({ kind: 'strangers-found', places });
    const warnings = world.toClient();
    expect(warnings).toMatchObject([{ event: 'output', body: { category: 'stderr' } }]);
    expect(JSON.stringify(warnings)).toContain('x.go:3');
    world.delveAnswer(sent, { breakpoints: [{ id: 1, verified: true, line: 3 }] });
    world.request('setBreakpoints', { source, breakpoints: [{ line: 3 }, { line: 4 }] });
    expect(world.only('inspect-text')).toMatchObject([
      { places: { lines: [{ line: 4 }] }, held: { lines: [{ line: 3 }] } },
    ]);
  });

  it('does not take for others what Delve wrote before the agent refused the rest', () => {
    const world = World.ready();
    const source = { path: '/src/x.go' };
    world.request('setBreakpoints', { source, breakpoints: [{ line: 3 }, { line: 7, condition: 'x == 1' }] });
    world.answerPlans();
    const [first] = world.toDelve();
    world.delveAnswer(first, { breakpoints: [{ id: 1, verified: true, line: 3 }] });
    world.answerArms(() => 'A thread stands there.');
    const outputs = world.take();
    expect(outputs.filter(({ kind }) => kind === 'to-delve')).toMatchObject([
      { message: { arguments: { breakpoints: [{ line: 3 }, { line: 7 }] } } },
    ]);
    expect(outputs.filter(({ kind }) => kind === 'inspect-text')).toMatchObject([{ places: { lines: [{ line: 7 }] } }]);
  });

  it.each([
    ['x == 1 on goroutine 19', '(x == 1) && runtime.curg.goid == 19'],
    ['on main', 'runtime.curg.goid == 1'],
    ['s == "a on goroutine 3"', 's == "a on goroutine 3"'],
    ['on == 3', 'on == 3'],
  ])('reads the goroutine at the end of a condition: %s', (written, condition) => {
    const world = World.ready();
    world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: written }] });
    expect(world.only('plan')[0]?.items).toMatchObject([{ condition }]);
    world.feed({ kind: 'planned', ticket: world.state.tickets, outcomes: [{ ok: false, message: 'no.' }] });
    expect(world.toDelve()).toMatchObject([{ arguments: { breakpoints: [{ condition }] } }]);
  });

  it('takes "current" for the goroutine that stopped when it was first said', () => {
    const world = World.ready();
    const breakpoints = [{ name: 'main.f', condition: 'x == 1 on goroutine current' }];
    world.request('setFunctionBreakpoints', { breakpoints });
    expect(world.only('plan')).toEqual([]);
    world.delveAnswer(
      world.state.pending.size === 0
        ? undefined
        : { seq: [...world.state.pending.keys()][0] ?? 0, type: 'request', command: 'setFunctionBreakpoints' },
      { breakpoints: [{ verified: false, message: 'not an expression' }] },
    );
    expect(JSON.stringify(world.toClient())).toContain('No goroutine is selected');
    world.delveEvent('stopped', { reason: 'pause', threadId: 19 });
    world.request('setFunctionBreakpoints', { breakpoints });
    world.delveEvent('stopped', { reason: 'pause', threadId: 20 });
    expect(world.only('plan')[0]?.items).toMatchObject([{ condition: '(x == 1) && runtime.curg.goid == 19' }]);
  });

  it('completes names of functions behind "probe"', () => {
    const world = World.ready();
    const seq = world.request('completions', { text: 'probe main.pr', column: 14 });
    const [asked] = world.only('complete');
    expect(asked).toMatchObject({ prefix: 'main.pr' });
    world.feed({ kind: 'completed', ticket: asked?.ticket ?? 0, names: ['main.price'] });
    expect(world.toClient()).toMatchObject([
      {
        request_seq: seq,
        body: { targets: [{ label: 'main.price', type: 'function', start: 7, length: 7 }] },
      },
    ]);
    world.request('completions', { text: 'unp', column: 4 });
    expect(bodyOf(world.toClient())).toEqual({ targets: [{ label: 'unprobe', type: 'keyword' }] });
  });
});
