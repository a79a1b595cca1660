/**
 * The Go grammar for tree-sitter, WebAssembly. In the bundled command it lies beside the code (packages/cli/build.mjs
 * copies it there); in a checkout it comes from the package tree-sitter-go.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Language, Parser } from 'web-tree-sitter';

const file = 'tree-sitter-go.wasm';

/** Chunks of the bundle lie one level below its entry. */
const besideTheBundle = [`./${file}`, `../${file}`];

/** Throws when the grammar is in neither place: the installation is incomplete. */
export const goGrammarPath = (): string => {
  for (const place of besideTheBundle) {
    const path = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(path)) return path;
  }
  return createRequire(import.meta.url).resolve(`tree-sitter-go/${file}`);
};

// Loaded when first needed: whoever imports this package may never parse anything.
const load = async (): Promise<Language> => {
  const treeSitter = await import('web-tree-sitter');
  await treeSitter.Parser.init();
  return treeSitter.Language.load(goGrammarPath());
};

let language: Promise<Language> | undefined;

/** The grammar, loaded once for the whole process. */
export const goLanguage = (): Promise<Language> => {
  language ??= load();
  return language;
};

/** A parser of its own for each caller; `delete()` gives its memory back. */
export const goParser = async (): Promise<Parser> => {
  const grammar = await goLanguage();
  const treeSitter = await import('web-tree-sitter');
  return new treeSitter.Parser().setLanguage(grammar);
};
