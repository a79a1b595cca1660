import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { firstOf } from './answers.js';
import { lineOf, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

const source = join(fixtureSources('orders'), 'order.go');
const priceLine = lineOf(source, 'func price(');

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('conditions in the kernel', () => {
  const stage = new SessionStage('kernel');
  let optimised = '';

  beforeAll(async () => {
    optimised = await stage.program('orders');
  });

  let client: TestClient;

  const launched = async (args: object): Promise<void> => {
    client = await stage.launch(optimised, args);
  };

  it('stops where the condition of a function breakpoint holds, with goroutine, arguments and stack', async () => {
    await launched({ args: ['20000'] });
    const set = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'main.price', condition: 'o.ID % 5000 == 1234' }],
    });
    const breakpoint = firstOf(set.breakpoints);
    expect(breakpoint).toMatchObject({ verified: true, line: priceLine, source: { path: source } });
    expect(breakpoint.message).toMatch(/^In the kernel: about [\d.]+ us for a hit that does not match\.$/);
    await client.ask('configurationDone');
    const ids: string[] = [];
    for (;;) {
      const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event.event === 'terminated') break;
      expect(event.body).toMatchObject({
        reason: 'function breakpoint',
        hitBreakpointIds: [breakpoint.id],
        allThreadsStopped: true,
      });
      const { threadId } = event.body;
      const stack = await client.request('stackTrace', { threadId });
      const [top, caller] = stack.stackFrames;
      expect(top).toMatchObject({ name: 'main.price' });
      expect(caller).toMatchObject({ name: 'main.worker' });
      const id = await client.request('evaluate', { expression: 'o.ID', frameId: top?.id });
      ids.push(id.result);
      const continued = await client.ask('continue', { threadId });
      expect(continued.success).toBe(true);
    }
    expect(ids).toEqual(['1234', '6234', '11234', '16234']);
    expect(client.output).toContain('"wrong":0');
    expect(client.output).toContain('"o.ID % 5000 == 1234":4');
  });

  it.each(['at its linked address', 'position-independent'])(
    'shows every hit of four goroutines once, in whatever order they come (%s)',
    async (kind) => {
      const pie = kind === 'position-independent';
      // Traps that come after their hit was shown are recognised by their address, wherever the program was loaded.
      const program = pie ? await stage.program('orders', { flags: ['-buildmode=pie'] }) : optimised;
      await launched({ args: ['100000'], program });
      const set = await client.request('setBreakpoints', {
        source: { path: source },
        breakpoints: [{ line: priceLine, condition: 'o.ID % 1000 < 4' }],
      });
      expect(set.breakpoints[0]?.message).toMatch(/^In the kernel/);
      await client.ask('configurationDone');
      const shown: number[] = [];
      for (;;) {
        const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
        if (event.event === 'terminated') break;
        const { threadId } = event.body;
        const stack = await client.request('stackTrace', { threadId, levels: 1 });
        const top = firstOf(stack.stackFrames);
        const id = await client.request('evaluate', { expression: 'o.ID', frameId: top.id });
        shown.push(Number(id.result));
        await client.ask('continue', { threadId });
      }
      const [, count] = /"o\.ID % 1000 < 4":(\d+)/.exec(client.output) ?? [];
      expect(Number(count)).toBe(400);
      expect(new Set(shown).size).toBe(shown.length);
      expect(shown.filter((id) => id % 1000 >= 4)).toEqual([]);
      expect(shown.length).toBe(400);
      expect(client.output).toContain('"wrong":0');
    },
  );

  it('shows what Delve alone drops', async () => {
    const shownBy = async (kernel: 'auto' | 'off'): Promise<readonly number[]> => {
      await launched({ args: ['2000'], kernel });
      await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID % 20 < 4' }] });
      await client.ask('configurationDone');
      const shown: number[] = [];
      for (;;) {
        const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
        if (event.event === 'terminated') break;
        const { threadId } = event.body;
        const stack = await client.request('stackTrace', { threadId, levels: 1 });
        const id = await client.request('evaluate', { expression: 'o.ID', frameId: firstOf(stack.stackFrames).id });
        shown.push(Number(id.result));
        await client.ask('continue', { threadId });
      }
      expect(client.output).toContain('"wrong":0');
      await client.leave();
      return shown.sort((a, b) => a - b);
    };
    const alone = await shownBy('off');
    const ours = await shownBy('auto');
    process.stdout.write(`of 400 hits Delve alone shows ${new Set(alone).size}, the adapter ${new Set(ours).size}\n`);
    const all = Array.from({ length: 2000 }, (_, id) => id).filter((id) => id % 20 < 4);
    expect(ours).toEqual(all);
  });

  it('limits a condition to the goroutine that is selected, and completes names of functions', async () => {
    await launched({ args: ['40000'] });
    const name = 'main.price';
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name, condition: 'o.ID == 1000' }] });
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const stack = await client.request('stackTrace', { threadId, levels: 1 });
    const { scopes } = await client.request('scopes', { frameId: firstOf(stack.stackFrames).id });
    const kernel = scopes.find((scope) => scope.name === 'Kernel');
    const { variables } = await client.request('variables', kernel);
    expect(variables).toContainEqual({ name: 'goroutine', value: `${threadId}`, type: 'int', variablesReference: 0 });
    expect(variables.find(({ name: row }) => row === 'latency')?.value).toMatch(/^[\d.]+ [um]s$/);
    const completed = await client.request('completions', { text: 'probe main.pri', column: 15 });
    expect(completed.targets).toContainEqual({ label: name, type: 'function', start: 7, length: 8 });
    const set = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name, condition: 'o.ID % 1000 < 4 on goroutine current' }],
    });
    expect(set.breakpoints[0]?.message).toMatch(/^In the kernel/);
    const text = `probe tracepoint:sched:sched_switch on goroutine ${threadId} do log limit 100`;
    const probe = await client.ask('evaluate', { expression: text, context: 'repl' });
    expect(probe).toMatchObject({ success: true, body: { result: expect.stringContaining('In the kernel') } });
    const threads: number[] = [];
    for (;;) {
      await client.ask('continue', { threadId });
      const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event.event === 'terminated') break;
      threads.push(event.body.threadId);
    }
    const { entries } = await client.request('probelens/timeline', { goroutine: threadId });
    const kinds = entries.map(({ kind }) => kind).join(' ');
    expect(kinds).toMatch(/^hit stop( hit| stop| event)*$/);
    expect(kinds).toContain('event');
    const times = entries.map(({ time }) => BigInt(time));
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    expect(threads.length).toBeGreaterThan(5);
    expect(new Set(threads)).toEqual(new Set([threadId]));
  });

  it('builds a package, and rebuilds it for a restart', async () => {
    const program = fixtureSources('orders');
    const output = join(stage.work, 'built');
    client = await stage.launch(program, { mode: 'debug', dlvCwd: program, output, args: ['2000'] });
    const stops: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const set = await client.request('setFunctionBreakpoints', {
        breakpoints: [{ name: 'main.price', condition: 'o.ID == 1000' }],
      });
      expect(set.breakpoints[0]?.message).toMatch(/^In the kernel/);
      await client.ask('configurationDone');
      const { threadId } = (await client.next('stopped')).body;
      const stack = await client.request('stackTrace', { threadId, levels: 1 });
      const frameId = firstOf(stack.stackFrames).id;
      stops.push((await client.request('evaluate', { expression: 'o.ID', frameId })).result);
      if (round === 1) break;
      await client.ask('restart');
      await client.next('initialized');
    }
    expect(stops).toEqual(['1000', '1000']);
  });
});
