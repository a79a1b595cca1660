/** The truth about a condition is Go: the kernel must find it true at exactly the calls where Go does. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { requirement, soaking } from '../../../../test/requirements.js';
import type { ProbePlan } from '../../src/plan/plan.js';
import { loadPlanner, type Planner } from '../../src/plan/planner.js';
import { randomConditions } from './expressions.js';
import { type Form, ownForms, refusedBesideDelve, refusedForms, sharedForms } from './forms.js';
import { ConditionRun, judge } from './kernel.js';
import { buildConditions } from './program.js';

const calls = soaking ? 400 : 120;
const seed = Number(process.env.PROBELENS_SEED ?? 4_711);
const random: readonly Form[] = randomConditions(seed, soaking ? 400 : 25).map((condition) => ({ condition }));

const planFor = (
  planner: Planner,
  binary: GoBinary,
  condition: string,
  use: 'stop' | 'log',
  at = 'main.probe',
): ProbePlan | string => {
  const result = planner.plan(
    {
      target: { kind: 'function', name: at },
      condition,
      scope: { kind: 'process' },
      action: { kind: 'log', template: at === 'main.probe' ? '{n}' : undefined },
      rateLimit: undefined,
    },
    binary,
    { use },
  );
  return result.ok ? result.plan : `${result.refusal.code}: ${result.refusal.message}`;
};

const positions = (answers: string, letter: string): readonly number[] =>
  [...answers].flatMap((each, index) => (each === letter ? [index] : []));

const inOrder = (numbers: readonly number[]): readonly number[] => numbers.toSorted((a, b) => a - b);

/** Arms all conditions in one run; calls back with each one's verdict and Go's. */
const compare = async (
  forms: readonly Form[],
  flags: readonly string[],
  use: 'stop' | 'log',
  check: (condition: string, verdict: Awaited<ReturnType<typeof judge>>[number], truth: string) => void,
): Promise<readonly string[]> => {
  const conditions = forms.map(({ condition }) => condition);
  const path = await buildConditions(
    forms.map(({ condition, go = condition }) => go),
    flags,
  );
  const planner = await loadPlanner();
  const binary = await openGoBinary(path);
  try {
    const planned = conditions.map((condition) => planFor(planner, binary, condition, use));
    const run = new ConditionRun(path, calls);
    await run.ready();
    const plans = planned.flatMap((plan) => (typeof plan === 'string' ? [] : [plan]));
    const verdicts = await judge(run, plans);
    let next = 0;
    planned.forEach((plan, index) => {
      if (typeof plan === 'string') return;
      const verdict = verdicts[next++];
      if (verdict === undefined) throw new Error('a verdict is missing');
      expect(verdict.hits, 'every call is counted').toBe(calls);
      expect(verdict.lost).toBe(0);
      check(conditions[index] ?? '', verdict, run.truth[index] ?? '');
    });
    return planned.flatMap((plan, index) => (typeof plan === 'string' ? [`${conditions[index]}: ${plan}`] : []));
  } finally {
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  }
};

describe.skipIf(requirement('kernel', 'go').missing)('conditions in the kernel', { timeout: 600_000 }, () => {
  test.each<readonly [string, readonly string[], readonly Form[]]>([
    ['optimised', [], [...random, ...sharedForms, ...ownForms]],
    ['-N -l', ['-gcflags=all=-N -l'], random],
  ])('hold at the calls where Go says so, %s', async (_name, flags, forms) => {
    const refused = await compare(forms, flags, 'log', (condition, verdict, truth) => {
      expect.soft(inOrder(verdict.held), `${condition} holds`).toEqual(positions(truth, 't'));
      expect.soft(inOrder(verdict.faulted), `${condition} panics`).toEqual(positions(truth, 'p'));
    });
    expect(refused).toEqual([]);
  });

  test('as the debugger would judge: never more than Go, and what is left out is faulted', async () => {
    const refused = await compare([...random, ...sharedForms], [], 'stop', (condition, verdict, truth) => {
      const held = inOrder(verdict.held);
      const open = new Set(verdict.faulted);
      const isTrue = positions(truth, 't');
      expect.soft(held, `${condition} holds`).toEqual(isTrue.filter((call) => !open.has(call)));
      expect
        .soft(
          positions(truth, 'p').filter((call) => !open.has(call)),
          `${condition} panics`,
        )
        .toEqual([]);
    });
    // Delve does not wrap the opposite or complement of unsigned numbers around, and computes with lengths exactly.
    for (const each of refused) expect(each).toMatch(/: (?:unsupported-type|type-mismatch): /);
    expect(refused.length).toBeLessThan(random.length / 2);
    for (const { condition } of sharedForms)
      expect(refused.filter((each) => each.startsWith(`${condition}: `))).toEqual([]);
  });
});

describe.skipIf(requirement('go').missing)('conditions that the kernel leaves to others', { timeout: 600_000 }, () => {
  test.each([
    ['nobody else judges', 'log', refusedForms],
    ['beside Delve', 'stop', refusedBesideDelve],
  ] as const)('are refused with what would work, %s', async (_name, use, refusals) => {
    const path = await buildConditions([]);
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    for (const { condition, says, at } of refusals)
      expect.soft(planFor(planner, binary, condition, use, at)).toMatch(says);
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });
});
