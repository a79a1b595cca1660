/** What the Go toolchain itself says of a module: its symbols, and where its compiler inlined. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export interface Truth {
  readonly binary: string;
  /** Go files of which the program is built, absolute: build constraints leave others out. */
  readonly files: ReadonlySet<string>;
  /** Text symbols without type arguments. */
  readonly symbols: ReadonlySet<string>;
  /** "file:line" (absolute) to the callees inlined there, as the compiler names them: the part after the last dot. */
  readonly inlined: ReadonlyMap<string, ReadonlySet<string>>;
  /** "file:line" (absolute) of the names of functions and of the literals that the compiler says it can inline. */
  readonly inlinable: ReadonlySet<string>;
  /** Of every inlined call that DWARF records: "callee:line", the callee's part after the last dot, to the functions it is in. */
  readonly recorded: ReadonlyMap<string, ReadonlySet<string>>;
}

const env = { GOFLAGS: '-mod=mod', GOWORK: 'off' };

/** "main.(*Stack[go.shape.int]).Pop" to "main.(*Stack).Pop": brackets nest. */
export const plain = (name: string): string => {
  let text = name;
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(/\[[^[\]]*\]/g, '');
  }
  return text;
};

const lastPart = (name: string): string => plain(name).split('.').at(-1) ?? '';

/** One absolute path a line. */
const fileList = '{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}\n{{end}}{{range .CgoFiles}}{{$dir}}/{{.}}\n{{end}}';

/** Builds one main package of a module and asks the toolchain about it. */
export async function askToolchain(module: string, mainPackage: string, into: string): Promise<Truth> {
  const { stdout: path } = await execa('go', ['list', '-m'], { cwd: module, env });
  const build = await execa('go', ['build', `-gcflags=${path}/...=-m=2`, '-o', into, mainPackage], {
    cwd: module,
    env,
  });
  const inlined = new Map<string, Set<string>>();
  const inlinable = new Set<string>();
  for (const line of build.stderr.split('\n')) {
    const [, place, at] = /^(.+?):(\d+):\d+: can inline /.exec(line) ?? [];
    if (place !== undefined) inlinable.add(`${resolve(module, place)}:${at}`);
    const [, file, number, callee] = /^(.+?):(\d+):\d+: inlining call to (.+)$/.exec(line) ?? [];
    if (file === undefined || callee === undefined) continue;
    const key = `${resolve(module, file)}:${number}`;
    inlined.set(key, (inlined.get(key) ?? new Set()).add(lastPart(callee)));
  }
  const listed = await execa('go', ['list', '-deps', '-f', fileList, mainPackage], { cwd: module, env });
  const files = new Set(listed.stdout.split('\n'));
  const nm = await execa('go', ['tool', 'nm', into], { cwd: module, env });
  const symbols = new Set(
    nm.stdout
      .split('\n')
      .map((line) => / [tT] (.+)$/.exec(line)?.[1])
      .filter((name) => name !== undefined)
      // Functions in assembly carry their calling convention.
      .map((name) => plain(name).replace(/\.abi0$/, '')),
  );
  return { binary: into, files, symbols, inlined, inlinable, recorded: await recordedCalls(into) };
}

/** From debug/dwarf of Go itself: fixtures/truth prints callee, host and line of each inlined call. */
async function recordedCalls(binary: string): Promise<Truth['recorded']> {
  const truth = fileURLToPath(new URL('../../../fixtures/truth', import.meta.url));
  const { stdout } = await execa('go', ['run', '.', '-copies', binary], {
    cwd: truth,
    env,
    maxBuffer: 1024 * 1024 * 1024,
  });
  const recorded = new Map<string, Set<string>>();
  for (const row of stdout.split('\n')) {
    const [callee = '', host = '', line = ''] = row.split('\t');
    const key = `${lastPart(callee)}:${line}`;
    const hosts = recorded.get(key) ?? new Set();
    recorded.set(key, hosts.add(plain(host)));
  }
  return recorded;
}

/** Go files of a module that are no tests, absolute, without those of modules inside it. */
export function sourceFiles(module: string): readonly string[] {
  const all = readdirSync(module, { recursive: true, withFileTypes: true });
  const inner = all
    .filter((entry) => entry.name === 'go.mod')
    .map((entry) => relative(module, entry.parentPath))
    .filter((directory) => directory !== '');
  return all
    .filter((entry) => entry.isFile() && entry.name.endsWith('.go') && !entry.name.endsWith('_test.go'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !inner.some((directory) => relative(module, file).startsWith(`${directory}/`)))
    .filter((file) => !/(^|\/)(testdata|vendor|_[^/]*)\//.test(relative(module, file)))
    .filter((file) => readFileSync(file).length > 0);
}
