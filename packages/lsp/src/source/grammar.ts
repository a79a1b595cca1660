/** A parser for Go, ready to use. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Language, Parser } from 'web-tree-sitter';

function grammarFile(): string {
  const places = ['./tree-sitter-go.wasm', '../tree-sitter-go.wasm'];
  const bundled = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(path));
  return bundled ?? createRequire(import.meta.url).resolve('tree-sitter-go/tree-sitter-go.wasm');
}

export async function loadGoParser(): Promise<Parser> {
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(grammarFile()));
  return parser;
}
