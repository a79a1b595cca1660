/** Names as real programs spell them, taken apart by hand. */
import { describe, expect, it } from 'vitest';
import { functionNameParts } from '../src/index.js';
import { openStored } from './binaries.js';

type Expected = readonly [
  pkg: string,
  receiver: string | undefined,
  base: string,
  args?: string | undefined,
  piece?: string,
];

const cases: Readonly<Record<string, Expected>> = {
  'main.main': ['main', undefined, 'main'],
  'main.init.0': ['main', undefined, 'init.0'],
  'main.(*Book).Match': ['main', '*Book', 'Match'],
  'main.Book.Match': ['main', 'Book', 'Match'],
  'main.Book.Match-fm': ['main', 'Book', 'Match', undefined, '-fm'],
  'main.main.func1': ['main', undefined, 'main', undefined, '.func1'],
  'main.main.func2.1': ['main', undefined, 'main', undefined, '.func2.1'],
  'main.main.gowrap1': ['main', undefined, 'main', undefined, '.gowrap1'],
  'main.walk.deferwrap2': ['main', undefined, 'walk', undefined, '.deferwrap2'],
  'main.walk·dwrap·1': ['main', undefined, 'walk', undefined, '·dwrap·1'],
  'main.each-range1': ['main', undefined, 'each', undefined, '-range1'],
  'main.each.func1-range2': ['main', undefined, 'each', undefined, '.func1-range2'],
  'main.glob..func1': ['main', undefined, 'glob.', undefined, '.func1'],
  'main.Map[go.shape.int]': ['main', undefined, 'Map', 'go.shape.int'],
  'main.Map[...]': ['main', undefined, 'Map', '...'],
  'main.Map[go.shape.int].func1': ['main', undefined, 'Map', 'go.shape.int', '.func1'],
  'main.(*Box[go.shape.int]).Get': ['main', '*Box', 'Get', 'go.shape.int'],
  'sync/atomic.(*Pointer[go.shape.struct { a/b.x int }]).Load': [
    'sync/atomic',
    '*Pointer',
    'Load',
    'go.shape.struct { a/b.x int }',
  ],
  'gopkg.in/yaml%2ev3.(*parser).parse': ['gopkg.in/yaml%2ev3', '*parser', 'parse'],
  'example.com/m.v2/orders.price': ['example.com/m.v2/orders', undefined, 'price'],
  'main.(*reader).Read.func1': ['main', '*reader', 'Read', undefined, '.func1'],
  _cgo_panic: ['', undefined, '_cgo_panic'],
};

describe('functionNameParts', () => {
  it.each(Object.entries(cases))('%s', (name, [pkg, receiver, base, typeArguments, piece]) => {
    const parts = functionNameParts(name);
    const shown = parts.receiver === undefined ? undefined : `${parts.pointerReceiver ? '*' : ''}${parts.receiver}`;
    expect([parts.package, shown, parts.base, parts.typeArguments, parts.piece]).toEqual([
      pkg,
      receiver,
      base,
      typeArguments,
      piece,
    ]);
    expect(parts.source + (parts.piece ?? '')).toBe(name);
  });

  it('finds the function that each closure of a real program belongs to', () => {
    const binary = openStored('debug-1.26.8');
    const sources = [...binary.functions()].flatMap(({ name }) => {
      const { piece, source, package: path } = functionNameParts(name);
      return piece === undefined || path !== 'main' ? [] : [source];
    });
    expect([...new Set(sources)].sort()).toEqual(['main.main', 'main.walk']);
  });
});
