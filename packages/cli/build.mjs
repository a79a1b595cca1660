// Bundles the command: one chunk per subcommand, so that `probelens help` never loads what `probelens dap` needs.
import { copyFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const outdir = `${here}dist`;

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: { main: `${here}src/main.ts` },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['@probelens/source'],
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  // These carry native code or WebAssembly that must stay where their packages put it.
  external: ['koffi', 'iced-x86', 'web-tree-sitter'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});

const grammar = createRequire(import.meta.url).resolve('tree-sitter-go/tree-sitter-go.wasm');
copyFileSync(grammar, `${outdir}/tree-sitter-go.wasm`);
