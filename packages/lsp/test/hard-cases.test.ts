/** Files and programs that are large, broken, or change at the wrong moment: right, or a clear message, never a wrong lens. */
import { copyFileSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { Editor, temporaryDirectory } from './editor.js';

const env = { GOFLAGS: '-mod=mod', GOWORK: 'off' };

describe.skipIf(requirement('go').missing)('the lenses of', () => {
  let folder: string;
  let built: string;
  let editor: Editor | undefined;
  const pair = 'package main\n\n//go:noinline\nfunc a() {}\n\n//go:noinline\nfunc b() {}\n\nfunc main() { a(); b() }\n';
  /** Programs of `pair`, and of the same that does not call `b`: built once, copied to where a test wants them. */
  beforeAll(async () => {
    built = temporaryDirectory();
    writeFileSync(join(built, 'go.mod'), 'module example.com/small\n\ngo 1.20\n');
    for (const [name, text] of Object.entries({ both: pair, one: pair.replace('a(); b()', 'a()') })) {
      writeFileSync(join(built, 'main.go'), text);
      await execa('go', ['build', '-o', name, '.'], { cwd: built, env });
    }
  });
  const install = (program: 'both' | 'one', as = 'small'): void => copyFileSync(join(built, program), join(folder, as));
  beforeEach(() => {
    folder = temporaryDirectory();
    put('go.mod', 'module example.com/small\n\ngo 1.20\n');
  });
  afterEach(async () => {
    await editor?.destroy();
    editor = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const put = (path: string, text: string | Uint8Array): string => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    // Older than any build that follows, whatever the clock's resolution.
    utimesSync(file, 1e9, 1e9);
    return file;
  };
  const build = (name: string) => execa('go', ['build', '-o', name, '.'], { cwd: folder, env });
  const open = async (initializationOptions?: unknown): Promise<Editor> => {
    editor = await Editor.start({ folder, controlDirectory: join(folder, 'run'), initializationOptions });
    return editor;
  };
  const codes = (uri: string): readonly unknown[] => (editor?.diagnostics.get(uri) ?? []).map(({ code }) => code);

  test('a file that is edited while its program is read follow every edit', async () => {
    const file = put('main.go', pair);
    install('both');
    const client = await open();
    const uri = await client.open(file);
    const start = { line: 2, character: 0 };
    const answers = Array.from({ length: 20 }, async (_, index) => {
      await client.change(uri, [{ range: { start, end: start }, text: '\n' }]);
      // What was asked before an edit may be answered from the text behind it, as the protocol has it.
      return { lines: index + 1, texts: await client.lensTexts(uri) };
    });
    for (const { lines, texts } of await Promise.all(answers)) {
      const [first = ''] = texts;
      const line = Number(first.split(':')[0]);
      expect(line - 4).toBeGreaterThanOrEqual(lines);
      expect(texts).toEqual([line, line + 3, line + 5].map((at) => `${at}: probe this function`));
    }
    expect(await client.lensTexts(uri)).toEqual([24, 27, 29].map((at) => `${at}: probe this function`));
  });

  test('a program that is replaced again and again while it is asked are those of one of its builds', async () => {
    const file = put('main.go', pair);
    install('both');
    const client = await open({ binary: 'small' });
    const uri = await client.open(file);
    const both = [4, 7, 9].map((at) => `${at}: probe this function`);
    const one = both.with(1, '7: not in the binary');
    for (let round = 0; round < 12; round++) {
      const asked = [client.lensTexts(uri), client.lensTexts(uri)];
      install(round % 2 === 0 ? 'one' : 'both', 'next');
      renameSync(join(folder, 'next'), join(folder, 'small'));
      asked.push(client.lensTexts(uri));
      // Empty: the build was gone twice while it was asked; the next change tells.
      for (const texts of await Promise.all(asked)) expect([both, one, []]).toContainEqual(texts);
    }
    await client.until(async () => (await client.lensTexts(uri)).join() === both.join());
  });

  test('a program that is written into while it is read are its own, or there is a message', async () => {
    const file = put('main.go', pair);
    install('both');
    const client = await open({ binary: 'small' });
    const uri = await client.open(file);
    const asked = client.lensTexts(uri);
    // In place, without a new inode: as a tool does that truncates and writes.
    writeFileSync(join(folder, 'small'), new Uint8Array(4096), { mode: 0o755 });
    const texts = await asked;
    expect(texts.length === 0 || texts.includes('4: probe this function')).toBe(true);
    await client.until(() => codes(uri).includes('unreadable-binary'));
    install('both');
    await client.until(async () => (await client.lensTexts(uri)).includes('4: probe this function'));
  });

  test('5,000 functions in 20,000 lines are each on its line, also after an edit', async () => {
    const count = 5_000;
    const bodies = Array.from(
      { length: count },
      (_, index) => `//go:noinline\nfunc f${index}(a int) int { return a * ${index} }\n\n`,
    );
    const all = Array.from({ length: count }, (_, index) => `f${index}`).join(', ');
    const text = `package main\n\nvar all = []func(int) int{${all}}\n\nfunc main() { println(all[len(all)-1](1)) }\n\n${bodies.join('\n')}`;
    expect(text.split('\n').length).toBeGreaterThan(20_000);
    const file = put('main.go', text);
    await build('small');
    const client = await open();
    const uri = await client.open(file);
    const expected = (shift: number): readonly string[] =>
      [5, ...Array.from({ length: count }, (_, index) => 8 + 4 * index)].map(
        (line, index) => `${line + (index > 2_500 ? shift : 0)}: probe this function`,
      );
    expect(await client.lensTexts(uri)).toEqual(expected(0));
    const place = { line: 7 + 4 * 2_500 - 1, character: 0 };
    await client.change(uri, [{ range: { start: place, end: place }, text: '// x\n// y\n' }]);
    expect(await client.lensTexts(uri)).toEqual(expected(2));
  });

  test('a file that is no Go at the moment are those that can still be told apart', async () => {
    const file = put('main.go', pair);
    install('both');
    const client = await open();
    const uri = await client.open(file);
    await client.change(uri, [{ text: pair.replace('func b() {}', 'func b( {') }]);
    for (const text of await client.lensTexts(uri)) expect(text).toMatch(/^(4|7|9): probe this function$/);
    expect(await client.lensTexts(uri)).toContain('4: probe this function');
    await client.change(uri, [{ text: '\0\u{1f600}}{)(' }]);
    expect(await client.lensTexts(uri)).toEqual([]);
    await client.change(uri, [{ text: pair }]);
    expect(await client.lensTexts(uri)).toEqual([4, 7, 9].map((at) => `${at}: probe this function`));
  });

  test('a file with CRLF are on the same lines as without', async () => {
    const file = put('main.go', pair.replaceAll('\n', '\r\n'));
    await build('small');
    const client = await open();
    const uri = await client.open(file);
    expect(await client.lensTexts(uri)).toEqual([4, 7, 9].map((at) => `${at}: probe this function`));
    const nm = await execa('go', ['tool', 'addr2line', join(folder, 'small')], {
      input: `0x${/^\s*([0-9a-f]+) T main\.b$/m.exec((await execa('go', ['tool', 'nm', 'small'], { cwd: folder })).stdout)?.[1]}\n`,
    });
    expect(nm.stdout).toMatch(/main\.go:7$/);
  });

  test('a file that is not UTF-8 are matched by name', async () => {
    const file = put('main.go', pair);
    install('both');
    const client = await open();
    const bytes = Buffer.concat([
      Buffer.from('package main\n\n// '),
      Buffer.from([0xe9, 0xff, 0xfe]),
      Buffer.from(pair.slice(13)),
    ]);
    put('main.go', bytes);
    const uri = await client.open(file, bytes.toString('utf8'));
    expect(await client.lensTexts(uri)).toEqual([5, 8, 10].map((at) => `${at}: probe this function`));
  });

  test('a file that build constraints leave out say so, once for the file', async () => {
    put('main.go', pair);
    const other = put('other.go', '//go:build windows\n\npackage main\n\nfunc other() {}\n\nfunc another() {}\n');
    await build('small');
    const client = await open();
    const uri = await client.open(other);
    expect(await client.lensTexts(uri)).toEqual(['3: nothing of this file is in small']);
    await client.until(() => codes(uri).includes('file-not-in-binary'));
    expect(client.diagnostics.get(uri)?.map(({ message }) => message)).toEqual([
      'No function of other.go is in small: its package is not imported, or build constraints leave the file out.',
    ]);
  });

  test('a file that build constraints leave out are not those of the one that is built in its place', async () => {
    const one = put(
      'one_linux.go',
      'package main\n\n//go:noinline\nfunc sort() {}\n\nfunc small(n int) int { return n + len(os) }\n',
    );
    const other = put(
      'one_windows.go',
      'package main\n\n//go:noinline\nfunc sort() {}\n\nfunc small(n int) int { return n - len(os) }\n',
    );
    put('main.go', 'package main\n\nvar os = "linux"\n\nfunc main() { sort(); println(small(len(os))) }\n');
    await build('small');
    const client = await open();
    expect(await client.lensTexts(await client.open(one))).toEqual([
      '4: probe this function',
      '6: inlined into 1 caller: probe all copies',
    ]);
    expect(await client.lensTexts(await client.open(other))).toEqual(['1: nothing of this file is in small']);
  });

  test('a closure reach its copies in the callers of the function around it', async () => {
    const source = [
      'package main',
      'func counter(step int) func() int {',
      '\ttotal := 0',
      '\treturn func() int {',
      '\t\ttotal += step',
      '\t\tfor i := 0; i < total; i++ {',
      '\t\t\tprintln(i)',
      '\t\t}',
      '\t\treturn total',
      '\t}',
      '}',
      'var keep = counter',
      'var kept func() int',
      'func main() {',
      '\tkept = counter(2)',
      '\tprintln(kept(), keep(3)())',
      '}',
    ];
    const file = put('main.go', `${source.join('\n')}\n`);
    await build('small');
    const nm = await execa('go', ['tool', 'nm', 'small'], { cwd: folder });
    const closures = [...nm.stdout.matchAll(/ [tT] (main\.\S*\.func\d+)$/gm)].map(([, name]) => name ?? '');
    expect(closures.length).toBeGreaterThan(1);
    const client = await open();
    const uri = await client.open(file);
    const [closure] = await client.actions(uri, 5, 3);
    expect(closure?.title).toMatch(/^Probe the closure main\.counter\.func1 and its 1 copy$/);
    expect([...(closure?.command?.arguments?.[0].names ?? [])].sort()).toEqual(closures.sort());
  });
});
