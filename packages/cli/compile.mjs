// node compile.mjs SCRIPT CODE PROGRAM: lists and explains a Go program with the bundled script, and writes what V8 compiled.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { wrap } from './bin/reading.js';

const [path, code, program] = process.argv.slice(2);
const script = new Script(wrap(readFileSync(path, 'latin1')), { filename: 'reading.js' });
const module = { exports: {} };
script.runInThisContext()(module, createRequire(import.meta.url), pathToFileURL(path).href);
for (const args of [
  ['functions', program],
  ['functions', program, '--json'],
  ['explain', program, 'main.main', '--no-sites'],
]) {
  if ((await module.exports.run(args)) !== 0) process.exit(1);
}
writeFileSync(code, script.createCachedData());
