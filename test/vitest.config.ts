import { defineConfig } from 'vitest/config';
import { NoSkippedTests } from './no-skipped-tests.js';

/** `npm run bench` runs the measurements, everything else the tests. */
const benches = process.env.PROBELENS_BENCH === '1';

export default defineConfig({
  // Tests run against the sources: no build between an edit and its test.
  resolve: { conditions: ['@probelens/source'] },
  ssr: { resolve: { conditions: ['@probelens/source'], externalConditions: ['@probelens/source'] } },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: benches
      ? ['test/bench/**/*.bench.ts']
      : ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'editors/**/*.test.ts'],
    // Two cores, real kernels and real debuggers: files that time things would disturb each other.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', new NoSkippedTests()],
  },
});
