// Bundles the command: one chunk per subcommand, so that `probelens help` never loads what `probelens dap` needs.
// Files are replaced one by one, the entry last: a command that starts meanwhile finds either the old or the new one.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const outdir = join(here, 'dist');
const editors = join(here, '../../editors');

const result = await build({
  entryPoints: {
    main: join(here, 'src/main.ts'),
    // A thread of the language server; it looks for this name beside its own chunk and one directory up.
    'lsp-worker': join(here, '../lsp/src/binary/worker.ts'),
  },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['@probelens/source'],
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  write: false,
  // These carry native code or WebAssembly that must stay where their packages put it.
  external: ['koffi', 'iced-x86', 'web-tree-sitter'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});

const grammar = createRequire(import.meta.url).resolve('tree-sitter-go/tree-sitter-go.wasm');
const files = [
  ...result.outputFiles.map(({ path, contents }) => ({ path, contents })),
  { path: join(outdir, 'tree-sitter-go.wasm'), contents: readFileSync(grammar) },
  ...readdirSync(editors, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => ({ path: join(outdir, 'editors', relative(editors, path)), contents: readFileSync(path) })),
].sort((a, b) => Number(basename(a.path) === 'main.js') - Number(basename(b.path) === 'main.js'));

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
  if (!wanted.has(join('chunks', name)) && statSync(path).mtimeMs < keptSince) rmSync(path, { force: true });
}
