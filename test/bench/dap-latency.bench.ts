/**
 * What the adapter adds to a message: the same requests to a stopped program, to Delve directly and through the adapter,
 * taken in turns so that both see the same machine. Two requests: `evaluate` of a constant (Delve's cheapest answer) and
 * `threads`, that one again with 1,024 goroutines. Reach: + 0.5 ms at the median. Round trips are measured at the client's socket, without Nagle.
 */
import { on, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LiveProgram } from '../../packages/dap/test/live-program.js';
import {
  connectClient,
  initializeArguments,
  startAdapter,
  startPlainDelve,
  type TestClient,
} from '../../packages/dap/test/session-client.js';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement } from '../requirements.js';

const crowd = 1_024;
/** Delve alone takes some 20 ms for each of these. */
const crowdRounds = 60;
const rounds = 400;
const warmUp = 50;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const timed = async (client: TestClient, command: string, args: object): Promise<number> => {
  const start = process.hrtime.bigint();
  const answer = await client.ask(command, args);
  if (!answer.success) throw new Error(`${command}: ${answer.message}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
};

/** In turns, so that both see the same machine. */
const compare = async (
  direct: TestClient,
  through: TestClient,
  [command, args]: readonly [string, object],
  what = command,
  turns = rounds,
): Promise<{ readonly added: number; readonly ratio: number }> => {
  const times = { direct: [] as number[], through: [] as number[] };
  for (let round = -Math.min(warmUp, turns >> 2); round < turns; round += 1) {
    const a = await timed(direct, command, args);
    const b = await timed(through, command, args);
    if (round >= 0) {
      times.direct.push(a);
      times.through.push(b);
    }
  }
  const [plain, ours] = [median(times.direct), median(times.through)];
  process.stdout.write(
    `${what}: Delve ${plain.toFixed(3)} ms, through the adapter ${ours.toFixed(3)} ms, + ${(ours - plain).toFixed(3)} ms (medians of ${turns})\n`,
  );
  return { added: ours - plain, ratio: ours / plain };
};

/** Attached to a program with many goroutines, and paused. */
const crowded = async (client: TestClient, program: string): Promise<LiveProgram> => {
  const target = await LiveProgram.start(program, []);
  const { stdout } = target.child;
  if (stdout === null) throw new Error('the program has no stdout');
  target.child.stdin?.write(`crowd ${crowd}\n`);
  for await (const [chunk] of on(stdout, 'data')) if (String(chunk).includes('crowd')) break;
  await client.ask('initialize', initializeArguments);
  const attach = client.ask('attach', { mode: 'local', processId: target.pid, kernel: 'off' });
  await client.next('initialized');
  await attach;
  await client.ask('configurationDone');
  await client.ask('pause', { threadId: 1 });
  await client.next('stopped');
  return target;
};

const stopped = async (client: TestClient, program: string): Promise<void> => {
  await client.ask('initialize', initializeArguments);
  const launch = client.ask('launch', { mode: 'exec', program, args: ['10'], outputMode: 'remote', kernel: 'off' });
  await client.next('initialized');
  await launch;
  await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price' }] });
  await client.ask('configurationDone');
  await client.next('stopped');
};

describe.skipIf(process.env.PROBELENS_BENCH !== '1' || requirement('delve', 'go').missing)('latency', () => {
  it('adds at most half a millisecond to a message', async () => {
    const work = mkdtempSync(join(tmpdir(), 'dap-latency-'));
    const program = await privateCopy(await buildFixture('orders'), work);
    const delve = await startPlainDelve();
    const adapter = await startAdapter();
    const direct = await connectClient(delve.port);
    const through = await connectClient(adapter.port);
    await Promise.all([stopped(direct, program), stopped(through, program)]);
    for (const [command, args] of [
      ['evaluate', { expression: '1' }],
      ['threads', {}],
    ] as const) {
      expect((await compare(direct, through, [command, args])).added).toBeLessThan(0.5);
    }
    await direct.leave();
    await through.leave();
    const ended = once(adapter.child, 'exit');
    adapter.child.kill('SIGTERM');
    await ended;
    rmSync(work, { recursive: true, force: true });
  });

  it('lists 1,024 goroutines as fast as Delve does', async () => {
    const work = mkdtempSync(join(tmpdir(), 'dap-crowd-'));
    const program = await privateCopy(await buildFixture('hive'), work);
    const delve = await startPlainDelve();
    const adapter = await startAdapter();
    const direct = await connectClient(delve.port);
    const through = await connectClient(adapter.port);
    const targets = [await crowded(direct, program), await crowded(through, program)];
    const { threads } = await through.request('threads');
    expect(threads.length).toBeGreaterThanOrEqual(crowd);
    const what = `threads with ${threads.length} goroutines`;
    const { ratio } = await compare(direct, through, ['threads', {}], what, crowdRounds);
    // The answer is some 150 kB: it is read and written once more.
    expect(ratio).toBeLessThan(2);
    for (const client of [direct, through]) {
      await client.ask('disconnect', { terminateDebuggee: true });
      await client.leave();
    }
    for (const target of targets) if (target.alive) target.child.kill('SIGKILL');
    const ended = once(adapter.child, 'exit');
    adapter.child.kill('SIGTERM');
    await ended;
    rmSync(work, { recursive: true, force: true });
  });
});
