/** An agent that is killed or hangs, with the real Delve: what it leaves in the text, and who waits for it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { loadPlanner } from '@probelens/probes';
import { describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { firstOf, present } from './answers.js';
import { childrenOf, commandOf, LiveProgram } from './live-program.js';
import { SessionStage } from './session-stage.js';
import { until } from './until.js';

const source = join(fixtureSources('orders'), 'order.go');

/** A line of main.price whose only place is its first instruction: where Delve's own breakpoint goes. */
const lineBeginning = async (path: string) => {
  const [binary, planner] = [await openGoBinary(path), await loadPlanner()];
  try {
    const fn = firstOf(binary.functionsNamed('main.price'));
    const lines = [...new Set(binary.linesOf(fn).map(({ chain }) => chain[0]?.line ?? 0))];
    const sites = lines.flatMap((line) => {
      const scope = { kind: 'process' } as const;
      const spec = { target: { kind: 'line', file: source, line }, scope, action: { kind: 'stop' } } as const;
      const planned = planner.plan({ ...spec, condition: undefined, rateLimit: undefined }, binary, {
        avoid: [],
        yielding: true,
      });
      return planned.ok ? planned.plan.sites.filter((site) => site.yields === true) : [];
    });
    const { line, address } = firstOf(sites);
    const whole = (target: LiveProgram): boolean => target.textIsWhole(fn.entry, binary.offsetOf(fn.entry), fn.size);
    return { line, address: Number(address), whole, close: () => binary.close() };
  } finally {
    planner.dispose();
  }
};

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('an agent that is lost', () => {
  const stage = new SessionStage('lost-agent');

  it('leaves a breakpoint that is taken out before Delve has one there, and the program is as it was', async () => {
    const path = await stage.program('orders', { flags: ['-gcflags=all=-N -l'] });
    const place = await lineBeginning(path);
    const target = await LiveProgram.start(path, ['serve', '2000']);
    const client = await stage.begin('attach', { mode: 'local', processId: target.pid });
    const breakpoints = [{ line: place.line, condition: 'o.ID >= 0' }];
    const set = await client.request('setBreakpoints', { source: { path: source }, breakpoints });
    const { id, message } = firstOf(set.breakpoints);
    expect(message).toMatch(/While you step, Delve has it/);
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const adapter = present(stage.server.child.pid);
    const agent = present(childrenOf(adapter).find((pid) => commandOf(pid).endsWith('agent')));
    // The adapter learns of its agent's death when there is something in the text that no uprobe explains.
    process.kill(adapter, 'SIGSTOP');
    try {
      process.kill(agent, 'SIGKILL');
      await until('the kernel has taken the gate out', () => place.whole(target));
      const memory = openSync(`/proc/${target.pid}/mem`, 'r+');
      writeSync(memory, Buffer.of(0xcc), 0, 1, place.address);
      closeSync(memory);
    } finally {
      process.kill(adapter, 'SIGCONT');
    }
    expect((await client.next('breakpoint')).body).toMatchObject({ breakpoint: { id, verified: true } });
    for (let stops = 0; stops < 2; stops++) {
      await client.ask('continue', { threadId });
      expect((await client.next('stopped')).body.hitBreakpointIds).toEqual([id]);
    }
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(place.whole(target)).toBe(true);
    place.close();
    expect(await target.verdict()).toMatch(/"wrong":0.* code 0 signal null$/);
  });

  // It takes the ten seconds that an agent has to answer.
  it.runIf(soaking)('holds no stop when the agent hangs, and Delve has its breakpoints then (soak)', async () => {
    const path = await stage.program('orders');
    const target = await LiveProgram.start(path, ['serve', '2000']);
    const client = await stage.begin('attach', { mode: 'local', processId: target.pid });
    const breakpoints = [{ name: 'main.price', condition: 'o.ID >= 0' }];
    const { id } = firstOf((await client.request('setFunctionBreakpoints', { breakpoints })).breakpoints);
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const agent = present(childrenOf(stage.server.child.pid ?? 0).find((pid) => commandOf(pid).endsWith('agent')));
    process.kill(agent, 'SIGSTOP');
    // Hits that it has told of come first.
    while (!client.output.includes('The probe agent does not answer and is ended.')) {
      await client.ask('continue', { threadId });
      await client.next('stopped');
    }
    expect((await client.next('breakpoint')).body).toMatchObject({ breakpoint: { id, verified: true } });
    await client.ask('continue', { threadId });
    expect((await client.next('stopped')).body.hitBreakpointIds).toEqual([id]);
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toMatch(/"wrong":0.* code 0 signal null$/);
  });
});
