import { goParser } from '@probelens/probes';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Parser } from 'web-tree-sitter';
import { symbolOf } from '../src/module/symbol-name.js';
import { displayName, readSource, type SourceFile } from '../src/source/functions.js';
import { GoDocument } from '../src/source/go-document.js';

let parser: Parser;
beforeAll(async () => {
  parser = await goParser();
});

const read = (text: string): SourceFile => {
  const document = new GoDocument('file:///x.go', 1, text, parser, 'utf-16');
  const source = readSource(document);
  document.close();
  return source;
};
const symbols = (text: string): readonly (string | undefined)[] =>
  read(text).functions.map((declaration) => symbolOf('p', declaration));

describe('declarations and their symbols', () => {
  test.each([
    ['func f() {}', 'p.f'],
    ['func f[T any](x T) {}', 'p.f'],
    ['func (b Book) Match() {}', 'p.Book.Match'],
    ['func (b *Book) Match() {}', 'p.(*Book).Match'],
    ['func (*Book) Match() {}', 'p.(*Book).Match'],
    ['func (b (*Book)) Match() {}', 'p.(*Book).Match'],
    ['func (b *Box[K, V]) Get() {}', 'p.(*Box).Get'],
    ['func (b Box[_]) Get() {}', 'p.Box.Get'],
    ['func assembly(x int) int', 'p.assembly'],
    ['func \u00fcber() {}', 'p.\u00fcber'],
    ['func _() {}', undefined],
    ['func init() {}', undefined],
  ])('%s is %s', (text, symbol) => {
    expect(symbols(`package p\n${text}\n`)).toEqual([symbol]);
  });

  test('init functions are counted through the file, methods of that name are not', () => {
    const { functions } = read('package p\nfunc init() {}\nfunc (T) init() {}\nfunc init() {}\n');
    expect(functions.map((declaration) => declaration.initOrdinal)).toEqual([0, undefined, 1]);
  });

  test('a person reads the name with its receiver', () => {
    const { functions } = read('package p\nfunc a() {}\nfunc (T) b() {}\nfunc (t *T) c() {}\n');
    expect(functions.map(displayName)).toEqual(['a', 'T.b', '(*T).c']);
  });
});

describe('text that is not quite Go', () => {
  test.each([
    ['an unfinished body', 'package p\nfunc a() {}\nfunc b() { if x {\nfunc c() {}\n', ['p.a']],
    ['an unfinished name', 'package p\nfunc a() {}\nfunc \nfunc c() {}\n', ['p.a']],
    ['nonsense between', 'package p\nfunc a() {}\n}}} ???\nfunc c() {}\n', ['p.a', 'p.c']],
    ['no package clause', 'func a() {}\n', ['p.a']],
  ])('%s loses nothing before it', (_, text, expected) => {
    expect(symbols(text)).toEqual(expect.arrayContaining(expected));
  });

  test('lines ended by CRLF count as lines', () => {
    const { functions } = read('package p\r\n\r\nfunc a() {\r\n}\r\nfunc b() {}\r\n');
    expect(functions.map((declaration) => declaration.nameSpan.start)).toEqual([
      { line: 2, character: 5 },
      { line: 4, character: 5 },
    ]);
  });

  test('any text at all gives an answer', () => {
    const scraps = fc.constantFrom(
      'func ',
      'a',
      '(',
      ')',
      '{',
      '}',
      '\n',
      '*T',
      '[K]',
      '"',
      '`',
      '\0',
      '\u{1f600}',
      'package p\n',
    );
    fc.assert(
      fc.property(fc.array(scraps, { maxLength: 60 }), (parts) => {
        expect(read(parts.join(''))).toBeDefined();
      }),
    );
  });
});

describe('edits', () => {
  /** A program of pieces that may or may not be whole. */
  const piece = fc.constantFrom(
    'func a() {}\n',
    'func (b *B) m() { return }\n',
    '// \u{1f600} comment\n',
    '// alone \r and on\n',
    'func g[T any](x T) {\r\n}\r\n',
    'var x = "\u00e9"\n',
    'func {',
    '}\n',
  );

  test('leave the same tree as the whole text would, in every unit of columns', () => {
    const units = fc.constantFrom('utf-8', 'utf-16', 'utf-32') as fc.Arbitrary<'utf-8' | 'utf-16' | 'utf-32'>;
    // What was read of the tree before may be used for the next one, and only for that.
    const edit = fc.record({
      from: fc.nat(200),
      length: fc.nat(30),
      text: piece,
      after: fc.constantFrom('read', 'parse', 'wait'),
    });
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(edit, { maxLength: 8 }),
        units,
        (pieces, edits, unit) => {
          let expected = `package p\n${pieces.join('')}`;
          const document = new GoDocument('file:///x.go', 1, expected, parser, unit);
          document.syntax();
          edits.forEach(({ from, length, text, after }, index) => {
            // Between code points, as an editor's cursor is.
            const points = [...expected];
            const start = outsideOfLineEnds(expected, points.slice(0, from).join('').length);
            const end = outsideOfLineEnds(expected, points.slice(0, from + length).join('').length);
            const range = { start: placeAt(expected, start, unit), end: placeAt(expected, end, unit) };
            document.apply([{ range, text }], index + 2);
            expected = expected.slice(0, start) + text + expected.slice(end);
            expect(document.content()).toBe(expected);
            if (after === 'read') expect(readSource(document)).toEqual(read(expected));
            if (after === 'parse') document.syntax();
          });
          expect(readSource(document)).toEqual(read(expected));
          document.close();
        },
      ),
    );
  });
});

/** No editor has a cursor between \r and \n. */
const outsideOfLineEnds = (text: string, offset: number): number =>
  text[offset - 1] === '\r' && text[offset] === '\n' ? offset - 1 : offset;

/** Line and column of an offset, worked out by splitting, independently of the document. */
function placeAt(text: string, offset: number, units: 'utf-8' | 'utf-16' | 'utf-32') {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  const last = lines.at(-1) ?? '';
  const character = units === 'utf-8' ? Buffer.byteLength(last) : units === 'utf-32' ? [...last].length : last.length;
  return { line: lines.length - 1, character };
}
