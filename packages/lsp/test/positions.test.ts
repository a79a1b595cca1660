import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseUnits, columnFromClient, columnToClient } from '../src/source/positions.js';

describe('the units of columns', () => {
  test.each([
    [undefined, 'utf-16'],
    [[], 'utf-16'],
    [['utf-8', 'utf-16'], 'utf-16'],
    [['utf-8'], 'utf-8'],
    [['utf-32', 'utf-8'], 'utf-32'],
    [['utf-7'], 'utf-16'],
  ])('offered %j, %s is taken', (offered, taken) => {
    expect(chooseUnits(offered)).toBe(taken);
  });

  const line = 'a\u00e9\u4e16\u{1f600}z';
  test.each([
    ['utf-8', [0, 1, 3, 6, 10, 11]],
    ['utf-16', [0, 1, 2, 3, 5, 6]],
    ['utf-32', [0, 1, 2, 3, 4, 5]],
  ] as const)('count %s from the start of the line', (units, columns) => {
    const starts = [0, 1, 2, 3, 5, 6];
    expect(starts.map((column) => columnToClient(line, column, units))).toEqual(columns);
    expect(columns.map((column) => columnFromClient(line, column, units))).toEqual(starts);
  });

  test('agree with Buffer and with code points for any text, both ways', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.nat(), (parts, pick) => {
        const text = parts.join('');
        const points = [...text];
        const before = points.slice(0, points.length === 0 ? 0 : pick % (points.length + 1)).join('');
        expect(columnToClient(text, before.length, 'utf-8')).toBe(Buffer.byteLength(before));
        expect(columnToClient(text, before.length, 'utf-32')).toBe([...before].length);
        expect(columnFromClient(text, Buffer.byteLength(before), 'utf-8')).toBe(before.length);
        expect(columnFromClient(text, [...before].length, 'utf-32')).toBe(before.length);
      }),
    );
  });

  test('a column beyond the end is the end', () => {
    for (const units of ['utf-8', 'utf-16', 'utf-32'] as const) expect(columnFromClient(line, 99, units)).toBe(6);
  });
});
