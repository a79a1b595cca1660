/** Bundles `adapter-main.ts` once per content: real processes need a program that node can start. */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { root } from '../../../test/delve.js';

/** Packages with native code or WebAssembly stay where they are; these have them as dependencies. */
const owners: Readonly<Record<string, string>> = {
  koffi: '../../bpf/package.json',
  'iced-x86': '../../probes/package.json',
  'web-tree-sitter': '../../probes/package.json',
};

const external: Plugin = {
  name: 'native-packages',
  setup(plugin) {
    plugin.onResolve({ filter: /^(koffi|iced-x86|web-tree-sitter)$/ }, ({ path }) => {
      const owner = owners[path];
      if (owner === undefined) return undefined;
      const require = createRequire(fileURLToPath(new URL(owner, import.meta.url)));
      return { path: require.resolve(path), external: true };
    });
  },
};

const bundle = async (): Promise<string> => {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('adapter-main.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@probelens/source'],
    plugins: [external],
    define: { 'import.meta.url': JSON.stringify(new URL('../../probes/src/go-grammar.ts', import.meta.url).href) },
    banner: {
      js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(${JSON.stringify(
        new URL('../../bpf/package.json', import.meta.url).href,
      )});`,
    },
  });
  const code = result.outputFiles[0]?.contents ?? new Uint8Array();
  const directory = join(root, '.cache/adapter');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`);
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, code);
  renameSync(draft, path);
  return path;
};

let built: Promise<string> | undefined;

export const adapterProgram = (): Promise<string> => {
  built ??= bundle();
  return built;
};
