import type { Reporter, TestModule } from 'vitest/node';

/** Says which tests passed only when they were tried again, so that none becomes unreliable unnoticed. */
export class SecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tried = modules
      .flatMap((module) => [...module.children.allTests('passed')])
      .filter((test) => (test.diagnostic()?.retryCount ?? 0) > 0)
      .map((test) => `${test.module.relativeModuleId}: ${test.fullName}`);
    if (tried.length === 0) return;
    process.stderr.write(`Passed only when tried again:\n${tried.join('\n')}\n`);
  }
}
