/** Exports are run by the tools that they are for, and see what the kernel program of the same plan sees. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFixture, privateCopy } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { exportBpftrace, exportPerf, loadPlanner, parseProbeText } from '../../src/index.js';
import type { ProbePlan } from '../../src/plan/plan.js';

let directory = '';
let program = '';

const planFor = async (text: string, path = program): Promise<ProbePlan> => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw new Error(parsed.message);
  const planner = await loadPlanner();
  const binary = await openGoBinary(path);
  const result = planner.plan(parsed.spec, binary);
  binary.close();
  planner.dispose();
  if (!result.ok) throw new Error(result.refusal.message);
  return result.plan;
};

const orders = 20_000;
/** Orders are numbered from 0 (fixtures/programs/orders/book.go). */
const quantity = (id: number): number => id % 103;
const isZorg = (id: number): boolean => id % 6 === 5;
const numbers = Array.from({ length: orders }, (_, index) => index);

const cases: readonly (readonly [string, (id: number) => boolean])[] = [
  ['main.price do count', () => true],
  ['main.price if o.Qty == 0 do count', (id) => quantity(id) === 0],
  ['main.price if o.ID >= 500 && o.ID < 700 do count', (id) => id >= 500 && id < 700],
  ['main.price if o.Qty == 5 || 7 > o.ID do count', (id) => quantity(id) === 5 || id < 7],
];

const bpftraceOnly: readonly (readonly [string, (id: number) => boolean])[] = [
  ['main.price if o.ID % 5000 == 1234 do count', (id) => id % 5000 === 1234],
  ['main.price if o.Symbol == "ZORG" && o.ID % 600 == 5 do count', (id) => isZorg(id) && id % 600 === 5],
  [
    'main.price if !(o.Symbol != "ZORG") && int8(o.Qty) & 3 == 1 do count',
    (id) => isZorg(id) && quantity(id) % 4 === 1,
  ],
];

/** main.norm is called twice: with a nil pointer, and with {1, 1}. A condition that Go would panic on holds nowhere. */
const nilReceivers: readonly (readonly [text: string, matches: number, faults: number])[] = [
  ['main.norm if origin.X == 0 do count', 0, 1],
  ['main.norm if origin != nil && origin.X == 1 do count', 1, 0],
  ['main.norm if origin == nil || origin.Y == 1 do count', 2, 0],
  ['main.norm if !(origin.X == 1) || p.X == 3 do count', 1, 1],
];

const matching = (holds: (id: number) => boolean): number => numbers.filter(holds).length;

const run = (command: string, args: readonly string[]): string => {
  const done = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  return `${done.stdout}\n${done.stderr}`;
};

describe.skipIf(requirement('kernel', 'go').missing)('exports', () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probelens-export-'));
    program = await privateCopy(await buildFixture('orders'), directory);
  });
  afterAll(() => rm(directory, { recursive: true }));

  describe.skipIf(requirement('bpftrace').missing)('bpftrace', () => {
    test.each([...cases, ...bpftraceOnly])('%s', async (text, holds) => {
      const written = exportBpftrace(await planFor(text));
      if (!written.ok) throw new Error(written.refusal.message);
      const script = join(directory, 'script.bt');
      await writeFile(script, written.text);
      const output = run('bpftrace', ['--unsafe', '-c', `${program} ${orders}`, script]);
      expect(output, written.text).toMatch(new RegExp(`^@hits: ${orders}$`, 'm'));
      expect(output, written.text).toMatch(new RegExp(`^@matches: ${matching(holds)}$`, 'm'));
    });

    test.each(nilReceivers)('%s, where a read fails', async (text, matches, faults) => {
      const path = await privateCopy(await buildFixture('variety'), directory);
      const written = exportBpftrace(await planFor(text, path));
      if (!written.ok) throw new Error(written.refusal.message);
      const script = join(directory, 'script.bt');
      await writeFile(script, written.text);
      const output = run('bpftrace', ['--unsafe', '-c', path, script]);
      const counted = (name: string) => Number(new RegExp(`^@${name}: (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
      expect(['hits', 'matches', 'faults'].map(counted), `${written.text}\n${output}`).toEqual([2, matches, faults]);
    });

    test('prints captured values, of a program whose path has blanks, too', async () => {
      const blanks = join(directory, 'the orders, größer');
      await symlink(program, blanks);
      const text = 'main.price if o.ID == 4321 do log "{o.ID} {o.Symbol} {o.Qty}"';
      const written = exportBpftrace(await planFor(text, blanks));
      if (!written.ok) throw new Error(written.refusal.message);
      const script = join(directory, 'script.bt');
      await writeFile(script, written.text);
      const output = run('bpftrace', ['--unsafe', '-c', `${program} ${orders}`, script]);
      expect(output).toMatch(/^\d+ \d+ o\.ID=4321 o\.Symbol=[A-Z]+ o\.Qty=98$/m);
    });
  });

  describe.skipIf(requirement('perf').missing)('perf', () => {
    test.each(cases)('%s', async (text, holds) => {
      const written = exportPerf(await planFor(text));
      if (!written.ok) throw new Error(written.refusal.message);
      const script = join(directory, 'script.sh');
      await writeFile(script, written.text);
      const output = run('sh', [script, program, String(orders)]);
      expect(output, written.text).toMatch(new RegExp(`^\\s+${matching(holds)}\\s+probelens:main_price_0`, 'm'));
    });
  });

  describe.skipIf(requirement('perf').missing)('perf, where a read fails', () => {
    test.each(nilReceivers.slice(0, 2))('%s', async (text, matches) => {
      const path = await privateCopy(await buildFixture('variety'), directory);
      const written = exportPerf(await planFor(text, path));
      if (!written.ok) throw new Error(written.refusal.message);
      const script = join(directory, 'script.sh');
      await writeFile(script, written.text);
      const output = run('sh', [script, path]);
      expect(output, written.text).toMatch(new RegExp(`^\\s+${matches}\\s+probelens:main_norm_0`, 'm'));
    });

    test('what a filter cannot tell is said', async () => {
      const path = await privateCopy(await buildFixture('variety'), directory);
      expect(exportPerf(await planFor('main.norm if origin == nil || origin.Y == 1 do count', path))).toMatchObject({
        refusal: { message: expect.stringContaining('cannot tell a read that failed from 0') },
      });
    });
  });

  test('what a tool cannot do is said', async () => {
    const floating = await planFor('main.price if o.Price > 1.5 do count');
    expect(exportBpftrace(floating)).toMatchObject({ ok: false, refusal: { code: 'not-exportable' } });
    const computed = await planFor('main.price if o.ID % 2 == 1 do count');
    expect(exportPerf(computed)).toMatchObject({ ok: false, refusal: { code: 'not-exportable' } });
  });
});
