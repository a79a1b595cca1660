/**
 * Entries and returns while stacks are copied: a probe that replaced return addresses (uretprobe) kills such a program.
 * PROBELENS_SOAK=1 makes it a minute.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

const seconds = soaking ? 60 : 2;

it.skipIf(requirement('kernel', 'go').missing)(
  'as many returns as entries, while eight goroutines grow their stacks and the collector runs',
  { timeout: 60_000 + seconds * 2_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'probelens-growth-'));
    try {
      for (const flags of [[], ['-gcflags=all=-N -l']]) {
        const path = await privateCopy(await buildFixture('growth', { flags }), directory);
        const trace = await startTrace({
          agentCommand: await agentCommandLine(),
          probes: ['main.grow do count', 'main.grow return do count', 'main.once do count'],
          target: { kind: 'program', path, args: [String(seconds)], stdio: 'ignore' },
          onEvent: () => undefined,
          onNote: () => undefined,
          budget: Number.POSITIVE_INFINITY,
        });
        const { probes, exitCode } = await trace.finished;
        // 0: it did not crash, and found every result right.
        expect(exitCode).toBe(0);
        const [entries, returns, recursions] = probes.map(({ hits }) => hits);
        expect(recursions).toBeGreaterThan(0);
        // `depth` + 1 calls each: not one is counted twice when the stack check restarts a function.
        expect([entries, returns]).toEqual([(recursions ?? 0) * 401, (recursions ?? 0) * 401]);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
