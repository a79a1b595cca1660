/**
 * A condition that moves from Delve to the kernel must stop where Delve would have stopped. Delve evaluates the same
 * expressions at its own breakpoint; where it fails, it stops, so the kernel must not stay silent.
 */
import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { findDelve } from '../../../../test/delve.js';
import { requirement, soaking } from '../../../../test/requirements.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { randomConditions } from './expressions.js';
import { type Form, sharedForms } from './forms.js';
import { ConditionRun, judge } from './kernel.js';
import { buildConditions } from './program.js';

const calls = soaking ? 120 : 18;
const seed = Number(process.env.PROBELENS_SEED ?? 99);
const random: readonly Form[] = randomConditions(seed, soaking ? 300 : 25).map((condition) => ({ condition }));

type Answer = 'true' | 'false' | 'failed';

/** answers[condition][call]. */
const askDelve = async (path: string, conditions: readonly string[]): Promise<readonly (readonly Answer[])[]> => {
  const questions = conditions.map((condition, index) => `print "#${index}"\nprint ${condition}`).join('\n');
  const script = `break main.probe\n${`continue\n${questions}\n`.repeat(calls)}exit\n`;
  const newline = join(dirname(path), 'newline');
  await writeFile(newline, '\n');
  const options = [
    'exec',
    path,
    '--allow-non-terminal-interactive=true',
    '-r',
    `stdin:${newline}`,
    '--',
    String(calls),
  ];
  const run = spawnSync(findDelve() ?? 'dlv', options, { input: script, encoding: 'utf8', maxBuffer: 1 << 28 });
  const answers = conditions.map((): Answer[] => []);
  let current: Answer[] | undefined;
  for (const raw of run.stdout.split('\n')) {
    const line = raw.replace(/^(?:\(dlv\) )+/, '');
    const marker = /^"#([0-9]+)"$/.exec(line)?.[1];
    if (marker !== undefined) {
      current = answers[Number(marker)];
      current?.push('failed');
    } else if ((line === 'true' || line === 'false') && current !== undefined) current[current.length - 1] = line;
  }
  return answers;
};

describe.skipIf(requirement('kernel', 'delve', 'go').missing)(
  'conditions that Delve would have judged',
  { timeout: 600_000 },
  () => {
    test.each([
      ['optimised', [], [...random, ...sharedForms]],
      ['-N -l', ['-gcflags=all=-N -l'], random],
    ] as const)('stop at the same calls, %s', async (_name, flags, forms) => {
      const conditions = forms.map(({ condition }) => condition);
      const path = await buildConditions(
        forms.map(({ condition, go = condition }: Form) => go),
        flags,
      );
      const planner = await loadPlanner();
      const binary = await openGoBinary(path);
      const plans = conditions.flatMap((condition, index) => {
        const spec = {
          target: { kind: 'function', name: 'main.probe' },
          condition,
          scope: { kind: 'process' },
          action: { kind: 'log', template: '{n}' },
          rateLimit: undefined,
        } as const;
        const result = planner.plan(spec, binary, { use: 'stop', avoid: [] });
        return result.ok ? [{ plan: result.plan, index }] : [];
      });
      expect(plans.length).toBeGreaterThan(conditions.length / 2);
      const answers = await askDelve(path, conditions);
      const run = new ConditionRun(path, calls);
      await run.ready();
      const verdicts = await judge(
        run,
        plans.map(({ plan }) => plan),
      );
      const differences: string[] = [];
      let agreed = 0;
      let open = 0;
      for (const [position, { index }] of plans.entries()) {
        const held = new Set(verdicts[position]?.held);
        const faulted = new Set(verdicts[position]?.faulted);
        expect(answers[index]).toHaveLength(calls);
        answers[index]?.forEach((answer, call) => {
          const kernel = faulted.has(call) ? 'failed' : held.has(call) ? 'true' : 'false';
          if (kernel === answer) agreed++;
          // Delve judges what the kernel could not: nothing is lost, but it should be seldom.
          else if (kernel === 'failed') open++;
          else differences.push(`${conditions[index]}, call ${call}: Delve ${answer}, kernel ${kernel}`);
        });
      }
      expect(differences).toEqual([]);
      expect(agreed).toBeGreaterThan(open * 10);
      binary.close();
      planner.dispose();
      await rm(dirname(path), { recursive: true });
    });
  },
);
