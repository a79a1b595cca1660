import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from './fixture-build.js';
import { requirement } from './requirements.js';

describe.skipIf(requirement('go').missing)('fixture programs', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probelens-fixtures-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('builds the same file for the same request and another one for other flags', async () => {
    const [plain, again, stripped] = await Promise.all([
      buildFixture('orders'),
      buildFixture('orders'),
      buildFixture('orders', { flags: ['-ldflags=-s -w'] }),
    ]);
    expect(again).toBe(plain);
    expect(stripped).not.toBe(plain);
    expect((await stat(stripped)).size).toBeLessThan((await stat(plain)).size);
  });

  it('gives every test a file of its own to probe', async () => {
    const built = await buildFixture('orders');
    const [one, two] = await Promise.all([privateCopy(built, directory), privateCopy(built, directory)]);
    const inodes = await Promise.all([built, one, two].map(async (path) => (await stat(path)).ino));
    expect(new Set(inodes).size).toBe(3);
  });

  it('orders tells how often each condition was true, the same in every run', async () => {
    const binary = await buildFixture('orders');
    const run = await execa(binary, ['20000']);
    const [ready, report] = run.stdout.split('\n');
    expect(ready).toMatch(/^ready \d+$/);
    const { calls, wrong, matches } = JSON.parse(report ?? '');
    expect({ calls, wrong }).toEqual({ calls: 20000, wrong: 0 });
    // Counted here from the rules in book.go, not by the program.
    const ids = Array.from({ length: 20000 }, (_, id) => id);
    const quantity = (id: number): number => id % 103;
    const mult = (id: number): number => (id % 4) + 1;
    expect(matches).toEqual({
      'o.ID % 5000 == 1234': 4,
      'o.Qty == 0 && mult > 2': ids.filter((id) => quantity(id) === 0 && mult(id) > 2).length,
      'o.Qty == 0 && mult > 2 && o.ID % 5 == 0': ids.filter((id) => quantity(id) === 0 && mult(id) > 2 && id % 5 === 0)
        .length,
      'o.ID % 1000 < 4': 80,
      'o.Symbol == "ZORG" && o.ID % 600 == 5': ids.filter((id) => id % 6 === 5 && id % 600 === 5).length,
      'o.Price > 3.2 && o.Qty == 99': ids.filter((id) => id % 8 === 7 && quantity(id) === 99).length,
      'mult < 0': 0,
    });
  });

  it('verify ends with its own check when stdin closes', async () => {
    const run = await execa(await buildFixture('verify'), { input: '' });
    expect(run.stdout).toMatch(/^ready \d+\ncalls \d+ bad 0$/);
  });

  it('variety prints the same calls in every run, one for each function', async () => {
    const binary = await buildFixture('variety');
    const [one, two] = await Promise.all([execa(binary), execa(binary, ['3'])]);
    const calls = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('main.'));
    expect(calls(two.stdout)).toEqual(calls(one.stdout));
    expect(calls(one.stdout)).toContain('main.recovered(8, 0) = 0 "runtime error: integer divide by zero"');
    expect(calls(one.stdout).length).toBeGreaterThan(60);
  });
});
