/**
 * What the adapter adds to a message: the same requests to a stopped program, to Delve directly and through the adapter,
 * taken in turns so that both see the same machine. Two requests: `evaluate` of a constant (Delve's cheapest answer) and
 * `threads`. Reach: + 0.5 ms at the median. Round trips are measured at the client's socket, without Nagle.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  connectClient,
  initializeArguments,
  startAdapter,
  startPlainDelve,
  type TestClient,
} from '../../packages/dap/test/session-client.js';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement } from '../requirements.js';

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
      const times = { direct: [] as number[], through: [] as number[] };
      for (let round = -warmUp; round < rounds; round += 1) {
        const a = await timed(direct, command, args);
        const b = await timed(through, command, args);
        if (round >= 0) {
          times.direct.push(a);
          times.through.push(b);
        }
      }
      const [plain, ours] = [median(times.direct), median(times.through)];
      process.stdout.write(
        `${command}: Delve ${plain.toFixed(3)} ms, through the adapter ${ours.toFixed(3)} ms, + ${(ours - plain).toFixed(3)} ms (medians of ${rounds})\n`,
      );
      expect(ours - plain).toBeLessThan(0.5);
    }
    await direct.leave();
    await through.leave();
    const ended = once(adapter.child, 'exit');
    adapter.child.kill('SIGTERM');
    await ended;
    rmSync(work, { recursive: true, force: true });
  });
});
