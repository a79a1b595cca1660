import { describe, expect, it } from 'vitest';
import type { GoType } from '../../src/api.js';
import { layoutOf } from '../../src/dwarf/layout.js';

const struct = (size: number, ...parts: readonly (readonly [offset: number, type: GoType])[]): GoType => ({
  kind: 'struct',
  name: 'struct',
  size,
  fields: parts.map(([offset, type], index) => ({ name: `f${index}`, offset, type, embedded: false })),
});
const byte: GoType = { kind: 'uint', name: 'uint8', size: 1 };
const word: GoType = { kind: 'int', name: 'int', size: 8 };

describe('the layout of values', () => {
  it('has the alignment and the parts of structs in structs', () => {
    const inner = struct(16, [0, byte], [8, { kind: 'float', name: 'float64', size: 8 }]);
    expect(layoutOf(struct(24, [0, byte], [8, inner]), 8)).toEqual({
      alignment: 8,
      components: [
        { offset: 0, size: 1, class: 'integer' },
        { offset: 8, size: 1, class: 'integer' },
        { offset: 16, size: 8, class: 'float' },
      ],
      livesInRegisters: true,
    });
  });

  it('knows what the compiler does not take apart', () => {
    const five = struct(5, ...[0, 1, 2, 3, 4].map((offset) => [offset, byte] as const));
    expect(layoutOf(five, 8)).toMatchObject({ livesInRegisters: false, components: { length: 5 } });
    const pair: GoType = { kind: 'array', name: '[2]uint8', size: 2, count: 2, element: () => byte };
    expect(layoutOf(pair, 8)).toEqual({ alignment: 1, components: undefined, livesInRegisters: false });
  });

  it('splits 64-bit integers on 32-bit machines', () => {
    const long: GoType = { kind: 'int', name: 'int64', size: 8 };
    expect(layoutOf(long, 4)).toMatchObject({ alignment: 4, components: [{ offset: 0 }, { offset: 4 }] });
  });

  it('comes to an end for values that only a damaged file has', () => {
    const endless: GoType = { kind: 'array', name: '[1]?', size: 8, count: 1, element: () => endless };
    expect(layoutOf(endless, 8).components).toBeUndefined();
    let doubling: GoType = struct(0);
    for (let depth = 0; depth < 60; depth += 1) doubling = struct(0, [0, doubling], [0, doubling]);
    expect(layoutOf(doubling, 8)).toMatchObject({ alignment: 1, components: [] });
    let wide: GoType = word;
    for (let depth = 0; depth < 60; depth += 1) wide = struct(8, [0, wide], [8, wide]);
    expect(layoutOf(wide, 8).components).toBeUndefined();
    expect(layoutOf({ kind: 'int', name: 'int', size: 2 ** 40 }, 8).components).toBeUndefined();
  });
});
