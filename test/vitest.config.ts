import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { NoSkippedTests } from './no-skipped-tests.js';
import { SecondTries } from './second-tries.js';

const root = fileURLToPath(new URL('..', import.meta.url));
/** `npm run bench` runs the measurements, everything else the tests. */
const benches = process.env.PROBELENS_BENCH === '1';
const wanted = benches ? /^test\/bench\/.*\.bench\.ts$/ : /^(packages\/[^/]+\/test|test|editors)\/.*\.test\.ts$/;

type Kind = 'pure' | 'tools' | 'kernel' | 'alone';

/**
 * Tests that look at, mend or listen to the whole machine, or that want its processors for a comparison: nothing of the
 * other tests may be there meanwhile.
 */
const alone: ReadonlySet<string> = new Set([
  'packages/cli/test/latency-command.test.ts',
  'packages/cli/test/neovim-bpf.test.ts',
  'packages/cli/test/setup-commands.test.ts',
  'packages/cli/test/trace-command.test.ts',
  'packages/dap/test/bpf-load.test.ts',
  'packages/dap/test/fault-soak.test.ts',
  'packages/probes/test/agent-trap.test.ts',
  'packages/probes/test/bpf-load.test.ts',
  'packages/probes/test/crashes.test.ts',
  'packages/probes/test/doctor.test.ts',
  'packages/probes/test/order.test.ts',
  'packages/probes/test/stray-breakpoints.test.ts',
  'packages/probes/test/trace-growth.test.ts',
  'test/demo/killed.test.ts',
  'test/e2e/trace-growth.test.ts',
  'test/e2e/trace-sudo.test.ts',
  'test/readme.test.ts',
]);

/** By what a file asks for (test/requirements.ts): nothing, programs of the machine, or the one kernel that all share. */
const kindOf = (file: string): Kind => {
  if (alone.has(file)) return 'alone';
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

const unknown = [...alone].filter((file) => !benches && !files.includes(file));
if (unknown.length > 0) throw new Error(`no such test: ${unknown.join(', ')}; correct the list in vitest.config.ts`);

const of = (kind: Kind): string[] => files.filter((file) => kindOf(file) === kind);
/** Real processes on a machine that others use too: two more tries, said at the end. Never where the counts are full. */
const retry = process.env.PROBELENS_SOAK === '1' ? 0 : 2;
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
            test: { name: 'pure', include: of('pure'), maxWorkers, retry, sequence: { groupOrder: 0 } },
          },
          {
            extends: true,
            test: { name: 'tools', include: of('tools'), maxWorkers, retry, sequence: { groupOrder: 1 } },
          },
          {
            extends: true,
            // Each has programs of its own, and asks the kernel only for what they have there.
            test: { name: 'kernel', include: of('kernel'), maxWorkers, retry, sequence: { groupOrder: 2 } },
          },
          {
            extends: true,
            test: { name: 'alone', include: of('alone'), fileParallelism: false, retry, sequence: { groupOrder: 3 } },
          },
        ],
  },
});
