import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { NoSkippedTests } from './no-skipped-tests.js';
import { SecondTries } from './second-tries.js';

const root = new URL('..', import.meta.url).pathname;
/** `npm run bench` runs the measurements, everything else the tests. */
const benches = process.env.PROBELENS_BENCH === '1';
const wanted = benches ? /^test\/bench\/.*\.bench\.ts$/ : /^(packages\/[^/]+\/test|test|editors)\/.*\.test\.ts$/;

/** Files that ask for something of the machine (test/requirements.ts) share one kernel, and so run one after the other. */
const usesMachine = (file: string): boolean => /\brequirement\(/.test(readFileSync(`${root}${file}`, 'utf8'));
const folders = ['test', 'editors', ...readdirSync(`${root}packages`).map((name) => `packages/${name}/test`)];
const files = folders
  .filter((folder) => existsSync(`${root}${folder}`))
  .flatMap((folder) => readdirSync(`${root}${folder}`, { recursive: true }).map((file) => `${folder}/${file}`))
  .filter((file) => wanted.test(file))
  .toSorted();

export default defineConfig({
  // Tests run against the sources: no build between an edit and its test.
  resolve: { conditions: ['@probelens/source'] },
  ssr: { resolve: { conditions: ['@probelens/source'], externalConditions: ['@probelens/source'] } },
  test: {
    root,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', new NoSkippedTests(), new SecondTries()],
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: benches ? [] : files.filter((file) => !usesMachine(file)),
          // Vitest's default leaves a core unused, which on two cores is half of them.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'machine',
          include: benches ? files : files.filter(usesMachine),
          // Real kernels and real debuggers: files that time things would disturb each other.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          // Real processes on a machine that others use too: one more try, said at the end. Never where the counts are full.
          retry: benches || process.env.PROBELENS_SOAK === '1' ? 0 : 1,
        },
      },
    ],
  },
});
