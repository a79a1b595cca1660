// Bundles the command: one chunk per subcommand, so that `probelens help` never loads what `probelens dap` needs.
// Files are replaced one by one, the entry last: a command that starts meanwhile finds either the old or the new one.
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const outdir = join(here, 'dist');
const editors = join(here, '../../editors');

/** For both kinds of bundle. */
const common = {
  outdir,
  bundle: true,
  platform: 'node',
  target: 'node20',
  conditions: ['@probelens/source'],
  // These carry native code or WebAssembly that must stay where their packages put it.
  external: ['koffi', 'iced-x86', 'web-tree-sitter'],
  write: false,
};

const result = await build({
  ...common,
  entryPoints: {
    main: join(here, 'src/main.ts'),
    // What the compiled entry below loads when it is asked for probe sites.
    planner: join(here, '../probes/src/index.ts'),
    // A thread of the language server; it looks for this name beside its own chunk and one directory up.
    'lsp-worker': join(here, '../lsp/src/binary/worker.ts'),
  },
  splitting: true,
  format: 'esm',
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});

const reading = await build({
  ...common,
  entryPoints: { reading: join(here, 'src/reading.ts') },
  format: 'cjs',
  minify: true,
  define: { 'import.meta.url': '__url' },
  plugins: [
    {
      name: 'planner-beside',
      setup: ({ onResolve, onLoad }) => {
        onResolve({ filter: /^@probelens\/probes$/ }, ({ path }) => ({ path, namespace: 'planner-beside' }));
        onLoad({ filter: /./, namespace: 'planner-beside' }, () => ({
          contents: 'export const loadPlanner = async () => (await __importPlanner()).loadPlanner();',
        }));
      },
    },
  ],
});

const grammar = createRequire(import.meta.url).resolve('tree-sitter-go/tree-sitter-go.wasm');
const files = [
  ...result.outputFiles.map(({ path, contents }) => ({ path, contents })),
  { path: join(outdir, 'tree-sitter-go.wasm'), contents: readFileSync(grammar) },
  { path: join(outdir, 'reading.bin'), contents: compiledAhead(reading.outputFiles[0].text) },
  ...readdirSync(editors, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => ({ path: join(outdir, 'editors', relative(editors, path)), contents: readFileSync(path) })),
].sort((a, b) => Number(basename(a.path) === 'main.js') - Number(basename(b.path) === 'main.js'));

/**
 * The source with V8's compiled form of it, in one file so that they always belong together: the source's length (32 bits,
 * little-endian), the source, the code. Functions are compiled when first called, so it is made after a run, over a Go
 * program that is here anyway. A Node of another version ignores the code and compiles the source.
 */
function compiledAhead(source) {
  const directory = mkdtempSync(join(tmpdir(), 'probelens-build-'));
  try {
    const [script, code] = [join(directory, 'reading.cjs'), join(directory, 'reading.code')];
    writeFileSync(script, source);
    const program = createRequire(createRequire(import.meta.url).resolve('esbuild')).resolve(
      `@esbuild/${process.platform}-${process.arch}/bin/esbuild`,
    );
    const run = spawnSync(process.execPath, [join(here, 'compile.mjs'), script, code, program], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (run.status !== 0) throw new Error('the reading commands could not be compiled');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(source));
    return Buffer.concat([length, Buffer.from(source), readFileSync(code)]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const sameAs = (path, contents) => {
  try {
    return readFileSync(path).equals(contents);
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
};

for (const { path, contents } of files) {
  if (sameAs(path, contents)) continue;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

// A command that runs already may still load chunks of the last build: those go after ten minutes, or with --clean.
const wanted = new Set(files.map(({ path }) => relative(outdir, path)));
const chunks = join(outdir, 'chunks');
const keptSince = process.argv.includes('--clean') ? Number.POSITIVE_INFINITY : Date.now() - 600_000;
for (const name of readdirSync(chunks)) {
  const path = join(chunks, name);
  // Another build may have taken it away.
  const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  if (!wanted.has(join('chunks', name)) && since < keptSince) rmSync(path, { force: true });
}
