/** What the flags of long-lived programs do to the heap of this very version of node. */
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { bundle } from '../../bpf/test/bundle.js';

/** Megabytes of the young generation after a storm of objects that live for a while. */
const youngAfterStorm = async (first: string): Promise<number> => {
  const script = `${first}
    import { getHeapSpaceStatistics } from 'node:v8';
    let kept = [];
    for (let round = 0; round < 4_000; round++) {
      kept.push(Array.from({ length: 500 }, (_, number) => ({ round, number })));
      if (kept.length > 40) kept = kept.slice(20);
    }
    console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 2 ** 20);`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', script]);
  return Number(stdout);
};

test('a small heap stays small in a storm, where node by itself makes room', async () => {
  const module = await bundle(new URL('../src/small-heap.ts', import.meta.url));
  const small = await youngAfterStorm(
    `import { keepHeapSmall } from ${JSON.stringify(String(module))}; keepHeapSmall();`,
  );
  const usual = await youngAfterStorm('');
  expect(small).toBeLessThanOrEqual(4);
  expect(small).toBeLessThan(usual);
});

test('what a start has left is given back when it is asked for', async () => {
  const module = await bundle(new URL('../src/small-heap.ts', import.meta.url));
  const script = `
    import { collectGarbage } from ${JSON.stringify(String(module))};
    let left = Array.from({ length: 300_000 }, (_, number) => ({ number }));
    const used = () => process.memoryUsage().heapUsed / 2 ** 20;
    const before = used();
    left = undefined;
    collectGarbage();
    console.log(before - used());`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', script]);
  expect(Number(stdout)).toBeGreaterThan(5);
});
