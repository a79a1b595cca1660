/** The same trace of the same program however it was built: counts come from the program's own arithmetic. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, type FixtureOptions, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

const builds: Readonly<Record<string, FixtureOptions & { readonly stripped?: true }>> = {
  plain: {},
  'unoptimised, as for a debugger': { flags: ['-gcflags=all=-N -l'] },
  stripped: { flags: ['-ldflags=-s -w'], stripped: true },
  'position independent': { flags: ['-buildmode=pie'] },
  'position independent and stripped': { flags: ['-buildmode=pie', '-ldflags=-s -w'], stripped: true },
  'build without a build id': { flags: ['-ldflags=-buildid='] },
  'race detector': { flags: ['-race'], env: { CGO_ENABLED: '1' } },
};

describe.skipIf(requirement('kernel', 'go').missing)('trace of', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-builds-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  for (const [name, build] of Object.entries(builds)) {
    it(`a ${name} build`, { timeout: 120_000 }, async () => {
      const path = await privateCopy(await buildFixture('orders', build), directory);
      const events: TraceEvent[] = [];
      const trace = await startTrace({
        agentCommand: await agentCommandLine(),
        probes: [
          'main.price do count',
          'main.run do log',
          'tracepoint:syscalls:sys_enter_write on main do count',
        ].concat(build.stripped === true ? [] : ['main.price if o.ID % 5000 == 1234 do log "{o.Symbol} {mult}"']),
        target: { kind: 'program', path, args: ['20000'], stdio: 'ignore' },
        onEvent: (event) => events.push(event),
        onNote: () => undefined,
        budget: Number.POSITIVE_INFINITY,
      });
      const { probes, exitCode } = await trace.finished;
      expect(exitCode).toBe(0);
      expect(probes[0]?.hits).toBe(20_000);
      // The first goroutine runs main.run, and writes the first line and the last: seen from inside the kernel.
      expect(events.filter(({ probe }) => probe === 2).map(({ goid }) => goid)).toEqual(['1']);
      expect(probes[2]?.matches).toBe(2);
      if (build.stripped === true) return;
      expect(probes[3]).toMatchObject({ hits: 20_000, matches: 4, faults: 0 });
      // Orders 1234, 6234, 11234, 16234: symbol id % 6, worker id % 4 (fixtures/programs/orders/book.go).
      expect(
        events
          .filter(({ probe }) => probe === 4)
          .map(({ values }) => `${values['o.Symbol']} ${values.mult}`)
          .toSorted(),
      ).toEqual(['"ACME" 3', '"HOOLI" 3', '"HOOLI" 3', '"INITECH" 3']);
    });
  }
});
