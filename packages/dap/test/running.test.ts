/** Gates in a program that runs: steps, changes on the way, log messages, the console, the control socket. */
import { join } from 'node:path';
import { connectControl, liveSessions } from '@probelens/probes/control';
import { describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { firstOf, present, refusalOf, resultOf } from './answers.js';
import { LiveProgram } from './live-program.js';
import { lineOf, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

const source = join(fixtureSources('orders'), 'order.go');
const workers = join(fixtureSources('orders'), 'main.go');
const priceLine = lineOf(source, 'func price(');

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('gates in a running program', () => {
  const stage = new SessionStage('running', (work) => ({ PROBELENS_TEST_CONTROL: join(work, 'registry') }));
  let client: TestClient;

  const launched = async (args: object): Promise<void> => {
    client = await stage.launch(await stage.program('orders'), args);
  };

  const topOf = async (threadId: number) => {
    const stack = await client.request('stackTrace', { threadId, levels: 1 });
    return firstOf(stack.stackFrames);
  };

  it('steps through a hot function in one goroutine while the others pass its gate', async () => {
    await launched({ args: ['30000'] });
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID % 10 < 4' }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const lines: string[] = [];
    for (let step = 0; step < 12; step += 1) {
      await client.ask('next', { threadId });
      const stop = (await client.next('stopped')).body;
      expect(stop.threadId).toBe(threadId);
      expect(['step', 'breakpoint']).toContain(stop.reason);
      const top = await topOf(threadId);
      lines.push(`${top.name}:${top.line}`);
    }
    // Out of price, round the worker's loop, and into it again by its own gate.
    expect(lines.some((line) => line.startsWith('main.worker:'))).toBe(true);
    expect(new Set(lines).size).toBeGreaterThan(5);
    expect(client.output).not.toContain('Step interrupted');
    expect(client.output).toMatch(/others passed the breakpoint at main\.price/);
  });

  it("finishes a step that Delve's breakpoint in another goroutine cut short", async () => {
    await launched({ args: ['1000000000'] });
    const breakpoints = [{ line: lineOf(source, 'scaled :=') }];
    await client.ask('setBreakpoints', { source: { path: source }, breakpoints });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    let stop = { reason: 'breakpoint', threadId };
    const next = async (): Promise<void> => {
      await client.ask('next', { threadId });
      stop = (await client.next('stopped')).body;
      expect(stop.reason, 'Delve alone refuses to step here').not.toBe('exception');
    };
    while (stop.threadId === threadId) await next();
    await client.next(({ event, body }) => event === 'output' && body.output.includes('was cut short'));
    // The others stop there as well; Delve goes on with the step each time.
    await client.ask('setBreakpoints', { source: { path: source }, breakpoints: [] });
    await next();
    expect(stop).toMatchObject({ reason: 'step', threadId });
  });

  it('sets, changes and removes gates while the program runs', async () => {
    await launched({ args: ['1000000000'] });
    await client.ask('configurationDone');
    const set = async (condition: string): Promise<string> => {
      const answer = await client.request('setBreakpoints', {
        source: { path: source },
        breakpoints: [{ line: priceLine, condition }],
      });
      return firstOf(answer.breakpoints).message ?? '';
    };
    expect(await set('o.ID < 0')).toMatch(/^In the kernel/);
    expect(await set('o.ID % 5000 == 1234')).toMatch(/^In the kernel/);
    const { threadId } = (await client.next('stopped')).body;
    const id = await client.request('evaluate', { expression: 'o.ID % 5000', frameId: (await topOf(threadId)).id });
    expect(id.result).toBe('1234');
    await client.ask('setBreakpoints', { source: { path: source }, breakpoints: [] });
    await client.ask('continue', { threadId });
    await client.ask('pause', { threadId });
    expect((await client.next('stopped')).body.reason).toBe('pause');
  });

  it('keeps two breakpoints in one function apart, whoever has them', async () => {
    await launched({ args: ['3000'] });
    const body = lineOf(source, 'scaled :=');
    const answer = await client.request('setBreakpoints', {
      source: { path: source },
      breakpoints: [
        { line: body, condition: 'o.ID == 2100' },
        { line: priceLine, condition: 'o.ID == 2000 || o.ID == 2200' },
      ],
    });
    const [own, gate] = [present(answer.breakpoints[0]), present(answer.breakpoints[1])];
    expect(own.message).toMatch(/^In (Delve: |the kernel)/);
    expect(gate.message).toMatch(/^In the kernel/);
    await client.ask('configurationDone');
    for (const [id, value] of [
      [gate.id, '2000'],
      [own.id, '2100'],
      [gate.id, '2200'],
    ]) {
      const stop = (await client.next('stopped')).body;
      expect(stop.hitBreakpointIds).toEqual([id]);
      const shown = await client.request('evaluate', { expression: 'o.ID', frameId: (await topOf(stop.threadId)).id });
      expect(shown.result).toBe(value);
      await client.ask('continue', { threadId: stop.threadId });
    }
    await client.next('terminated');
    expect(client.output).toContain('"wrong":0');
  });

  it('logs without stopping', async () => {
    await launched({ args: ['5000'] });
    const answer = await client.request('setBreakpoints', {
      source: { path: source },
      breakpoints: [{ line: priceLine, condition: 'o.ID % 1000 == 7', logMessage: 'order {o.ID} of {o.Symbol}' }],
    });
    expect(answer.breakpoints[0]?.message).toMatch(/^In the kernel/);
    await client.ask('configurationDone');
    await client.next('terminated');
    const lines = client.output.split('\n').filter((line) => line.startsWith('> [Go '));
    const orders = lines.map((line) => /^> \[Go \d+\]: order (\d+) of "[A-Z]+"$/.exec(line)?.[1]);
    expect(orders.sort()).toEqual(['1007', '2007', '3007', '4007', '7']);
    expect(client.events.some(({ event }) => event === 'stopped')).toBe(false);
  });

  it('takes probes from the launch arguments and the console, and counts', async () => {
    await launched({ args: ['20000'], probes: ['main.price if o.Qty == 0 do count', 'main.nowhere do count'] });
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID == 19000' }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    expect(client.output).toContain('main.price if o.Qty == 0 do count: In the kernel');
    expect(client.output).toMatch(/main\.nowhere/);
    const console = async (expression: string): Promise<string> => {
      const answer = await client.ask('evaluate', { expression, context: 'repl' });
      return answer.success ? resultOf(answer) : refusalOf(answer).format;
    };
    const listed = await console('probes');
    expect(listed).toContain('main.price if o.Qty == 0 do count');
    const number = /\[(\d+)\] main\.price if/.exec(listed)?.[1];
    expect(await console(`unprobe ${number}`)).toMatch(/removed after \d+ hits/);
    expect(await console('1 + 1')).toBe('2');
    expect(await console('help')).toContain('unprobe N');
    await client.ask('continue', { threadId });
    await client.next('terminated');
  });

  it('is found by the language server, which adds, counts and removes a probe', async () => {
    await launched({ args: ['1000000000'] });
    await client.ask('configurationDone');
    // The session is registered when its kernel side is open; this answer comes after that.
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID < 0' }] });
    const [session] = await liveSessions(join(stage.work, 'registry'));
    if (session === undefined) throw new Error('no session is registered');
    const control = await connectControl(session);
    const counted = new Promise<number>((resolve) => {
      control.onChanged((probes) => {
        for (const probe of probes) if (probe.hits > 0) resolve(probe.hits);
      });
    });
    const probe = await control.add({ text: 'main.price do count' });
    expect(probe).toMatchObject({ state: 'armed', function: 'main.price', text: 'main.price do count' });
    expect(await counted).toBeGreaterThan(1000);
    expect(await control.list()).toMatchObject([{ id: probe.id }]);
    expect(await control.remove(probe.id)).toMatchObject({ id: probe.id, state: 'removed' });
    await expect(control.add({ text: 'main.nowhere do count' })).rejects.toThrow(/main\.nowhere/);
    control.dispose();
  });

  it('knows the line of the worker that called', async () => {
    await launched({ args: ['100'] });
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID == 50' }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    await client.ask('stepOut', { threadId });
    expect((await client.next('stopped')).body).toMatchObject({ reason: 'step', threadId });
    expect(await topOf(threadId)).toMatchObject({ name: 'main.worker', line: lineOf(workers, 'err := price(') });
  });

  it('restarts with the gates in the new process', async () => {
    await launched({ args: ['3000'], probes: ['main.price if o.ID == 5 do count'] });
    const set = () =>
      client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID == 2000' }] });
    const first = firstOf((await set()).breakpoints);
    await client.ask('configurationDone');
    expect((await client.next('stopped')).body.hitBreakpointIds).toEqual([first.id]);
    expect((await client.ask('restart')).success).toBe(true);
    await client.next('initialized');
    const [second] = (await set()).breakpoints;
    expect(second).toMatchObject({ id: first.id, message: expect.stringMatching(/^In the kernel/) });
    await client.ask('configurationDone');
    const stop = (await client.next('stopped')).body;
    expect(stop.hitBreakpointIds).toEqual([first.id]);
    const listed = await client.request('evaluate', { expression: 'probes', context: 'repl' });
    expect(listed.result).toMatch(/o\.ID == 5 do count \(armed/);
    await client.ask('continue', { threadId: stop.threadId });
    await client.next('terminated');
    expect(client.output.match(/"calls":3000/g)).toHaveLength(1);
  });

  it('says that an attached program is not restarted, and goes on with its gates', async () => {
    const target = await LiveProgram.start(await stage.program('orders'), ['serve', '2000']);
    client = await stage.begin('attach', { mode: 'local', processId: target.pid });
    const breakpoints = [{ name: 'main.price', condition: 'o.ID % 100 == 3' }];
    const { id } = firstOf((await client.request('setFunctionBreakpoints', { breakpoints })).breakpoints);
    await client.ask('configurationDone');
    expect((await client.next('stopped')).body.hitBreakpointIds).toEqual([id]);
    expect((await client.ask('restart', {})).success).toBe(true);
    await client.next((event) => event.event === 'output' && event.body.output.includes('Delve did not create'));
    await client.ask('continue', { threadId: 1 });
    expect((await client.next('stopped')).body.hitBreakpointIds).toEqual([id]);
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toMatch(/"wrong":0.* code 0 signal null$/);
  });

  it.each(['optimised', 'unoptimised'])('stops on the first line of a body, with its arguments (%s)', async (kind) => {
    const flags = kind === 'unoptimised' ? ['-gcflags=all=-N -l'] : [];
    await launched({ args: ['50000'], program: await stage.program('orders', { flags }) });
    const answer = await client.request('setBreakpoints', {
      source: { path: source },
      breakpoints: [{ line: priceLine + 1, condition: 'o.ID % 10000 < 4 && mult > 0' }],
    });
    const breakpoint = firstOf(answer.breakpoints);
    expect(breakpoint).toMatchObject({ line: priceLine + 1, message: expect.stringMatching(/^In the kernel/) });
    await client.ask('configurationDone');
    const ids: number[] = [];
    for (;;) {
      const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event.event === 'terminated') break;
      const { threadId } = event.body;
      expect(event.body).toMatchObject({ reason: 'breakpoint', hitBreakpointIds: [breakpoint.id] });
      const top = await topOf(threadId);
      expect(top).toMatchObject({ name: 'main.price', line: priceLine + 1 });
      const id = await client.request('evaluate', { expression: 'o.ID', frameId: top.id });
      const mult = await client.request('evaluate', { expression: 'mult', frameId: top.id });
      ids.push(Number(id.result));
      expect(Number(mult.result)).toBe((Number(id.result) % 4) + 1);
      await client.ask('continue', { threadId });
    }
    expect(ids.sort((a, b) => a - b)).toEqual(
      [0, 1, 2, 3].flatMap((k) => [0, 1, 2, 3, 4].map((n) => n * 10000 + k)).sort((a, b) => a - b),
    );
    expect(client.output).toContain('"wrong":0');
  });

  it('disassembles the program as it is in the file', async () => {
    await launched({ args: ['100'] });
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID == 50' }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const stack = await client.request('stackTrace', { threadId, levels: 1 });
    const memoryReference = firstOf(stack.stackFrames).instructionPointerReference;
    const answer = await client.request('disassemble', { memoryReference, instructionOffset: -1, instructionCount: 3 });
    const pushed = firstOf(answer.instructions);
    expect(pushed).toMatchObject({ instructionBytes: '55', instruction: 'PUSHQ BP' });
    expect(Number(pushed.address)).toBe(Number(memoryReference) - 1);
  });

  it('lets a call that a person injects pass its own gate', async () => {
    // Delve calls no optimised function.
    const program = await stage.program('orders', { flags: ['-gcflags=all=-N -l'] });
    await launched({ args: ['20000'], program });
    const condition = 'o.ID % 5000 == 10 || mult == 77';
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    // The prologue is no place from which Go lets a call begin.
    await client.ask('next', { threadId });
    await client.next('stopped');
    const frameId = (await topOf(threadId)).id;
    const called = await client.ask('evaluate', { expression: 'call price(o, 77)', frameId, context: 'repl' });
    expect(JSON.stringify(called.body)).toMatch(/"result":"[\d.]+, /);
    const ids: string[] = [];
    for (;;) {
      await client.ask('continue', { threadId });
      const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event.event === 'terminated') break;
      const shown = await client.request('evaluate', {
        expression: 'o.ID',
        frameId: (await topOf(event.body.threadId)).id,
      });
      ids.push(shown.result);
    }
    expect(ids).toEqual(['5010', '10010', '15010']);
    expect(client.output).toContain('"wrong":0');
  });

  it('stops inside a function, in the middle of a line', async () => {
    const program = await stage.program('orders', { flags: ['-gcflags=all=-N -l'] });
    await launched({ args: ['20000'], program });
    const book = join(fixtureSources('orders'), 'book.go');
    const line = lineOf(book, 'if o.ID%5000 == 1234');
    const answer = await client.request('setBreakpoints', {
      source: { path: book },
      breakpoints: [{ line, condition: 'o.ID % 1000 < 4' }],
    });
    expect(answer.breakpoints[0]).toMatchObject({ line, message: expect.stringMatching(/^In the kernel/) });
    await client.ask('configurationDone');
    const ids: string[] = [];
    for (;;) {
      const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event.event === 'terminated') break;
      const { threadId } = event.body;
      const top = await topOf(threadId);
      expect(top).toMatchObject({ name: 'main.(*tally).observe', line });
      const id = await client.request('evaluate', { expression: 'o.ID', frameId: top.id });
      ids.push(id.result);
      await client.ask('continue', { threadId });
    }
    const expected = Array.from({ length: 80 }, (_, index) => Math.floor(index / 4) * 1000 + (index % 4));
    expect(ids.map(Number).sort((a, b) => a - b)).toEqual(expected);
    expect(client.output).toContain('"wrong":0');
  });

  it('counts events of the kernel beside those of the program', async () => {
    const probes = ['tracepoint:sched:sched_switch do count', 'tracepoint:no:such_event do count'];
    await launched({ args: ['1000000000'], probes });
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID == 300000' }] });
    await client.ask('configurationDone');
    await client.next('stopped');
    expect(client.output).toContain('tracepoint:sched:sched_switch do count: In the kernel');
    expect(client.output).toMatch(/no:such_event.*\./);
    const listed = await client.request('evaluate', { expression: 'probes', context: 'repl' });
    const number = /\[(\d+)\] tracepoint/.exec(listed.result)?.[1];
    const removed = await client.request('evaluate', { expression: `unprobe ${number}`, context: 'repl' });
    expect(Number(/after (\d+) hits/.exec(removed.result)?.[1])).toBeGreaterThan(0);
  });
});
