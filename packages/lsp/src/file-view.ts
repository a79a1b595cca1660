/** One open file seen through its binary: everything that lenses, actions and diagnostics say comes from here. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Binaries, BinaryState } from './binary/binaries.js';
import type { Choice } from './binary/choice.js';
import type {
  BinarySummary,
  FileIdentity,
  FunctionFacts,
  FunctionQuery,
  InlinedCall,
  LookupAnswer,
  LookupParams,
} from './binary/protocol.js';
import { BinaryFailure } from './binary/reader.js';
import { statIfThere } from './disk.js';
import { type PackageOfFile, packageOfFile } from './module/go-module.js';
import { type PackageClause, packagePrefixes } from './module/package-prefix.js';
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

export const spellings = (file: string, { trimmedFile }: PackageOfFile): readonly string[] =>
  trimmedFile === undefined ? [file] : [file, trimmedFile];

function queryOf(declaration: SourceFunction, prefixes: readonly string[]): FunctionQuery {
  const { initOrdinal } = declaration;
  if (initOrdinal !== undefined) return { symbols: [], init: { packages: prefixes, ordinal: initOrdinal } };
  return { symbols: prefixes.map((prefix) => symbolOf(prefix, declaration)).filter((symbol) => symbol !== undefined) };
}

/** Written after the binary. Files that do not exist on disk are newer than anything. */
function isNewer(file: string, binary: BinarySummary): boolean {
  const stat = statIfThere(file);
  return stat === undefined || stat.mtimeMs > binary.identity.modified;
}

interface Seen {
  readonly binary: BinaryState;
  readonly answer: LookupAnswer;
}

const nothing: LookupAnswer = { facts: [] };
const noFacts: FunctionFacts = { symbol: undefined, bodies: [], copies: [], copyCount: 0, callerCount: 0 };

interface Remembered {
  readonly identity: FileIdentity;
  /** What the answer is for: another object after every edit. */
  readonly source: SourceFile;
  readonly prefixes: readonly string[];
  readonly answer: LookupAnswer;
  /** By `SourceFunction.declared`. */
  readonly facts: WeakMap<object, FunctionFacts>;
}

/** By path of the program. After an edit only functions that are new are asked for; counts change without any. */
const answers = new WeakMap<GoDocument, Map<string, Remembered>>();
const sources = new WeakMap<GoDocument, { readonly version: number; readonly source: SourceFile }>();

function sourceOf(document: GoDocument): SourceFile {
  const remembered = sources.get(document);
  if (remembered?.version === document.version) return remembered.source;
  const source = readSource(document);
  sources.set(document, { version: document.version, source });
  return source;
}

/** Throws BinaryFailure "changed" when the build was replaced between opening and asking. */
async function seeThrough(binaries: Binaries, choice: Choice, file: SourceOf): Promise<Seen> {
  const binary = await binaries.stateOf(choice);
  if (binary.kind !== 'ready') return { binary, answer: nothing };
  const { path, identity } = binary.summary;
  const remembered = answers.get(file.document)?.get(path);
  const known = remembered?.identity === identity ? remembered : undefined;
  if (known?.source === file.source) return { binary, answer: known.answer };
  const prefixes = packagePrefixes(file.clause, binary.summary);
  // In another package the same declarations are other functions.
  const isSamePackage = known !== undefined && known.prefixes.join() === prefixes.join();
  const facts = isSamePackage ? known.facts : new WeakMap<object, FunctionFacts>();
  const params = { path, identity, files: file.spellings };
  const answer = { facts: await factsFor(binaries, params, { source: file.source, prefixes }, facts) };
  const ofDocument = answers.get(file.document) ?? new Map<string, Remembered>();
  answers.set(file.document, ofDocument.set(path, { identity, source: file.source, prefixes, answer, facts }));
  return { binary, answer };
}

