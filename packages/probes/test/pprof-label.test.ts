/** `on label "key"="value"`: the calls under a pprof label, as the program itself knows them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { loadPlanner } from '../src/plan/planner.js';
import { parseProbeText } from '../src/spec/text.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

interface Call {
  readonly number: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** The scope as a text, and the same of the report's labels. */
const scopes: readonly [key: string, value: string][] = [
  ['tenant', 'acme'],
  ['tenant', 'globex'],
  ['tenant', ''],
  ['tenant', 'acme'.repeat(20)],
  ['a', 'b'],
  ['nobody', 'acme'],
];

/** The number that the program adds to in its system calls (labels.go). */
const nobody = 2 ** 30;

/** plan/pprof-label.ts, mostLabels. */
const looked = 8;

describe.skipIf(requirement('kernel', 'go').missing)('on a pprof label', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-labels-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  for (const [what, options] of [
    ['Go of today', {}],
    ['the first Go with sorted labels', { env: { GOTOOLCHAIN: 'go1.24.13' } }],
  ] as const) {
    it(`shows exactly the calls of goroutines that have it: ${what}`, { timeout: 120_000 }, async () => {
      const path = await privateCopy(await buildFixture('errands', options), directory);
      const events: TraceEvent[] = [];
      const texts = scopes.map(([key, value]) => `main.labelled on label "${key}"="${value}" do log "{number}"`);
      const atCalls = scopes.map(
        ([key, value]) => `tracepoint:syscalls:sys_enter_getpgid on label "${key}"="${value}" do log "{pid}"`,
      );
      const odd = 'main.labelled if number % 2 == 1 on label "tenant"="acme" do log "{number}"';
      const trace = await startTrace({
        agentCommand: await agentCommandLine(),
        probes: [...texts, odd, ...atCalls],
        target: { kind: 'program', path, args: ['labels', directory], stdio: 'ignore' },
        onEvent: (event) => events.push(event),
        onNote: () => undefined,
        budget: Number.POSITIVE_INFINITY,
      });
      const { probes, exitCode } = await trace.finished;
      expect(exitCode).toBe(0);
      const calls: readonly Call[] = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8'));
      const numbers = (probe: number, faulted: boolean): readonly number[] =>
        events
          .filter((event) => event.probe === probe && (event.faulted === true) === faulted)
          .map((event) => Number(event.values.number ?? Number(event.values.pid) - nobody))
          .toSorted((a, b) => a - b);
      const numbersOf = (some: readonly Call[]): readonly number[] =>
        some.map(({ number }) => number).toSorted((a, b) => a - b);
      /** Among the first of the sorted keys. */
      const sees = ({ labels }: Call, key: string, value: string): boolean =>
        labels[key] === value && Object.keys(labels).toSorted().indexOf(key) < looked;
      const unsure = (call: Call, key: string, value: string): boolean =>
        Object.keys(call.labels).length > looked && !sees(call, key, value);
      for (const [index, [key, value]] of scopes.entries()) {
        const found = numbersOf(calls.filter((call) => sees(call, key, value)));
        const doubtful = numbersOf(calls.filter((call) => unsure(call, key, value)));
        // At the function, and at the one system call that it makes.
        for (const at of [index, scopes.length + 1 + index]) {
          expect([key, value, numbers(at + 1, false)]).toEqual([key, value, found]);
          expect([key, value, numbers(at + 1, true)]).toEqual([key, value, doubtful]);
          expect([probes[at]?.hits, probes[at]?.faults]).toEqual([calls.length, doubtful.length]);
        }
        expect(doubtful.length).toBeGreaterThan(0);
      }
      expect(numbers(1, false).length).toBeGreaterThan(6);
      expect(numbers(scopes.length + 1, false)).toEqual(numbers(1, false).filter((number) => number % 2 === 1));
    });
  }
});

it.skipIf(requirement('go').missing)(
  'says what is wrong where labels cannot be read',
  { timeout: 120_000 },
  async () => {
    const planner = await loadPlanner();
    const refusal = async (path: string): Promise<string> => {
      const parsed = parseProbeText('main.main on label "tenant"="acme"');
      if (!parsed.ok) throw new Error(parsed.message);
      const binary = await openGoBinary(path);
      const result = planner.plan(parsed.spec, binary);
      binary.close();
      return result.ok ? 'planned' : `${result.refusal.code}: ${result.refusal.message}`;
    };
    try {
      const old = await buildFixture('errands', { env: { GOTOOLCHAIN: 'go1.22.12' } });
      expect(await refusal(old)).toMatch(/^unsupported-scope: go1\.22\.12 keeps pprof labels in a map/);
      expect(await refusal(await buildFixture('errands', { flags: ['-ldflags=-w'] }))).toMatch(
        /^unsupported-scope: .*without debug information/,
      );
      expect(await refusal(await buildFixture('orders'))).toMatch(
        /^unsupported-scope: This program sets no pprof labels/,
      );
    } finally {
      planner.dispose();
    }
  },
);
