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
});
