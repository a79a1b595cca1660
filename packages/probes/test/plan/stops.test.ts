/** Planned stops, armed by the agent under a real Delve: it stops as often as the conditions hold, and the sums are right. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { requirement } from '../../../../test/requirements.js';
import type { ProbeEvent } from '../../src/events.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';
import { startTestAgent } from '../agent-process.js';
import { attachDelve } from '../delve-session.js';
import { buildLines, lineOf } from './lines-program.js';

interface Wanted {
  readonly text: string;
  readonly matches: number;
}

const line = (mark: string): string => `main.go:${lineOf(mark)}`;
const turns = Array.from({ length: 10 }, (_, n) => Array.from({ length: n }, (_, i) => ({ n, i }))).flat();

/** Places at the entry, inside lines (with a sentinel), and at returns. */
const wanted: readonly Wanted[] = [
  { text: 'main.work if n == 4', matches: 1 },
  { text: `${line('test')} if i == 7`, matches: turns.filter(({ i }) => i === 7).length },
  { text: `${line('rest')} if i == 2 && n == 5`, matches: 1 },
  { text: 'main.work return if err != nil', matches: 2 },
  { text: 'main.leaf if a == 6', matches: 1 },
  { text: 'main.grow if depth == 250', matches: 1 },
];

describe.skipIf(requirement('kernel', 'go', 'delve').missing)('planned stops', () => {
  test.each([
    ['optimised', []],
    ['-N -l', ['-gcflags=all=-N -l']],
  ])('%s', { timeout: 120_000 }, async (_name, flags) => {
    const path = await buildLines(flags);
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    const agent = await startTestAgent();
    const program = spawn(path);
    const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    const exited = once(program, 'exit');
    const delve = await (async () => {
      expect((await lines.next()).value).toBe('ready');
      return attachDelve(program.pid ?? 0);
    })();
    const events: ProbeEvent[] = [];
    agent.onEvents((more) => events.push(...more));
    try {
      const tiers: unknown[] = [];
      const expected = new Map<number, Wanted>();
      for (const each of wanted) {
        const parsed = parseProbeText(`${each.text} do stop`);
        if (!parsed.ok) throw new Error(parsed.message);
        const result = planner.plan(parsed.spec, binary, { use: 'stop', avoid: [] });
        if (!result.ok) {
          expect(result.refusal.code, each.text).toMatch(/no-line-site|unavailable-variable/);
          continue;
        }
        tiers.push(...result.plan.sites.map((site) => site.tier));
        const target = { pid: program.pid ?? 0, tracer: delve.pid };
        const { probe } = await agent.arm({ plan: result.plan, target });
        expected.set(probe, each);
      }
      expect(tiers).toContain(2);
      const truth = [...expected.values()].reduce((sum, each) => sum + each.matches, 0);
      program.stdin.end('\n');
      const gone = exited.then(() => undefined);
      let stops = 0;
      for (;;) {
        const stop = await Promise.race([delve.nextStop(), gone]);
        if (stop === undefined) break;
        stops++;
        await delve.continue(stop.thread);
      }
      await agent.drain();
      for (const [probe, each] of expected) {
        const seen = events.filter((event) => event.probe === probe);
        expect(seen.filter((event) => event.trapped).length, each.text).toBe(each.matches);
        expect(seen.filter((event) => event.faulted)).toEqual([]);
      }
      expect(stops).toBe(truth);
      expect((await exited)[0]).toBe(0);
    } finally {
      await agent.dispose();
      delve.kill();
      program.kill('SIGKILL');
      binary.close();
      planner.dispose();
      await rm(dirname(path), { recursive: true });
    }
  });
});
