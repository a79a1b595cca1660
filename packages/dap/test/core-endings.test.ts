import { describe, expect, it } from 'vitest';
import { bodyOf, World } from './core-world.js';

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
    // Not yet: the trap has not reached its thread.
    const [look] = world.only('read-signals');
    world.feed({ kind: 'signals-read', ticket: look?.ticket ?? 0, trapPending: true });
    expect(world.take()).toMatchObject([{ kind: 'start-timer', name: 'shaken' }]);
    world.feed({ kind: 'timer', name: 'shaken' });
    const [once] = world.only('read-signals');
    world.feed({ kind: 'signals-read', ticket: once?.ticket ?? 0, trapPending: false });
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

  it.each(['leaves', 'was asked to pause'])('waits for an open pause where a stop comes first, as it %s', (when) => {
    const world = World.ready({ processId: 77 }, 'attach');
    world.request('configurationDone');
    world.delveAnswer(world.toDelve()[0]);
    if (when !== 'leaves') world.request('pause', { threadId: 1 });
    world.take();
    if (when !== 'leaves') world.delveEvent('stopped', { reason: 'pause', threadId: 1 });
    world.request('disconnect', { terminateDebuggee: false });
    world.feed({ kind: 'disarmed', ticket: world.state.lane.ticket ?? 0, counters: [] });
    const [pause] = world.toDelve();
    expect(pause).toMatchObject({ command: 'pause' });
    if (when === 'leaves') world.delveEvent('stopped', { reason: 'breakpoint', threadId: 1 });
    expect(commands(world)).toEqual([]);
    world.delveAnswer(pause);
    expect(commands(world)).toEqual(['read-signals']);
  });

  it.each([
    ['another breakpoint ended it', 'breakpoint', ['continue', 'pause', 'disconnect']],
    ['it came to its end', 'step', ['disconnect']],
    ['the program was paused', 'pause', ['disconnect']],
  ])("has Delve's breakpoints of a step taken out before it leaves, unless they are gone: %s", (_, reason, sent) => {
    const world = World.ready({ processId: 77 }, 'attach');
    world.request('configurationDone');
    world.take();
    world.request('next', { threadId: 4 });
    world.delveAnswer(world.toDelve()[0]);
    world.delveEvent('stopped', { reason, threadId: reason === 'step' ? 4 : 5 });
    world.take();
    const asked: string[] = [];
    world.request('disconnect', { terminateDebuggee: false });
    for (let turn = 0; turn < 8 && !asked.includes('disconnect'); turn += 1) {
      for (const output of world.take()) {
        if (output.kind === 'disarm') world.feed({ kind: 'disarmed', ticket: output.ticket, counters: [] });
        if (output.kind === 'read-signals')
          world.feed({ kind: 'signals-read', ticket: output.ticket, trapPending: false });
        if (output.kind !== 'to-delve' || output.message.type !== 'request') continue;
        asked.push(output.message.command);
        world.delveAnswer(output.message);
        if (output.message.command === 'pause') world.delveEvent('stopped', { reason: 'pause', threadId: 5 });
      }
    }
    expect(asked).toEqual(sent);
  });

  it('is over for a client that disconnects while the program is being ended', () => {
    const world = World.ready({ processId: 77 }, 'attach');
    world.request('configurationDone');
    world.request('terminate');
    world.request('disconnect');
    world.feed({ kind: 'disarmed', ticket: world.state.lane.ticket ?? 0, counters: [] });
    world.take();
    world.feed({ kind: 'delve-closed' });
    expect(commands(world)).toContain('finish');
  });

  it.each(['before it leaves', 'as it leaves'])('pauses a program that a step lets run behind a stop, %s', (when) => {
    const world = World.ready({ processId: 77 }, 'attach');
    world.request('configurationDone');
    world.delveAnswer(world.toDelve()[0]);
    world.request('next', { threadId: 4 });
    const [first] = world.toDelve();
    world.delveAnswer(first);
    world.take();
    // Asked for while the first one is on its way; Delve has it after that has come to its end.
    world.request('next', { threadId: 4 });
    const second = world.toDelve().find((message) => message.type === 'request' && message.command === 'next');
    world.delveEvent('stopped', { reason: 'step', threadId: 4 });
    if (when === 'before it leaves') world.delveAnswer(second);
    world.take();
    world.request('disconnect', { terminateDebuggee: false });
    world.feed({ kind: 'disarmed', ticket: world.state.lane.ticket ?? 0, counters: [] });
    if (when === 'as it leaves') {
      expect(commands(world)).not.toContain('disconnect');
      world.delveAnswer(second);
    }
    expect(commands(world)).toContain('pause');
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

  it.each([
    ['the agent is asked first', { kernel: 'required' }, 0],
    ['Delve starts', {}, 0],
    ['Delve greets', {}, 1],
  ])('answers a launch that waits, once, when the client leaves while %s', (_, args, connected) => {
    const world = new World();
    world.request('initialize', { clientID: 'test' });
    const launch = world.request('launch', { program: '/bin/x', ...args });
    if (connected === 1) world.feed({ kind: 'delve-connected' });
    const leave = world.request('disconnect');
    world.feed({ kind: 'kernel-checked', reason: 'nobody answers.' });
    world.feed({ kind: 'delve-closed' });
    const answers = world.toClient().flatMap((message) => (message.type === 'response' ? [message] : []));
    expect(answers.filter(({ request_seq }) => request_seq === launch)).toMatchObject([{ success: false }]);
    expect(answers.filter(({ request_seq }) => request_seq === leave)).toHaveLength(1);
  });

  it('answers the launch when Delve dies while it greets', () => {
    const world = new World();
    const launch = world.request('launch', { program: '/bin/x' });
    world.feed({ kind: 'delve-connected' }).feed({ kind: 'delve-closed' });
    expect(world.toClient()).toContainEqual(expect.objectContaining({ request_seq: launch, success: false }));
  });

  it.each(['disarms', 'arms'])(
    'tells of an agent that is silent when it %s, and ends it before Delve lets go',
    (when) => {
      const world = World.ready({ processId: 77 }, 'attach');
      if (when === 'disarms') world.gate();
      else {
        world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.f', condition: 'x == 1' }] });
        world.answerPlans();
      }
      world.request('configurationDone');
      const { lane } = world.state;
      world.take();
      world.request('disconnect', { terminateDebuggee: false });
      expect(world.only('start-timer')).toContainEqual(expect.objectContaining({ name: 'agent-silent' }));
      world.feed({ kind: 'timer', name: 'agent-silent' });
      const first = world.take();
      expect(JSON.stringify(first)).toContain('does not answer');
      expect(first.map(({ kind }) => kind)).not.toContain('end-agent');
      world.feed({ kind: 'timer', name: 'agent-silent' });
      expect(world.only('end-agent')).toHaveLength(1);
      // The shell answers what it was asked as soon as the agent is gone.
      if (when === 'arms')
        world.feed({ kind: 'armed', ticket: lane.ticket ?? 0, outcomes: [{ ok: false, message: 'No.' }] });
      world.feed({ kind: 'disarmed', ticket: world.state.lane.ticket ?? 0, counters: [] });
      expect(commands(world)).toContain(when === 'arms' ? 'disarm' : 'pause');
    },
  );

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
    const [drain] = world.only('drain');
    world.feed({ kind: 'counted', counters: [{ probe: 1, hits: 9, matches: 2, faults: 0, dropped: 0 }] });
    world.take();
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    expect(bodyOf(world.toClient())).toMatchObject({
      result: '[1] main.f if x == 1 do stop (armed, 9 hits, 2 of them matched)',
    });
    world.request('evaluate', { expression: 'unprobe 99', context: 'repl' });
    expect(bodyOf(world.toClient())).toMatchObject({ error: { format: expect.stringContaining('no probe "99"') } });
    for (const expression of ['probe', 'scope', 'o.ID', 'probed + 1']) {
      world.request('evaluate', { expression, context: 'repl' });
      expect(world.toDelve()).toMatchObject([{ command: 'evaluate', arguments: { expression } }]);
    }
    world.request('evaluate', { expression: 'probes', context: 'hover' });
    expect(world.toDelve()).toHaveLength(1);
  });

  it('answers who waits for counts when the session ends first', () => {
    const world = World.ready();
    world.request('evaluate', { expression: 'probe main.f do count', context: 'repl' });
    world.answerPlans().answerArms();
    const listing = world.request('evaluate', { expression: 'probes', context: 'repl' });
    const [drain] = world.only('drain');
    world.feed({ kind: 'delve-closed' }).feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    const answers = world.toClient().filter((one) => one.type === 'response' && one.request_seq === listing);
    expect(answers).toMatchObject([{ success: false }]);
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
