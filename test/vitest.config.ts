import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { NoSkippedTests } from './no-skipped-tests.js';
import { SecondTries } from './second-tries.js';

const root = new URL('..', import.meta.url).pathname;
/** `npm run bench` runs the measurements, everything else the tests. */
const benches = process.env.PROBELENS_BENCH === '1';
const wanted = benches ? /^test\/bench\/.*\.bench\.ts$/ : /^(packages\/[^/]+\/test|test|editors)\/.*\.test\.ts$/;

type Kind = 'pure' | 'tools' | 'kernel';

/** By what a file asks for (test/requirements.ts): nothing, programs of the machine, or the one kernel that all share. */
const kindOf = (file: string): Kind => {
  const text = readFileSync(`${root}${file}`, 'utf8');
  if (!/\brequirement\(/.test(text)) return 'pure';
  return text.includes("'kernel'") ? 'kernel' : 'tools';
};
const folders = ['test', 'editors', ...readdirSync(`${root}packages`).map((name) => `packages/${name}/test`)];
const files = folders
  .filter((folder) => existsSync(`${root}${folder}`))
  .flatMap((folder) => readdirSync(`${root}${folder}`, { recursive: true }).map((file) => `${folder}/${file}`))
  .filter((file) => wanted.test(file))
  .toSorted();

const of = (kind: Kind): string[] => files.filter((file) => kindOf(file) === kind);
/** Real processes on a machine that others use too: one more try, said at the end. Never where the counts are full. */
const retry = process.env.PROBELENS_SOAK === '1' ? 0 : 1;
/** Vitest's default leaves a core unused, which on two cores is half of them. */
const maxWorkers = availableParallelism();

export default defineConfig({
  // Tests run against the sources: no build between an edit and its test.
  resolve: { conditions: ['@probelens/source'] },
  ssr: { resolve: { conditions: ['@probelens/source'], externalConditions: ['@probelens/source'] } },
  test: {
    root,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', new NoSkippedTests(), new SecondTries()],
    projects: benches
      ? [{ extends: true, test: { name: 'bench', include: files, fileParallelism: false } }]
      : [
          {
            extends: true,
            test: { name: 'pure', include: of('pure'), maxWorkers, sequence: { groupOrder: 0 } },
          },
          {
            extends: true,
            test: { name: 'tools', include: of('tools'), maxWorkers, retry, sequence: { groupOrder: 1 } },
          },
          {
            extends: true,
            // What one file has in the kernel would disturb the others.
            test: { name: 'kernel', include: of('kernel'), fileParallelism: false, retry, sequence: { groupOrder: 2 } },
          },
        ],
  },
});
