import type { Reporter, TestModule } from 'vitest/node';

/**
 * With PROBELENS_REQUIRE_ALL=1 a skipped test fails the run, however it came to be skipped: a forgotten `it.skip`, or a
 * `skipIf` that `requirement` knows nothing of. Tests for the soak only say so in their names.
 */
export class NoSkippedTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (process.env.PROBELENS_REQUIRE_ALL !== '1') return;
    const skipped = modules
      .flatMap((module) => [...module.children.allTests('skipped')])
      .filter((test) => !/\bsoak\b/.test(test.fullName))
      .map((test) => `${test.module.relativeModuleId}: ${test.fullName}`);
    if (skipped.length === 0) return;
    process.stderr.write(`PROBELENS_REQUIRE_ALL=1 allows no skipped test:\n${skipped.join('\n')}\n`);
    process.exitCode = 1;
  }
}
