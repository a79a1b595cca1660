/** `probelens trace` against what the traced programs know of themselves: counts, arguments, conditions. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement, soaking } from '../requirements.js';
import { type TracedEvent, traceProgram } from './trace-command.js';

const seed = 20_261_123;
const rounds = soaking ? 350_000 : 7_000;

/** fixtures/programs/ledger: what it writes down of each call, in this order. */
const CAPTURES: Readonly<Record<string, readonly string[]>> = {
  // Floats in registers are not shown to a kernel probe.
  'main.book': ['id', 'symbol', 'qty', 'flags', 'open', 'small'],
  'main.(*Ledger).post': [
    'entry.ID',
    'entry.Symbol',
    'entry.Stamp.Clerk',
    'entry.Stamp.Day',
    'entry.Stamp.Rate',
    'entry.Stamp.Cut',
    'l.Name',
    'factor',
  ],
  'main.spread': ['a', 'i', 'j', 'name', 'last'],
};

describe.skipIf(requirement('kernel', 'go').missing)('probelens trace', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-truth-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('counts 1,000,000 calls and every condition as the program does', { timeout: 180_000 }, async () => {
    const orders = await privateCopy(await buildFixture('orders'), directory);
    const own = await execa(orders, ['1000000']);
    const { matches }: { matches: Record<string, number> } = JSON.parse(own.stdout.split('\n').at(-1) ?? '');
    const conditions = soaking ? Object.keys(matches) : ['o.ID % 1000 < 4', 'o.Symbol == "ZORG" && o.ID % 600 == 5'];
    const traced = await traceProgram(
      ['main.price do count', 'main.worker do count', ...conditions.map((each) => `main.price if ${each} do count`)],
      [orders, '1000000'],
    );
    expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: '', events: [] });
    const [calls, workers, ...judged] = traced.probes;
    expect([calls?.hits, workers?.hits]).toEqual([1_000_000, 4]);
    expect(judged.map((probe) => probe.matches)).toEqual(conditions.map((each) => matches[each]));
    expect(judged.every(({ hits, faults }) => hits === 1_000_000 && faults === 0)).toBe(true);
  });

  for (const [name, flags] of [
    ['optimised', []],
    ['unoptimised', ['-gcflags=all=-N -l']],
  ] as const) {
    it(`shows ${rounds * 3} calls as the program wrote them down, ${name}`, { timeout: 600_000 }, async () => {
      const ledger = await privateCopy(await buildFixture('ledger', { flags }), directory);
      const log = join(directory, `log-${name}`);
      const functions = Object.keys(CAPTURES);
      const texts = functions.map(
        (each) => `${each} do log "${CAPTURES[each]?.map((capture) => `{${capture}}`).join(' ')}"`,
      );
      const traced = await traceProgram(texts, [ledger, String(rounds), String(seed), log]);
      expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: '' });
      const written = readFileSync(log, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line): readonly string[] => JSON.parse(line));
      for (const [index, each] of functions.entries()) {
        const truth = written.filter(([called]) => called === each).map(([, ...values]) => values);
        const events = traced.events.filter(({ probe }) => probe === index + 1);
        const probe = traced.probes[index];
        expect(probe).toMatchObject({ hits: rounds, matches: rounds });
        // Whatever is missing is counted; all calls are of one goroutine, so what is there is in the order of the calls.
        expect(events.length + (probe?.lost ?? 0)).toBe(rounds);
        // However slow its reader is, the ring alone holds more than half of a short run.
        if (!soaking) expect(events.length).toBeGreaterThan(rounds / 2);
        expect(differences(truth, events, CAPTURES[each] ?? [])).toEqual([]);
      }
    });
  }
});

/** The first events that are not in the log, or not in its order. */
const differences = (
  truth: readonly (readonly string[])[],
  events: readonly TracedEvent[],
  names: readonly string[],
): readonly string[] => {
  const wrong: string[] = [];
  let at = 0;
  for (const event of events) {
    const shown = names.map((name) => event.values[name]).join(' ');
    const first = event.values[names[0] ?? ''];
    let skipped = at;
    while (skipped < truth.length && truth[skipped]?.[0] !== first) skipped++;
    const expected = truth[skipped]?.join(' ');
    if (shown !== expected) wrong.push(`${shown} instead of ${truth[at]?.join(' ')}`);
    else at = skipped + 1;
    if (wrong.length === 3) break;
  }
  return wrong;
};
