import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { openGoBinary } from '../../src/index.js';

/** Addresses that readelf marks with an x in the table of line numbers. */
const marked = (path: string): ReadonlySet<number> => {
  const text = spawnSync('readelf', ['--debug-dump=decodedline', '-W', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  }).stdout;
  const rows = text.matchAll(/^\S+\s+[0-9]+\s+(0x[0-9a-f]+).*\sx\s*$/gm);
  return new Set(Array.from(rows, (row) => Number(row[1])));
};

describe.skipIf(requirement('go').missing)('statements of the line table', () => {
  test.each([
    ['optimised', []],
    ['-N -l', ['-gcflags=all=-N -l']],
  ])('are those of readelf, %s', async (_name, flags) => {
    const path = await buildFixture('orders', { flags });
    const truth = marked(path);
    expect(truth.size).toBeGreaterThan(10_000);
    const binary = await openGoBinary(path);
    let seen = 0;
    for (const fn of binary.functions()) {
      if (fn.file.endsWith('.s')) continue;
      const statements = binary.statementsOf(fn) ?? [];
      seen += statements.length;
      for (const address of statements) {
        if (!truth.has(address)) throw new Error(`${fn.name} 0x${address.toString(16)} is no statement`);
      }
      for (let address = fn.entry; address < fn.entry + fn.size; address++) {
        if (truth.has(address) !== statements.includes(address)) {
          throw new Error(`${fn.name} 0x${address.toString(16)} differs`);
        }
      }
    }
    expect(seen).toBeGreaterThan(10_000);
    binary.close();
  });

  test('lie in runs that have a line; not every such run begins with one', async () => {
    const path = await buildFixture('orders', { flags: [] });
    const truth = marked(path);
    const binary = await openGoBinary(path);
    const count = { runs: 0, beginning: 0, within: 0, without: 0 };
    for (const fn of binary.functions()) {
      if (fn.file.endsWith('.s')) continue;
      const runs = binary.linesOf(fn);
      for (const [index, { address, isStatement }] of runs.entries()) {
        const end = runs[index + 1]?.address ?? fn.entry + fn.size;
        if (isStatement) count.runs += 1;
        if (isStatement && truth.has(address)) count.beginning += 1;
        for (let at = address + 1; at < end; at++) if (truth.has(at)) count[isStatement ? 'within' : 'without'] += 1;
        if (!isStatement && truth.has(address)) count.without += 1;
      }
    }
    binary.close();
    expect(count.without).toBe(0);
    expect(count.within).toBeGreaterThan(1000);
    expect(count.beginning / count.runs).toBeGreaterThan(0.6);
    expect(count.beginning / count.runs).toBeLessThan(0.8);
  });
});

/** Addresses of the rows behind "Set prologue_end to true" in readelf's listing of the line programs. */
const endsOfPrologues = (path: string): ReadonlySet<number> => {
  const text = spawnSync('readelf', ['--debug-dump=rawline', '-W', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  }).stdout;
  const found = new Set<number>();
  let pending = false;
  let address = 0;
  for (const line of text.split('\n')) {
    const moved = /(?: to |set Address to )(0x[0-9a-f]+)/.exec(line);
    if (moved !== null && /[aA]ddress|PC/.test(line)) address = Number(moved[1]);
    if (line.includes('Set prologue_end')) pending = true;
    else if (pending && /Special opcode|Copy/.test(line)) {
      found.add(address);
      pending = false;
    }
  }
  return found;
};

test.skipIf(requirement('go').missing)('ends of prologues are those of readelf', async () => {
  const path = await buildFixture('orders', { flags: [] });
  const truth = [...endsOfPrologues(path)].sort((a, b) => a - b);
  expect(truth.length).toBeGreaterThan(1000);
  const binary = await openGoBinary(path);
  let seen = 0;
  for (const fn of binary.functions()) {
    if (fn.file.endsWith('.s')) continue;
    const own = truth.find((address) => address >= fn.entry && address < fn.entry + fn.size);
    if (own !== undefined) seen += 1;
    if (binary.prologueEndOf(fn) !== own) throw new Error(`the prologue of ${fn.name} ends elsewhere`);
  }
  expect(seen).toBeGreaterThan(1000);
  binary.close();
});
