/** One open file seen through its binary: everything that lenses, actions and diagnostics say comes from here. */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Binaries, BinaryState } from './binary/binaries.js';
import type { BinarySummary, FunctionFacts, FunctionQuery, LookupAnswer } from './binary/protocol.js';
import { BinaryFailure } from './binary/reader.js';
import { type PackageOfFile, packageOfFile } from './module/go-module.js';
import { packagePrefixes } from './module/package-prefix.js';
import { symbolOf } from './module/symbol-name.js';
import { readSource, type SourceFile, type SourceFunction } from './source/functions.js';
import type { GoDocument } from './source/go-document.js';

export interface FunctionView {
  readonly declaration: SourceFunction;
  /** Undefined where the binary was not asked: the declaration is never compiled (`func _`). */
  readonly facts: FunctionFacts | undefined;
}

export interface FileView {
  readonly document: GoDocument;
  /** Absolute path. */
  readonly file: string;
  readonly source: SourceFile;
  readonly package: PackageOfFile;
  readonly binary: BinaryState;
  /** Of all declarations, in their order; empty while there is no binary. */
  readonly functions: readonly FunctionView[];
  /** Some function of the binary comes from this file. */
  readonly fileKnown: boolean;
  /** The file was written after the binary: positions may have moved, names hold. */
  readonly stale: boolean;
}

/** Undefined for buffers that are no file (new, remote, inside an archive). */
export function fileOf(uri: string): string | undefined {
  if (!uri.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(uri);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return undefined;
  }
}

const spellings = (file: string, { trimmedFile }: PackageOfFile): readonly string[] =>
  trimmedFile === undefined ? [file] : [file, trimmedFile];

function queryOf(declaration: SourceFunction, prefixes: readonly string[]): FunctionQuery {
  const { initOrdinal } = declaration;
  if (initOrdinal !== undefined) return { symbols: [], init: { packages: prefixes, ordinal: initOrdinal } };
  return { symbols: prefixes.map((prefix) => symbolOf(prefix, declaration)).filter((symbol) => symbol !== undefined) };
}

/** Written after the binary. Files that do not exist on disk are newer than anything. */
function isNewer(file: string, binary: BinarySummary): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined || stat.mtimeMs > binary.identity.modified;
}

async function lookUp(
  binaries: Binaries,
  state: BinaryState,
  file: string,
  source: SourceFile,
  of: PackageOfFile,
): Promise<LookupAnswer> {
  if (state.kind !== 'ready' || source.packageName === undefined) return { facts: [], fileKnown: false };
  const { path, identity, mainPackage } = state.summary;
  const prefixes = packagePrefixes({ name: source.packageName, importPath: of.importPath }, mainPackage);
  const queries = source.functions.map((declaration) => queryOf(declaration, prefixes));
  return binaries.lookup({ path, identity, queries, files: spellings(file, of) });
}

/** Undefined where there is nothing to see: no file on disk's file system, or no package clause yet. */
export async function viewFile(document: GoDocument, binaries: Binaries): Promise<FileView | undefined> {
  const file = fileOf(document.uri);
  if (file === undefined) return undefined;
  const source = readSource(document);
  if (source.packageName === undefined) return undefined;
  const of = packageOfFile(file);
  const clause = { name: source.packageName, importPath: of.importPath };
  // A build that is replaced between the two questions is asked for again, once: the next change tells us anyway.
  for (let attempt = 0; ; attempt++) {
    const binary = await binaries.binaryFor(file, clause, of.module);
    try {
      const { facts, fileKnown } = await lookUp(binaries, binary, file, source, of);
      const functions = facts
        .map((found, index) => viewOf(source.functions[index], found))
        .filter((fn) => fn !== undefined);
      const stale = binary.kind === 'ready' && isNewer(file, binary.summary);
      return { document, file, source, package: of, binary, functions, fileKnown, stale };
    } catch (error) {
      if (!(error instanceof BinaryFailure)) throw error;
      if (attempt > 0) {
        const failed: BinaryState = { kind: 'failed', path: file, message: error.message };
        return { document, file, source, package: of, binary: failed, functions: [], fileKnown: false, stale: false };
      }
    }
  }
}

const viewOf = (declaration: SourceFunction | undefined, facts: FunctionFacts): FunctionView | undefined =>
  declaration === undefined ? undefined : { declaration, facts: declaration.name === '_' ? undefined : facts };
