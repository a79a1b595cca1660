/** Programs that are built, changed, replaced and built again while their sources are open. */
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CancellationTokenSource,
  CodeLensRequest,
  DidOpenTextDocumentNotification,
  LSPErrorCodes,
} from 'vscode-languageserver/node';
import { requirement } from '../../../test/requirements.js';
import { Editor, temporaryDirectory } from './editor.js';

const env = { GOFLAGS: '-mod=mod', GOWORK: 'off' };

describe.skipIf(requirement('go').missing)('a workspace', () => {
  let folder: string;
  let editor: Editor | undefined;
  beforeEach(() => {
    folder = temporaryDirectory();
  });
  afterEach(async () => {
    await editor?.destroy();
    editor = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const put = (path: string, text: string): string => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    // Older than any build that follows, whatever the clock's resolution.
    utimesSync(file, 1e9, 1e9);
    return file;
  };
  const build = (at: string, ...args: string[]) => execa('go', ['build', ...args], { cwd: join(folder, at), env });
  const open = async (initializationOptions?: unknown): Promise<Editor> => {
    editor = await Editor.start({ folder, controlDirectory: join(folder, 'run'), initializationOptions });
    return editor;
  };
  const codes = (uri: string): readonly unknown[] => (editor?.diagnostics.get(uri) ?? []).map(({ code }) => code);

  const small = 'package main\n\n//go:noinline\nfunc a() {}\n\nfunc main() { a() }\n';

  test('a main package outside of any module is not seen through a program that lies in one', async () => {
    put('inside/go.mod', 'module example.com/inside\n\ngo 1.20\n');
    put('inside/main.go', small);
    // A program that was made from files has a package "command-line-arguments", which any main could be.
    await build('inside', '-o', 'program', 'main.go');
    const inside = join(folder, 'inside/main.go');
    const outside = put('outside/main.go', small);
    const client = await open();
    const own = await client.open(inside);
    await expect.poll(async () => (await client.lensTexts(own)).length, { timeout: 30_000 }).toBeGreaterThan(0);
    expect(await client.lensTexts(await client.open(outside))).toEqual([]);
  });

  test('without a binary says so once, and sees the one that is built then', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put('main.go', small);
    const client = await open();
    const uri = await client.open(file);
    expect(await client.lensTexts(uri)).toEqual([]);
    await client.until(() => codes(uri).length > 0);
    expect(codes(uri)).toEqual(['no-binary']);
    await build('.', '-o', 'small', '.');
    await client.until(async () => (await client.lensTexts(uri)).includes('4: probe this function'));
    await client.until(() => !codes(uri).includes('no-binary'));
  });

  test('shows a stale binary as stale, matches by name, and hides what depends on lines', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const text =
      'package main\n\nvar n = 5\n\n//go:noinline\nfunc a() { println(b(n)) }\n\nfunc main() { a() }\n\nfunc b(x int) int { return x * n }\n';
    const file = put('main.go', text);
    await build('.', '-o', 'small', '.');
    const client = await open();
    const uri = await client.open(file);
    expect(await client.hints(uri)).toEqual(['6:20 inlined']);
    const edited = text.replace(
      'package main\n',
      'package main\n\n// One line more, and one function that is not built.\nfunc c() {}\n',
    );
    await client.change(uri, [{ text: edited }]);
    expect(await client.hints(uri)).toEqual([]);
    expect(await client.lensTexts(uri)).toEqual([
      '4: not in the binary',
      '9: probe this function',
      '11: probe this function',
      '13: inlined into 1 caller: probe all copies',
    ]);
    writeFileSync(file, edited);
    await client.saved(uri);
    await client.until(() => codes(uri).includes('stale-binary'));
    expect((await client.lensTexts(uri))[1]).toBe('9: probe this function (binary is older than this file)');
    utimesSync(file, 1e9, 1e9);
    await build('.', '-o', 'small', '.');
    await client.until(async () => (await client.lensTexts(uri))[1] === '9: probe this function');
    expect(await client.hints(uri)).toEqual(['9:20 inlined']);
  });

  test('survives a binary that is overwritten by nonsense, and sees the next build', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put('main.go', small);
    await build('.', '-o', 'small', '.');
    const client = await open({ binary: 'small' });
    const uri = await client.open(file);
    expect(await client.lensTexts(uri)).toContain('4: probe this function');
    const whole = readFileSync(join(folder, 'small'));
    writeFileSync(join(folder, 'next'), whole.subarray(0, whole.length / 2), { mode: 0o755 });
    renameSync(join(folder, 'next'), join(folder, 'small'));
    await client.until(() => codes(uri).includes('unreadable-binary'));
    expect(await client.lensTexts(uri)).toEqual([]);
    writeFileSync(join(folder, 'next'), whole, { mode: 0o755 });
    renameSync(join(folder, 'next'), join(folder, 'small'));
    await client.until(async () => (await client.lensTexts(uri)).includes('4: probe this function'));
  });

  test('of several programs takes the one that holds the file', async () => {
    put('go.mod', 'module example.com/many\n\ngo 1.20\n');
    const one = put('cmd/one/main.go', 'package main\n\nimport "example.com/many/one"\n\nfunc main() { one.F() }\n');
    const two = put('cmd/two/main.go', 'package main\n\nimport "example.com/many/two"\n\nfunc main() { two.F() }\n');
    const libraryOne = put('one/one.go', 'package one\n\n//go:noinline\nfunc F() {}\n');
    const libraryTwo = put('two/two.go', 'package two\n\n//go:noinline\nfunc F() {}\n');
    const unused = put('three/three.go', 'package three\n\nfunc G() {}\n');
    await build('.', '-o', 'bin/', './cmd/...');
    const client = await open();
    for (const file of [one, two])
      expect(await client.lensTexts(await client.open(file))).toEqual(['5: probe this function']);
    for (const file of [libraryOne, libraryTwo]) {
      expect(await client.lensTexts(await client.open(file))).toEqual(['4: probe this function']);
    }
    const [lens] = await client.lensTexts(await client.open(unused));
    expect(lens).toMatch(/^1: nothing of this file is in (one|two)$/);
  });

  test('knows -trimpath, generics, init functions, methods of both kinds and test programs', async () => {
    put('go.mod', 'module example.com/kinds.v2\n\ngo 1.20\n');
    const source = [
      'package main',
      'type box[T any] struct{ v T }',
      '//go:noinline',
      'func (b *box[T]) get() T { return b.v }',
      '//go:noinline',
      'func pick[T any](x T) T { return x }',
      'func init() { println("first") }',
      'func init() { println("second") }',
      'type value int',
      '//go:noinline',
      'func (v value) twice() value { return v * 2 }',
      'func main() {',
      '  println(pick(1), pick("a"), (&box[int]{1}).get(), value(2).twice())',
      '}',
    ];
    const file = put('main.go', `${source.join('\n')}\n`);
    const testFile = put(
      'main_test.go',
      'package main\n\nimport "testing"\n\nfunc TestPick(t *testing.T) { _ = pick(2.5) }\n',
    );
    put('a.go', 'package main\n\nfunc init() { println("zeroth") }\n');
    await build('.', '-trimpath', '-o', 'kinds', '.');
    const client = await open();
    const uri = await client.open(file);
    const everything = ['4', '6', '7', '8', '11', '12'].map((line) => `${line}: probe this function`);
    expect(await client.lensTexts(uri)).toEqual(everything);
    const arguments_ = (await client.lenses(uri)).map((lens) => lens.command?.arguments?.[0].names);
    expect(arguments_).toEqual([
      ['main.(*box[go.shape.int]).get'],
      ['main.pick[go.shape.int]', 'main.pick[go.shape.string]'],
      ['main.init.1'],
      ['main.init.2'],
      ['main.value.twice'],
      ['main.main'],
    ]);
    const testUri = await client.open(testFile);
    expect(await client.lensTexts(testUri)).toEqual(['1: nothing of this file is in kinds']);
    await execa('go', ['test', '-c', '-o', 'kinds.test', '.'], { cwd: folder, env });
    await client.until(async () => (await client.lensTexts(testUri)).includes('5: probe this function'));
    const [lens] = await client.lenses(testUri);
    expect(lens?.command?.arguments?.[0].names).toEqual(['example.com/kinds%2ev2.TestPick']);
    expect(await client.lensTexts(uri)).toEqual(everything);
  });

  test('offers closures where the lines say which one is meant', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const source = [
      'package main',
      '',
      '//go:noinline',
      'func each(n int, f func(int)) {',
      '\tfor i := 0; i < n; i++ {',
      '\t\tf(i)',
      '\t}',
      '}',
      '',
      'func main() {',
      '\ttotal := 0',
      '\teach(3, func(i int) {',
      '\t\ttotal += i',
      '\t})',
      '\teach(2, func(i int) { total -= i }); each(1, func(i int) { total *= i })',
      '\tprintln(total)',
      '}',
    ];
    const file = put('main.go', `${source.join('\n')}\n`);
    await build('.', '-o', 'small', '.');
    const client = await open();
    const uri = await client.open(file);
    const titles = async (line: number) => (await client.actions(uri, line, 30)).map(({ title }) => title);
    expect(await titles(13)).toEqual(['Probe the closure main.main.func1', 'Probe main']);
    // Two closures begin on this line.
    expect(await titles(15)).toEqual(['Probe main']);
    expect(await titles(6)).toEqual(['Probe each']);
    await client.change(uri, [{ text: `\n${source.join('\n')}\n` }]);
    expect(await titles(14)).toEqual(['Probe main']);
  });

  test('sees vendored packages and modules that are replaced by a directory', async () => {
    put(
      'app/go.mod',
      'module example.com/app\n\ngo 1.20\n\nrequire example.com/lib v0.0.0\nreplace example.com/lib => ../lib\n',
    );
    put('app/main.go', 'package main\n\nimport "example.com/lib"\n\nfunc main() { lib.F() }\n');
    put('lib/go.mod', 'module example.com/lib\n\ngo 1.20\n');
    const library = put('lib/lib.go', 'package lib\n\n//go:noinline\nfunc F() {}\n');
    await build('app', '-o', 'app', '.');
    const client = await open({ binary: 'app/app' });
    expect(await client.lensTexts(await client.open(library))).toEqual(['4: probe this function']);
    await execa('go', ['mod', 'vendor'], { cwd: join(folder, 'app'), env: { GOWORK: 'off', GOFLAGS: '' } });
    await execa('go', ['build', '-mod=vendor', '-o', 'app', '.'], {
      cwd: join(folder, 'app'),
      env: { GOWORK: 'off', GOFLAGS: '' },
    });
    const vendored = join(folder, 'app/vendor/example.com/lib/lib.go');
    expect(await client.lensTexts(await client.open(vendored))).toEqual(['4: probe this function']);
  });

  test('sees a library of a go.work workspace through the program of another module, which nobody has opened', async () => {
    put('go.work', 'go 1.20\n\nuse (\n\t./app // the program\n\t"./lib"\n)\n');
    put('app/go.mod', 'module example.com/app\n\ngo 1.20\n');
    put('app/main.go', 'package main\n\nimport "example.com/lib"\n\nfunc main() { lib.F() }\n');
    put('lib/go.mod', 'module example.com/lib\n\ngo 1.20\n');
    const library = put('lib/lib.go', 'package lib\n\n//go:noinline\nfunc F() {}\n');
    await execa('go', ['build', '-o', 'app', '.'], { cwd: join(folder, 'app'), env: { GOWORK: '', GOFLAGS: '' } });
    const client = await open();
    const uri = await client.open(library);
    expect(await client.lensTexts(uri)).toEqual(['4: probe this function']);
  });

  test('says of a file in no module that its program is not looked for', async () => {
    const file = put('main.go', small);
    const client = await open();
    const uri = await client.open(file);
    await client.until(() => codes(uri).length > 0);
    expect(client.diagnostics.get(uri)?.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^This file is in no module .* name it in the setting probelens\.binary\.$/),
    ]);
  });

  test('hover says where the function is, with commands that name the same place', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put(
      'main.go',
      'package main\n\n//go:noinline\nfunc add(a, b int) int {\n\tprintln(a)\n\treturn a + b\n}\n\nfunc main() { println(add(1, 2), half(3)) }\n\n//go:noinline\nfunc half(x float64) float64 { return x / 2 }\n',
    );
    await build('.', '-o', 'small', '.');
    const nm = await execa('go', ['tool', 'nm', '-size', 'small'], { cwd: folder });
    const [, address, size] = /^\s*([0-9a-f]+)\s+(\d+) T main\.add$/m.exec(nm.stdout) ?? [];
    const client = await open();
    const uri = await client.open(file);
    const text = (await client.hover(uri, 4, 6)) ?? '';
    expect(text).toContain(`\`main.add\` at \`0x${address}\``);
    expect(text).toContain('Arguments at entry: `a int` in `rax`, `b int` in `rbx`');
    expect(text).toContain(`sudo bpftrace -e 'uprobe:${join(folder, 'small')}:0x${address} {`);
    const bytes = Number(/([\d,]+) bytes/.exec(text)?.[1]);
    // nm counts the padding up to the next function, of 32 bytes at most.
    expect(Number(size) - bytes).toBeGreaterThanOrEqual(0);
    expect(Number(size) - bytes).toBeLessThan(32);
    expect(await client.hover(uri, 1, 2)).toBeUndefined();
    expect(text).not.toContain('In a log of it');
    expect(await client.hover(uri, 12, 6)).toMatch(/In a log of it: x: shown as "\?"\. x .* is in xmm0/);
    // A uprobe's offset is that of the instruction in the file: the bytes there are the function's first.
    const offset = Number(/file offset `(0x[0-9a-f]+)`/.exec(text)?.[1]);
    const dump = await execa('go', ['tool', 'objdump', '-s', '^main\\.add$', 'small'], { cwd: folder });
    const first = /0x[0-9a-f]+\s+([0-9a-f]+)\s/.exec(dump.stdout.slice(dump.stdout.indexOf('\n')))?.[1] ?? '';
    expect(
      readFileSync(join(folder, 'small'))
        .subarray(offset, offset + first.length / 2)
        .toString('hex'),
    ).toBe(first);
  });

  test.each([
    ['utf-8', 11],
    ['utf-16', 9],
    ['utf-32', 8],
  ])('columns count %s when the client offers nothing else', async (units, column) => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put('main.go', 'package main\n\n/* \u{1f600} */ func main() {}\n');
    await build('.', '-o', 'small', '.');
    const general = { positionEncodings: [units] };
    const client = await Editor.start({ folder, controlDirectory: join(folder, 'run'), capabilities: { general } });
    editor = client;
    expect(client.initialized.capabilities.positionEncoding).toBe(units);
    const uri = await client.open(file);
    const [lens] = await client.lenses(uri);
    // After the comment, its space and "func ": where `main` begins.
    const start = column + 'func '.length;
    expect(lens?.range).toEqual({ start: { line: 2, character: start }, end: { line: 2, character: start + 4 } });
    await client.change(uri, [
      { range: { start: { line: 2, character: 0 }, end: { line: 2, character: start - 'func '.length } }, text: '' },
    ]);
    const [moved] = await client.lenses(uri);
    expect(moved?.range.start).toEqual({ line: 2, character: 5 });
  });

  test('a request that nobody waits for any more is given up', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put('main.go', small);
    await build('.', '-o', 'small', '.');
    const client = await open();
    const uri = await client.open(file);
    const cancel = new CancellationTokenSource();
    const asked = client.connection.sendRequest(CodeLensRequest.type, { textDocument: { uri } }, cancel.token);
    cancel.cancel();
    await expect(asked).rejects.toMatchObject({ code: LSPErrorCodes.RequestCancelled });
    expect(await client.lensTexts(uri)).toContain('4: probe this function');
  });

  test('files of other languages and buffers that are no files are passed over', async () => {
    const client = await open();
    await client.connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri: 'untitled:Untitled-1', languageId: 'go', version: 1, text: small },
    });
    await client.connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri: 'file:///x/readme.md', languageId: 'markdown', version: 1, text: '# x' },
    });
    expect(await client.lensTexts('untitled:Untitled-1')).toEqual([]);
    expect(await client.lensTexts('file:///x/readme.md')).toEqual([]);
    expect(await client.lensTexts('file:///never/opened.go')).toEqual([]);
  });

  test('a setting that names no program is said, and others that make no sense keep their defaults', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put('main.go', small);
    const client = await open({ binary: 'nothing', codeLens: 'yes', diagnostics: { staleBinary: 'loud' } });
    const uri = await client.open(file);
    await client.until(() => codes(uri).includes('unreadable-binary'));
    expect(client.diagnostics.get(uri)?.[0]?.message).toContain(`${basename(folder)}/nothing does not exist`);
    expect(client.messages).toEqual([
      'The setting probelens.codeLens must be true or false; its default is used.',
      'The setting probelens.diagnostics.staleBinary must be off, hint, information, warning, error; its default is used.',
    ]);
  });

  test('a package clause that is edited makes other functions of the same declarations', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put('main.go', small);
    await build('.', '-o', 'small', '.');
    const client = await open();
    const uri = await client.open(file);
    expect(await client.lensTexts(uri)).toContain('4: probe this function');
    const clause = { start: { line: 0, character: 8 }, end: { line: 0, character: 12 } };
    await client.change(uri, [{ range: clause, text: 'book' }]);
    expect(await client.lensTexts(uri)).toEqual(['1: nothing of this file is in small']);
    await client.change(uri, [{ range: clause, text: 'main' }]);
    expect(await client.lensTexts(uri)).toContain('4: probe this function');
  });

  test('a folder that is deleted leaves the server answering', async () => {
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
    const file = put('main.go', small);
    await build('.', '-o', 'small', '.');
    const client = await open();
    const uri = await client.open(file);
    expect(await client.lensTexts(uri)).toContain('4: probe this function');
    cpSync(folder, `${folder}-kept`, { recursive: true });
    rmSync(folder, { recursive: true });
    await client.change(uri, [{ text: `${small}\n` }]);
    expect(await client.lensTexts(uri)).toEqual([]);
    renameSync(`${folder}-kept`, folder);
  });
});
