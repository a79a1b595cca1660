/** Steps into `go` statements: the goroutine of this very statement is stopped, and none of the others that run the same. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { firstOf, present } from './answers.js';
import { LiveProgram } from './live-program.js';
import { lineOf, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

const source = join(fixtureSources('hive'), 'main.go');

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('a step into a go statement', () => {
  const stage = new SessionStage('into');
  let client: TestClient;
  let target: LiveProgram;

  afterEach(async () => {
    await stage.leaveAll();
    if (target.alive) await target.verdict();
  });

  it.each([
    ['in a program without optimisation', ['-gcflags=all=-N -l']],
    ['in an optimised, position-independent one', ['-buildmode=pie']],
  ] as const)('stops the new goroutine alone, %s', async (_, flags) => {
    const optimised = flags[0] === '-buildmode=pie';
    target = await LiveProgram.start(await stage.program('hive', { flags }), []);
    client = await stage.begin('attach', { mode: 'local', processId: target.pid });
    const line = lineOf(source, 'go work(id, done)');
    // A gate on the very function must not be in the way, nor be lost.
    const name = 'main.work';
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name, condition: 'id < 0' }] });
    await client.ask('setBreakpoints', { source: { path: source }, breakpoints: [{ line }] });
    await client.ask('configurationDone');
    target.child.stdin?.write('spawn 3\n');
    const children = new Set<number>();
    for (let round = 1; round <= 3; round += 1) {
      const { threadId } = (await client.next('stopped')).body;
      const frames = (await client.request('stackTrace', { threadId, levels: 1 })).stackFrames;
      const { targets } = await client.request('stepInTargets', { frameId: firstOf(frames).id });
      expect(targets.map(({ label }) => label)).toEqual(['step in', `new goroutine: ${name}`]);
      const targetId = present(targets[1]).id;
      expect(await client.ask('stepIn', { threadId, targetId })).toMatchObject({ success: true, command: 'stepIn' });
      const stop = (await client.next('stopped')).body;
      expect(stop).toMatchObject({ reason: 'step' });
      expect(stop.hitBreakpointIds).toBeUndefined();
      expect(stop.threadId).not.toBe(threadId);
      children.add(stop.threadId);
      const top = firstOf((await client.request('stackTrace', { threadId: stop.threadId, levels: 1 })).stackFrames);
      expect(top).toMatchObject({ name, line: lineOf(source, 'result := 2 * id') });
      // The others of the loop have 1000 and more.
      const id = await client.request('evaluate', { expression: 'id', frameId: top.id });
      if (!optimised) expect(id.result).toBe(String(round));
      await client.ask('continue', { threadId: stop.threadId });
    }
    expect(children.size).toBe(3);
    await client.ask('disconnect', { terminateDebuggee: false });
    expect(await target.verdict()).toMatch(/^sum 12012 code 0 signal null$/);
  });

  it('offers nothing where nothing is started', async () => {
    target = await LiveProgram.start(await stage.program('hive'), []);
    client = await stage.begin('attach', { mode: 'local', processId: target.pid });
    const line = lineOf(source, 'sum += <-done');
    await client.ask('setBreakpoints', { source: { path: source }, breakpoints: [{ line }] });
    await client.ask('configurationDone');
    target.child.stdin?.write('spawn 1\n');
    const { threadId } = (await client.next('stopped')).body;
    const { id: frameId } = firstOf((await client.request('stackTrace', { threadId, levels: 1 })).stackFrames);
    const { targets } = await client.request('stepInTargets', { frameId });
    expect(targets).toHaveLength(1);
    await client.ask('stepIn', { threadId, targetId: firstOf(targets).id });
    expect((await client.next('stopped')).body).toMatchObject({ reason: 'step' });
    await client.ask('disconnect', { terminateDebuggee: false });
  });
});
