/** A stop inside a line must be passed as often as Delve's breakpoint there: Delve counts its own, the kernel counts ours. */
import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { findDelve } from '../../../../test/delve.js';
import { requirement, soaking } from '../../../../test/requirements.js';
import type { ProbePlan } from '../../src/plan/plan.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { ConditionRun, judge } from '../lowering/kernel.js';
import { buildLines, lineOf, source } from './lines-program.js';

/**
 * Not those of `grow`: Delve takes long for each stop in a deep recursion. Not those that are passed before the kernel's
 * probes are armed.
 */
const lines = source
  .split('\n')
  .map((_, index) => index + 1)
  .filter((line) => line < lineOf('grow') || line > lineOf('grow') + 8)
  .filter((line) => line < lineOf('main') || line > lineOf('start'));

/** Inlined here and there, nowhere and everywhere. */
const functions = ['work', 'half', 'value', 'clamp', 'clamped', 'leaf', 'route', 'keep'];

/** How often Delve's tracepoints were hit, by name; places that take none are missing. */
const delveHits = async (path: string, traces: readonly string[]): Promise<readonly (readonly [string, number])[]> => {
  const newline = join(dirname(path), 'newline');
  await writeFile(newline, '\n');
  const script = `${traces.join('\n')}\ncontinue\nexit\n`;
  const options = ['exec', path, '--allow-non-terminal-interactive=true', '-r', `stdin:${newline}`];
  const run = spawnSync(findDelve() ?? 'dlv', options, { input: script, encoding: 'utf8', maxBuffer: 1 << 28 });
  const hits = new Map<string, number>();
  for (const [, name = ''] of run.stdout.matchAll(/Tracepoint (\w+) set at /g)) hits.set(name, 0);
  for (const [, name = ''] of run.stdout.matchAll(/> goroutine\([0-9]+\): \[(\w+)\] /g))
    hits.set(name, (hits.get(name) ?? 0) + 1);
  return [...hits];
};

describe.skipIf(requirement('kernel', 'go', 'delve').missing)('stops inside lines', () => {
  test.each<readonly [string, readonly string[]]>([
    ['optimised', []],
    ...(soaking ? [['-N -l', ['-gcflags=all=-N -l']] as const, ['-race', ['-race']] as const] : []),
  ])('are passed as often as breakpoints of Delve, %s', { timeout: 120_000 }, async (_name, flags) => {
    const path = await buildLines(flags);
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    // Two runs, because Delve takes one breakpoint at an address.
    const truth = new Map([
      ...(await delveHits(
        path,
        lines.map((line) => `trace L${line} main.go:${line}`),
      )),
      ...(await delveHits(
        path,
        functions.map((name) => `trace F${name} main.${name}`),
      )),
    ]);
    const plans: ProbePlan[] = [];
    const planned: string[] = [];
    for (const name of truth.keys()) {
      const spec = {
        target: name.startsWith('L')
          ? ({ kind: 'line', file: 'lines/main.go', line: Number(name.slice(1)) } as const)
          : ({ kind: 'function', name: `main.${name.slice(1)}` } as const),
        condition: undefined,
        scope: { kind: 'process' },
        action: { kind: 'log', template: undefined },
        rateLimit: undefined,
      } as const;
      for (const use of soaking && name.startsWith('L') ? (['stop', 'log'] as const) : (['stop'] as const)) {
        const result = planner.plan(spec, binary, { use, avoid: [], yielding: true });
        if (!result.ok) continue;
        plans.push({ ...result.plan, captures: [] });
        planned.push(name);
      }
    }
    const run = new ConditionRun(path, 0);
    await run.ready();
    const verdicts = await judge(run, plans);
    const differences = planned.flatMap((name, index) => {
      const [site] = plans[index]?.sites ?? [];
      const [ours, theirs] = [verdicts[index]?.hits, truth.get(name)];
      return ours === theirs
        ? []
        : [`${name}: ${ours}, Delve ${theirs} (${site?.use} at ${site?.address}: ${site?.reason})`];
    });
    expect(differences).toEqual([]);
    const stops = new Set(plans.flatMap(({ sites: [site] }) => (site?.use === 'stop' ? [site.tier] : [])));
    expect(stops).toContain(2);
    // With the race detector a call stands before every `pop %rbp`.
    if (!flags.includes('-race')) expect(stops).toContain('stepped');
    expect(plans.filter(({ sites: [site] }) => site?.yields === true).length).toBeGreaterThan(1);
    expect(planned).toEqual(expect.arrayContaining(['Fwork', 'Fclamped']));
    expect([...truth.values()].reduce((sum, hits) => sum + hits, 0)).toBeGreaterThan(400);
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });
});
