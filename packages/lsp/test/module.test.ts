import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageOfFile, parseModulePath } from '../src/module/go-module.js';
import { parseUses } from '../src/module/go-work.js';
import { packagePrefixes } from '../src/module/package-prefix.js';
import { escapeImportPath, withoutTypeArguments } from '../src/module/symbol-name.js';

describe('go.mod', () => {
  test.each([
    ['module example.com/orders\n\ngo 1.20\n', 'example.com/orders'],
    ['// a comment\nmodule "example.com/quoted" // here\n', 'example.com/quoted'],
    ['module `example.com/raw`', 'example.com/raw'],
    ['module (\n\texample.com/block\n)\n', 'example.com/block'],
    ['go 1.20\r\nmodule example.com/crlf\r\n', 'example.com/crlf'],
    ['// module example.com/no\n', undefined],
    ['', undefined],
  ])('%j names %s', (text, path) => {
    expect(parseModulePath(text)).toBe(path);
  });
});

describe('the package of a file', () => {
  let root: string;
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'module-'));
    put('m/go.mod', 'module example.com/m\n');
    put('m/inner/go.mod', 'module example.com/m/inner\n');
    put('std/src/go.mod', 'module std\n');
    put('m/broken/go.mod/file', 'a directory of that name\n');
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test.each([
    ['m/main.go', 'example.com/m'],
    ['m/a/b/c.go', 'example.com/m/a/b'],
    ['m/inner/x/y.go', 'example.com/m/inner/x'],
    ['m/vendor/gopkg.in/yaml.v3/decode.go', 'gopkg.in/yaml.v3'],
    ['m/broken/z.go', 'example.com/m/broken'],
    ['std/src/net/http/server.go', 'net/http'],
    ['pkg/mod/github.com/!burnt!sushi/toml@v0.3.1/internal/x.go', 'github.com/BurntSushi/toml/internal'],
    ['nothing/main.go', undefined],
  ])('%s is in %s', (file, importPath) => {
    expect(packageOfFile(join(root, file)).importPath).toBe(importPath);
  });

  test('the spelling of -trimpath is the import path and the file', () => {
    expect(packageOfFile(join(root, 'm/a/b.go')).trimmedFile).toBe('example.com/m/a/b.go');
  });
});

describe('names begin with', () => {
  const orders = 'example.com/orders';
  test.each([
    ['main of its program', { name: 'main', importPath: orders }, orders, ['main']],
    ['main of another program', { name: 'main', importPath: orders }, 'example.com/other', []],
    ['main given as files', { name: 'main', importPath: orders }, 'command-line-arguments', ['main']],
    ['main without build info', { name: 'main', importPath: undefined }, undefined, ['main']],
    ['main in a test program', { name: 'main', importPath: orders }, `${orders}.test`, [orders]],
    ['a package', { name: 'book', importPath: `${orders}/book` }, orders, [`${orders}/book`]],
    ['an external test', { name: 'book_test', importPath: `${orders}/book` }, orders, [`${orders}/book_test`]],
    ['a dotted package', { name: 'yaml', importPath: 'gopkg.in/yaml.v3' }, orders, ['gopkg.in/yaml%2ev3']],
    ['a package outside of modules', { name: 'x', importPath: undefined }, orders, []],
  ])('%s', (name, clause, mainPackage, prefixes) => {
    const isTest = name.includes('test program');
    expect(packagePrefixes(clause, { mainPackage, isTest })).toEqual(prefixes);
  });
});

describe('symbol names', () => {
  test('the modules of go.work are those behind `use`, in any of its forms', () => {
    const text =
      'go 1.20\r\nuse ./one // here\r\nuse (\n\t"./two words"\n\n\t`../three`\n)\nreplace a => ./no\nuse(\n/four\n)\n';
    expect(parseUses(text)).toEqual(['./one', './two words', '../three', '/four']);
  });

  test.each([
    ['main.price', 'main.price'],
    ['main.(*Box[go.shape.int]).Get', 'main.(*Box).Get'],
    ['main.Map[go.shape.map[string][]int,go.shape.struct { X [4]int }]', 'main.Map'],
    ['main.Map[go.shape.int].func1', 'main.Map.func1'],
    ['main.Old[...]', 'main.Old'],
  ])('%s without type arguments is %s', (name, plain) => {
    expect(withoutTypeArguments(name)).toBe(plain);
  });

  test.each([
    ['example.com/a.b/c', 'example.com/a.b/c'],
    ['gopkg.in/yaml.v3', 'gopkg.in/yaml%2ev3'],
    ['example.com/sp ace/"q"', 'example.com/sp%20ace/%22q%22'],
    ['example.com/w\u00f6rt', 'example.com/w%c3%b6rt'],
  ])('%s is escaped as %s', (path, escaped) => {
    expect(escapeImportPath(path)).toBe(escaped);
  });
});
