/** `probelens latency` with the real kernel and Delve: shapes and what must be in any order of any machine, no times. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepRun, type LatencyReport, lastRun, latencyText } from '@probelens/dap';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../../test/command.js';
import { findDelve } from '../../../test/delve.js';
import { findProgram, requirement } from '../../../test/requirements.js';
import { distributionOf } from '../../dap/src/latency/distribution.js';
import { openVirtualKey } from '../src/keys/inject/virtual-key.js';

const state = mkdtempSync(join(tmpdir(), 'probelens-latency-test-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));
const env = { XDG_STATE_HOME: state };

const earlier: LatencyReport = {
  at: '2001-02-03T04:05:06.000Z',
  kernel: '6.1',
  node: 'v20',
  measures: [
    {
      id: 'pipe-round-trip',
      title: 'a pipe',
      floor: undefined,
      floorMedian: undefined,
      count: 3,
      least: 1,
      median: 10,
      p99: 30,
      jitter: 2,
    },
    {
      id: 'request-to-armed',
      title: 'armed',
      floor: 'pipe-round-trip',
      floorMedian: 10,
      count: 3,
      least: 9,
      median: 15_000,
      p99: 30,
      jitter: 2,
    },
  ],
  left: ['uinput: none.'],
};

/** Processes that were started by the command, which all have its environment or are its children's. */
const running = (marker: string): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker);
      } catch (error) {
        // It has ended meanwhile.
        if (error instanceof Error && 'code' in error) return false;
        throw error;
      }
    });

describe.skipIf(requirement('kernel', 'delve').missing || findProgram('script') === undefined)('latency', () => {
  it('measures each way beside its floor, compares with the last run, and leaves nothing', async () => {
    keepRun(env, earlier);
    const uinput = await openVirtualKey();
    if (uinput.ok) await uinput.key.close();
    const marker = `PROBELENS_LATENCY_TEST=${process.pid}`;
    const [name = '', value = ''] = marker.split('=');
    const run = await runCommand(['latency', '--json', '--compare', '--count', '10', '--delve', findDelve() ?? ''], {
      ...env,
      [name]: value,
    });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const report: LatencyReport & { readonly last: LatencyReport } = JSON.parse(run.stdout);
    const byId = new Map(report.measures.map((measure) => [measure.id, measure]));
    expect([...byId.keys()]).toEqual([
      'pipe-round-trip',
      'tracepoint-to-event',
      'request-to-armed',
      'hit-to-event',
      'syscall-to-event',
      'hit-to-stopped',
      'hit-to-stopped-delve',
      'key-to-arrival',
      'key-to-request',
      ...(uinput.ok ? ['uinput-to-arrival', 'input-to-arrival'] : []),
    ]);
    for (const { floor, floorMedian, count, least, median, p99, jitter } of report.measures) {
      expect(floor === undefined || byId.has(floor)).toBe(true);
      expect(count).toBeGreaterThanOrEqual(3);
      // Effects come after causes: the kernel's clock and ours are one.
      expect(least).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(least);
      expect(p99).toBeGreaterThanOrEqual(median);
      expect(jitter).toBeGreaterThanOrEqual(0);
      expect(floorMedian === undefined).toBe(floor === undefined);
    }
    // A floor is taken once with each measurement beside it.
    expect(byId.get('tracepoint-to-event')?.count).toBe(10 + 10 + 3 + 3);
    // Arming asks another process, which makes system calls before it answers.
    expect(byId.get('request-to-armed')?.least).toBeGreaterThan(byId.get('pipe-round-trip')?.least ?? Number.NaN);
    expect(report.left).toEqual(uinput.ok ? [] : [`uinput: ${uinput.reason}`]);
    expect(report.last).toEqual(JSON.parse(JSON.stringify(earlier)));
    const { last: _, ...kept } = report;
    expect(lastRun(env)).toEqual(kept);
    while (running(marker).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }, 180_000);
});

describe('what is made of measurements', () => {
  it('is their median, their 99th percentile and how far one is from the next', () => {
    const nanoseconds = Array.from({ length: 100 }, (_, index) => BigInt(index + 1) * 1000n);
    expect(distributionOf(nanoseconds)).toEqual({ count: 100, least: 1, median: 51, p99: 100, jitter: 1 });
    expect(distributionOf([5_000n])).toEqual({ count: 1, least: 5, median: 5, p99: 5, jitter: 0 });
  });

  it('is shown beside its floor, and beside the run before', () => {
    const now = { ...earlier, measures: earlier.measures.map((each) => ({ ...each, median: each.median * 2 })) };
    const alone = latencyText(earlier, undefined);
    expect(alone).toMatch(/^floor: a pipe +10\.0 us/m);
    expect(alone).toMatch(/^armed +15\.0 ms.* 1500\.0 x +3$/m);
    expect(latencyText(now, earlier)).toMatch(/^armed .*\+100 %$/m);
    expect(latencyText(now, earlier)).toContain('Compared with the run of 2001-02-03');
  });

  it('is nothing where there was no run, or a file that is none', () => {
    expect(lastRun({ XDG_STATE_HOME: join(state, 'none') })).toBeUndefined();
  });

  it('needs a Delve that is there, and a number', async () => {
    const missing = await runCommand(['latency', '--delve', '/nonexistent/dlv'], env);
    expect(missing).toMatchObject({ exitCode: 1 });
    expect(missing.stderr).toMatch(/^probelens: Delve was not found .*--delve PATH\.$/);
    expect(await runCommand(['latency', '--count', 'x', '--delve', process.execPath], env)).toMatchObject({
      exitCode: 2,
    });
  });
});
