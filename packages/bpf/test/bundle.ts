/** Compiles a TypeScript file of this folder, with the package's sources, so that another process or thread can run it. */
import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

// Inside the package, where koffi is found.
const directory = fileURLToPath(new URL('../node_modules/.cache/bpf-test/', import.meta.url));

/** Path of the compiled module. */
export async function bundle(source: URL): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const outfile = `${directory}${basename(source.pathname, '.ts')}-${process.pid}.mjs`;
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['koffi'],
    logLevel: 'error',
  });
  return outfile;
}
