/** Sites of arm64 programs against Go's own disassembler. */
import { spawnSync } from 'node:child_process';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import type { ProbePlan } from '../../src/plan/plan.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';

interface Listed {
  readonly word: string;
  readonly text: string;
}

/** Instructions by address. */
const listing = (path: string): ReadonlyMap<string, Listed> => {
  const { stdout } = spawnSync('go', ['tool', 'objdump', '-s', '^main\\.', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const rows = stdout.matchAll(/^\s+\S+:[0-9]+\s+(0x[0-9a-f]+)\s+([0-9a-f]{8})\s+(.*)$/gm);
  return new Map(Array.from(rows, ([, address = '', word = '', text = '']) => [address, { word, text: text.trim() }]));
};

/** The listing shows words, the plan bytes in the order of the file. */
const bytesOf = (word: string | undefined): string =>
  Buffer.from(word ?? '', 'hex')
    .reverse()
    .toString('hex');

describe.skipIf(requirement('go').missing)('arm64', () => {
  test('functions and returns', async () => {
    const path = await buildFixture('variety', { env: { GOARCH: 'arm64' } });
    const instructions = listing(path);
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    const plan = (text: string): ProbePlan => {
      const parsed = parseProbeText(text);
      if (!parsed.ok) throw new Error(parsed.message);
      const result = planner.plan(parsed.spec, binary);
      if (!result.ok) throw new Error(result.refusal.message);
      return result.plan;
    };
    let checked = 0;
    for (const fn of binary.functionsMatching(/^main\./)) {
      if (fn.generated) continue;
      const [site] = plan(`"${fn.name}" do count`).sites;
      const there = instructions.get(site?.address ?? '');
      expect(bytesOf(there?.word), fn.name).toBe(site?.instruction);
      const distance = Number(site?.address) - fn.entry;
      const before = instructions.get(`0x${(Number(site?.address) - 4).toString(16)}`);
      if (distance > 0) {
        expect(before?.text, fn.name).toMatch(/^BLS|^BLO/);
        checked++;
      } else expect(there?.text, fn.name).not.toMatch(/16\(R28\)/);
    }
    expect(checked).toBeGreaterThan(10);
    const returns = plan('main.several return do count').sites;
    expect(returns.length).toBeGreaterThan(1);
    for (const site of returns) expect(instructions.get(site.address)?.text).toBe('RET');
    const named = plan('main.greet if greeting == "hello" do log "{name}"');
    expect(JSON.stringify(named.condition)).toMatch(/"register":"x2".*"register":"x3"/);
    const result = plan('main.recovered return if result > 3');
    expect(JSON.stringify(result.condition)).toContain('"register":"x0"');
    binary.close();
    planner.dispose();
  });
});
