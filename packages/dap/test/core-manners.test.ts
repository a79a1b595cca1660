/** Hazards of single clients, and goroutine scope. */
import { describe, expect, it } from 'vitest';
import { bodyOf, eventOf, stopped, World } from './core-world.js';

const as = (clientID: string, more: object = {}): World => {
  const world = World.ready({ kernel: 'off' });
  world.request('initialize', { clientID, pathFormat: 'path', ...more });
  world.take();
  return world;
};

describe('Helix', () => {
  it('always gets a thread with a stop', () => {
    const world = as('hx');
    world.delveEvent('stopped', { reason: 'pause', allThreadsStopped: true });
    expect(stopped(world.toClient())).toMatchObject([{ threadId: expect.any(Number) }]);
  });

  it('always gets an answer to stackTrace, with lines from 1', () => {
    const world = as('hx');
    world.request('stackTrace', { threadId: 1 });
    world.delveAnswer(world.toDelve()[0], { error: {} }, false);
    expect(world.toClient()).toMatchObject([{ success: true, body: { stackFrames: [] } }]);
    world.request('stackTrace', { threadId: 1 });
    world.delveAnswer(world.toDelve()[0], {
      stackFrames: [
        { id: 1, line: 0 },
        { id: 2, line: 9 },
      ],
    });
    expect(bodyOf(world.toClient())).toMatchObject({ stackFrames: [{ line: 1 }, { line: 9 }] });
  });

  it('is offered few threads, the stopped one among them', () => {
    const world = as('hx');
    world.delveEvent('stopped', { reason: 'pause', threadId: 900 });
    world.request('threads');
    const threads = Array.from({ length: 1000 }, (_, index) => ({ id: index + 1, name: 'x' }));
    world.take();
    world.request('threads');
    world.delveAnswer(world.toDelve()[0], { threads });
    const body = bodyOf(world.toClient()) as { threads: { id: number }[] };
    expect(body.threads).toHaveLength(16);
    expect(body.threads[0]?.id).toBe(900);
  });

  it('never sees thread events or a negative exit code', () => {
    const world = as('hx');
    world.delveEvent('thread', { reason: 'exited', threadId: 3 });
    world.delveEvent('exited', { exitCode: -9 });
    expect(world.toClient()).toMatchObject([{ event: 'exited', body: { exitCode: 137 } }]);
  });
});

describe('dap-mode', () => {
  const order = (world: World): unknown[] => {
    world.take();
    world.delveEvent('exited', { exitCode: 0 });
    world.delveEvent('terminated', {});
    return world.toClient().map((message) => (message.type === 'event' ? message.event : message.type));
  };

  it('hears of the exit last', () => {
    expect(order(as('vscode'))).toEqual(['terminated', 'exited']);
  });

  it('is not VS Code', () => {
    expect(order(as('vscode', { supportsStartDebuggingRequest: true }))).toEqual(['exited', 'terminated']);
    expect(order(as('neovim'))).toEqual(['exited', 'terminated']);
  });
});

describe('one goroutine', () => {
  it('is all that a continue with singleThread stops for', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19), eventOf(1, 20)]);
    world.take();
    world.request('continue', { threadId: 19, singleThread: true });
    const [focus] = world.only('focus');
    expect(focus?.goroutine).toBe(19);
    world.feed({ kind: 'focused', ticket: focus?.ticket ?? 0 });
    expect(world.toDelve()).toMatchObject([{ command: 'continue' }]);
    world.delveEvent('stopped', { reason: 'breakpoint', threadId: 30, hitBreakpointIds: [3] });
    const [drain] = world.only('drain');
    world.feed({ kind: 'drained', ticket: drain?.ticket ?? 0 });
    const skipped = world.take();
    expect(skipped).toContainEqual(
      expect.objectContaining({ kind: 'to-delve', message: expect.objectContaining({ command: 'continue' }) }),
    );
    expect(stopped(skipped.flatMap((output) => (output.kind === 'to-client' ? [output.message] : [])))).toEqual([]);
    world.trap(19, [eventOf(1, 19)]);
    const messages = world.toClient();
    expect(stopped(messages)).toMatchObject([{ threadId: 19 }]);
    const text = JSON.stringify(messages);
    expect(text).toContain('Skipped one stop of Delve in other goroutines.');
    expect(text).toContain('others passed the breakpoint at main.f once without stopping');
  });

  it('is chosen in the console until the process is chosen again', () => {
    const world = World.ready();
    world.gate();
    world.request('configurationDone');
    world.take();
    world.trap(19, [eventOf(1, 19)]);
    world.take();
    world.request('evaluate', { expression: 'scope goroutine', context: 'repl' });
    expect(bodyOf(world.toClient())).toMatchObject({ result: expect.stringContaining('goroutine 19 only') });
    world.request('continue', { threadId: 19 });
    expect(world.only('focus')).toMatchObject([{ goroutine: 19 }]);
  });
});

describe('"kernel": "required"', () => {
  it('ends the session with the reason when the kernel cannot be had', () => {
    const world = new World();
    world.request('initialize', {});
    world.request('launch', { program: '/bin/x', kernel: 'required' });
    world.feed({ kind: 'delve-connected' });
    world.delveAnswer(world.toDelve()[0], {});
    const [launch] = world.toDelve();
    world.delveEvent('initialized');
    world.delveAnswer(launch);
    const waiting = world.request('setFunctionBreakpoints', { breakpoints: [{ name: 'f', condition: 'x' }] });
    world.take();
    world.feed({ kind: 'kernel-unavailable', reason: 'no privileges.' });
    const outputs = world.take();
    expect(JSON.stringify(outputs)).toContain('\\"kernel\\" is \\"required\\"');
    const messages = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(messages).toContainEqual(expect.objectContaining({ request_seq: waiting, success: false }));
    expect(outputs).toContainEqual(
      expect.objectContaining({ kind: 'to-delve', message: expect.objectContaining({ command: 'disconnect' }) }),
    );
  });
});
