/** Look-up by name: every function is found by its name, by whichever way, and names that are close are suggested. */
import { describe, expect, it } from 'vitest';
import { FunctionNames } from '../src/names.js';
import { openStored, storedBinaries } from './binaries.js';

describe.each(storedBinaries.map(({ name }) => name))('%s', (name) => {
  const binary = openStored(name);

  it('finds every function by its name', () => {
    const byName = new Map<string, number[]>();
    for (const fn of binary.functions()) byName.set(fn.name, [...(byName.get(fn.name) ?? []), fn.index]);
    for (const [index, [fn, expected]] of [...byName].entries()) {
      // A new look-up each time searches bytes; one that is asked often builds an index. Both must agree.
      if (index % 17 === 0) expect(new FunctionNames(binary.pclntab).find(fn)).toEqual(expected);
      expect(binary.names.find(fn)).toEqual(expected);
    }
  });
});

describe('names', () => {
  const binary = openStored('debug-1.26.8');

  it('of nothing are not found', () => {
    for (const name of ['', 'main', 'main.', 'ain.main', 'main.main\0', 'main.mainx', '\0']) {
      expect(new FunctionNames(binary.pclntab).find(name)).toEqual([]);
      expect(binary.functionsNamed(name)).toEqual([]);
    }
  });

  it.each([
    ['main.wolk', 'main.walk'],
    ['main.Walk', 'main.walk'],
    ['walk', 'main.walk'],
    ['main.runner.stepp', 'main.runner.step'],
    ['runner.step', 'main.runner.step'],
    ['runtime.mallogc', 'runtime.mallocgc'],
  ])('%s is close to %s', (wrong, right) => {
    expect(binary.similarNames(wrong, 3)).toContain(right);
  });

  it('far from everything suggest nothing', () => {
    expect(binary.similarNames('zzzzqqqqxxxx', 3)).toEqual([]);
    expect(binary.similarNames('main.walk', 0)).toEqual([]);
  });
});