/** Asks for those that are not remembered; what `init` functions are depends on the others of the file. */
async function factsFor(
  binaries: Binaries,
  params: Omit<LookupParams, 'queries'>,
  { source: { functions }, prefixes }: { readonly source: SourceFile; readonly prefixes: readonly string[] },
  known: WeakMap<object, FunctionFacts>,
): Promise<readonly FunctionFacts[]> {
  const missing = functions.filter(({ declared, initOrdinal }) => initOrdinal !== undefined || !known.has(declared));
  if (missing.length > 0) {
    const queries = missing.map((declaration) => queryOf(declaration, prefixes));
    const { facts } = await binaries.lookup({ ...params, queries });
    for (const [index, { declared }] of missing.entries()) known.set(declared, facts[index] ?? noFacts);
  }
  return functions.map(({ declared }) => known.get(declared) ?? noFacts);
}

interface SourceOf {
  readonly document: GoDocument;
  readonly source: SourceFile;
  readonly clause: PackageClause;
  readonly spellings: readonly string[];
}

/** The first program that holds code of the file; where none does, the first. */
async function firstThatKnows(binaries: Binaries, choices: readonly Choice[], file: SourceOf): Promise<Seen> {
  let first: Seen | undefined;
  for (const choice of choices) {
    const seen = await seeThrough(binaries, choice, file);
    if (seen.answer.facts.some(({ symbol }) => symbol !== undefined)) return seen;
    first ??= seen;
  }
  return first ?? { binary: { kind: 'none' }, answer: nothing };
}

/** Undefined where there is nothing to see: no file on disk's file system, or no package clause yet. */
export async function viewFile(document: GoDocument, binaries: Binaries): Promise<FileView | undefined> {
  const file = fileOf(document.uri);
  if (file === undefined) return undefined;
  const source = sourceOf(document);
  if (source.packageName === undefined) return undefined;
  const of = packageOfFile(file);
  const clause = { name: source.packageName, importPath: of.importPath };
  const seen = { clause, isTest: file.endsWith('_test.go') };
  const see = async (): Promise<Seen> => {
    const choices = await binaries.choicesFor(file, seen, of.module);
    return firstThatKnows(binaries, choices, { document, source, clause, spellings: spellings(file, of) });
  };
  // A build that is replaced between two questions is asked for again, once: the next change tells us anyway.
  const { binary, answer } = await see()
    .catch((error: unknown) => {
      if (error instanceof BinaryFailure) return see();
      throw error;
    })
    .catch((error: unknown): Seen => {
      if (!(error instanceof BinaryFailure)) throw error;
      return { binary: { kind: 'failed', path: file, message: error.message }, answer: nothing };
    });
  const functions = answer.facts
    .map((facts, index) => viewOf(source.functions[index], facts))
    .filter((fn) => fn !== undefined);
  const stale = binary.kind === 'ready' && isNewer(file, binary.summary);
  return { document, file, source, package: of, binary, functions, stale };
}

const viewOf = (declaration: SourceFunction | undefined, facts: FunctionFacts): FunctionView | undefined =>
  declaration === undefined ? undefined : { declaration, facts: declaration.name === '_' ? undefined : facts };

/** No function of the file left a trace in the binary: its package is not imported, or build constraints exclude it. */
export const isAbsent = (view: FileView): boolean =>
  view.binary.kind === 'ready' &&
  view.functions.every(({ facts }) => facts === undefined || facts.symbol === undefined);

/** Whether lines of the binary are lines of the buffer: it is what was on disk before the binary was built. */
export function linesHold(view: FileView): boolean {
  if (view.stale || view.binary.kind !== 'ready') return false;
  try {
    return readFileSync(view.file, 'utf8') === view.document.content();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/** Empty when the build was replaced between two questions: what is shown is asked for again then. */
export async function unlessReplaced<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof BinaryFailure) return [];
    throw error;
  }
}

/** Calls of the file that were inlined; empty where their lines cannot be trusted. */
export async function inlinedCalls(view: FileView, binaries: Binaries): Promise<readonly InlinedCall[]> {
  if (view.binary.kind !== 'ready' || !linesHold(view)) return [];
  const { path, identity } = view.binary.summary;
  return unlessReplaced(binaries.calls({ path, identity, files: spellings(view.file, view.package) }));
}
