/** Functions by names that leave out their package's path: what Delve takes them for. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { findDelve } from '../../../../test/delve.js';
import { requirement } from '../../../../test/requirements.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';

const util = 'package util\n\nvar Level = 3\n\n//go:noinline\nfunc F(n int) int { return n + Level }\n';

const files: Readonly<Record<string, string>> = {
  'go.mod': 'module example.com/app\n\ngo 1.20\n',
  'main.go':
    'package main\n\nvar limit = 2\n\n//go:noinline\nfunc step(n int) int { return n * limit }\n\nfunc main() { println(step(1)) }\n',
  'main_test.go':
    'package main\n\nimport (\n\t"testing"\n\n\taa "example.com/app/a/util"\n\tbb "example.com/app/b/util"\n\t"example.com/app/odd.v2"\n)\n\nfunc TestStep(t *testing.T) { println(step(2), aa.F(1), bb.F(1), even.G(3)) }\n',
  'a/util/util.go': util,
  'b/util/util.go': util,
  'odd.v2/even.go': 'package even\n\nvar Most = 5\n\n//go:noinline\nfunc G(n int) int { return n - Most }\n',
};

describe.skipIf(requirement('go', 'delve').missing)('names of functions', () => {
  test('in a test binary, of packages by their names, and of two packages of one name', {
    timeout: 120_000,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'probelens-names-'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    const path = join(directory, 'app.test');
    await execa('go', ['test', '-c', '-o', path, '.'], { cwd: directory });
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const planned = (text: string): readonly string[] => {
      const parsed = parseProbeText(text);
      if (!parsed.ok) throw new Error(parsed.message);
      const result = planner.plan(parsed.spec, binary);
      return result.ok ? result.plan.sites.map((site) => site.function) : [result.refusal.message];
    };
    const asked = ['main.step', 'even.G', 'util.F', 'a/util.F'];
    const input = `${asked.map((name) => `break ${name}`).join('\n')}\nexit\n`;
    const { stdout, stderr } = spawnSync(
      findDelve() ?? 'dlv',
      ['exec', path, '--allow-non-terminal-interactive=true'],
      {
        input,
        encoding: 'utf8',
      },
    );
    const truth = [...stdout.matchAll(/Breakpoint \d+ set at \S+ for (\S+)\(\)/g)].map(([, name]) => name);
    expect(truth).toEqual(['example.com/app.step', 'example.com/app/odd%2ev2.G', 'example.com/app/a/util.F']);
    expect(planned('main.step if n == limit')).toEqual([truth[0]]);
    expect(planned('main.step return if r0 == 4')).toEqual([truth[0]]);
    expect(planned('even.G if n == even.Most')).toEqual([truth[1]]);
    expect(stderr).toMatch(/"util\.F" ambiguous/);
    expect(planned('util.F')).toEqual([
      'util.F may be example.com/app/a/util.F, example.com/app/b/util.F; write one of them.',
    ]);
    expect(planned('main.step if n == util.Level')[0]).toMatch(
      /it is in the packages "example\.com\/app\/a\/util" and "example\.com\/app\/b\/util"; write the path in quotes/,
    );
    expect(planned('main.step if n == "example.com/app/b/util".Level')).toEqual([truth[0]]);
    expect(planned('main.stepp')[0]).toMatch(/did you mean .*example\.com\/app\.step/);
    binary.close();
    planner.dispose();
    rmSync(directory, { recursive: true });
  });
});
