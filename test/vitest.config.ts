import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Tests run against the sources: no build between an edit and its test.
  resolve: { conditions: ['@probelens/source'] },
  ssr: { resolve: { conditions: ['@probelens/source'], externalConditions: ['@probelens/source'] } },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    // Two cores, real kernels and real debuggers: files that time things would disturb each other.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
