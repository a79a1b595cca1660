/** Probes inside functions, counted by the kernel while the program runs: how often each place is passed is known. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { requirement, soaking } from '../../../../test/requirements.js';
import { toolchains } from '../../../gosym/test/dwarf/toolchains.js';
import type { ProbePlan } from '../../src/plan/plan.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';
import { ConditionRun, judge } from '../lowering/kernel.js';
import { buildLines, lineOf } from './lines-program.js';

interface Expected {
  readonly text: string;
  readonly hits: number;
  readonly matches: number;
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
const calls = range(10);
/** Every (n, i) of the loop. */
const turns = calls.flatMap((n) => range(n).map((i) => ({ n, i })));
const thirds = turns.filter(({ i }) => i % 3 === 0);
const line = (mark: string): string => `main.go:${lineOf(mark)}`;

const count = <T>(all: readonly T[], holds: (each: T) => boolean): number => all.filter(holds).length;

const expected: readonly Expected[] = [
  { text: 'main.work if n > 3', hits: 10, matches: 6 },
  { text: `${line('func')} if n == 2`, hits: 10, matches: 1 },
  { text: `${line('first')} if o.Qty == 3`, hits: 10, matches: count(calls, (n) => n % 4 === 3) },
  { text: `${line('test')} if i > 4`, hits: turns.length, matches: count(turns, ({ i }) => i > 4) },
  { text: `${line('third')} if i == 3`, hits: thirds.length, matches: count(thirds, ({ i }) => i === 3) },
  { text: `${line('rest')} if i == n - 1`, hits: turns.length, matches: count(turns, ({ n, i }) => i === n - 1) },
  { text: `${line('over')}`, hits: 10, matches: 10 },
  { text: `${line('error')}`, hits: 2, matches: 2 },
  { text: `${line('end')}`, hits: 8, matches: 8 },
  { text: 'main.work return if err != nil', hits: 10, matches: 2 },
  { text: 'main.work return if r0 > 60', hits: 10, matches: -1 },
  { text: 'main.half inlined', hits: turns.length, matches: turns.length },
  {
    text: 'main.value inlined if o.ID == 3',
    hits: turns.length + calls.length,
    matches: 1 + count(turns, ({ n }) => n === 3),
  },
  { text: 'main.largest if len(values) == 2', hits: 20, matches: 10 + count(calls, (n) => n % 4 === 2) },
  { text: 'main.leaf if a > 6', hits: 10, matches: 3 },
  { text: 'main.leaf if o.ID == 8 || a == 1', hits: 10, matches: 2 },
  { text: `${line('leaf')} if a == 3`, hits: 10, matches: 1 },
  { text: `${line('alloc')} if n > 6`, hits: 10, matches: 3 },
  { text: `${line('kept')}`, hits: 10, matches: 10 },
  { text: `${line('three')} if kind == 3`, hits: 1, matches: 1 },
  { text: `${line('turn')} if i == 4`, hits: 9, matches: 1 },
  { text: `${line('routed')} if kind > 3`, hits: 4, matches: 3 },
  { text: 'main.grow', hits: 501, matches: 501 },
  { text: 'main.grow if depth % 100 == 7 && o.ID == 1', hits: 501, matches: 5 },
  { text: 'main.grow return', hits: 501, matches: 501 },
];

const isFunction = ({ text }: Expected): boolean => !text.startsWith('main.go:');

/** What a line may be refused for; anything else is a defect. */
const refusable =
  /no-line-site|no-return-site|unavailable-variable|partly-inlined|not-inlined|no-entry-site|unsupported-use|no-copy-site|stale-variable/;

interface Build {
  readonly flags: readonly string[];
  readonly use: 'log' | 'stop';
  readonly env: Readonly<Record<string, string>>;
}

/** Frames are set up in another way before Go 1.21. */
const elder = requirement('go').missing ? [] : toolchains().filter((version) => soaking || version === 'go1.20.14');

describe.skipIf(requirement('kernel', 'go').missing)('places inside functions', () => {
  test.each<readonly [string, Build]>([
    ['optimised, log', { flags: [], use: 'log', env: {} }],
    ['-N -l, log', { flags: ['-gcflags=all=-N -l'], use: 'log', env: {} }],
    ['PIE, log', { flags: ['-buildmode=pie'], use: 'log', env: {} }],
    ['optimised, stop', { flags: [], use: 'stop', env: {} }],
    ['-N -l, stop', { flags: ['-gcflags=all=-N -l'], use: 'stop', env: {} }],
    ['-race, stop', { flags: ['-race'], use: 'stop', env: {} }],
    ...elder.flatMap((version) =>
      (soaking ? (['log', 'stop'] as const) : (['stop'] as const)).flatMap(
        (use): readonly (readonly [string, Build])[] => [
          [`${version}, ${use}`, { flags: [], use, env: { GOTOOLCHAIN: version } }],
          [`${version} -N -l, ${use}`, { flags: ['-gcflags=all=-N -l'], use, env: { GOTOOLCHAIN: version } }],
        ],
      ),
    ),
  ])('%s', async (_name, { flags, use, env }) => {
    const path = await buildLines(flags, env);
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    const plans: ProbePlan[] = [];
    const kept: Expected[] = [];
    const refused: string[] = [];
    // Some optimising compilers give a reload inside a loop to the line behind it, and debuggers break there too.
    const wanted = env.GOTOOLCHAIN !== undefined && flags.length === 0 ? expected.filter(isFunction) : expected;
    for (const each of wanted) {
      const parsed = parseProbeText(each.text);
      if (!parsed.ok) throw new Error(parsed.message);
      const spec = { ...parsed.spec, action: { kind: 'log', template: undefined } } as const;
      const result = planner.plan(spec, binary, use === 'stop' ? { use, avoid: [], yielding: true } : { use });
      if (result.ok) {
        // Copies that the plan says it leaves out are not in its counts.
        if (result.notes?.some(({ code }) => code === 'copies-without-site')) continue;
        plans.push({ ...result.plan, captures: [] });
        kept.push(each);
      } else refused.push(`${each.text}: ${result.refusal.code}: ${result.refusal.message}`);
    }
    for (const each of refused) expect(each).toMatch(refusable);
    // Functions have places in every build, but for stops before Go 1.21, whose frames have no one-byte instruction.
    const isElder = /^go1\.(?:18|20)\./.test(env.GOTOOLCHAIN ?? '');
    const always = isElder && use === 'stop' ? [] : ['main.work if n > 3', 'main.grow', 'main.leaf if a > 6'];
    expect(kept.map((each) => each.text)).toEqual(expect.arrayContaining(always));
    const run = new ConditionRun(path, 0);
    await run.ready();
    const verdicts = await judge(run, plans);
    const seen = kept.map(({ text }, index) => {
      const { hits, held, faulted } = verdicts[index] ?? { hits: -1, held: [], faulted: [] };
      const tiers = [...new Set(plans[index]?.sites.map((site) => site.tier))].join(' ');
      return { text, hits, matches: held.length, faults: faulted.length, tiers };
    });
    for (const [index, each] of seen.entries()) {
      const truth = kept[index];
      expect(each, each.tiers).toMatchObject({ text: truth?.text, hits: truth?.hits, faults: 0 });
      if (truth !== undefined && truth.matches >= 0)
        expect(each).toMatchObject({ text: truth.text, matches: truth.matches });
    }
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });
});
