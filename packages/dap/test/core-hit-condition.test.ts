import { describe, expect, it } from 'vitest';
import { holds, parseHitCondition } from '../src/core/hit-condition.js';

describe('hit conditions', () => {
  /** Which of the first six hits stop (pkg/proc/breakpoints.go, checkHitCond); undefined: Delve is to say what it thinks. */
  it.each<[string, readonly number[] | undefined]>([
    ['3', [3]],
    ['== 3', [3]],
    ['!= 3', [1, 2, 4, 5, 6]],
    ['> 4', [5, 6]],
    ['>=4', [4, 5, 6]],
    ['< 3', [1, 2]],
    ['<= 3', [1, 2, 3]],
    ['% 2', [2, 4, 6]],
    ['> 0', [1, 2, 3, 4, 5, 6]],
    ['% 0', undefined],
    ['< 1', undefined],
    ['== 0', undefined],
    ['<= 0', undefined],
    ['abc', undefined],
    ['= 3', undefined],
    [' % 2 ', [2, 4, 6]],
    ['%  2', undefined],
    ['>\t2', undefined],
    ['3 %', undefined],
    ['99999999999', undefined],
  ])('%s', (text, stops) => {
    const condition = parseHitCondition(text);
    const counts = [1, 2, 3, 4, 5, 6];
    expect(condition === undefined ? undefined : counts.filter((count) => holds(condition, count))).toEqual(stops);
  });
});
