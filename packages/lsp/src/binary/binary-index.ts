/** One binary, ready to be asked about the functions of a file. Pure: a GoBinary in, facts out. */
import type { GoBinary, GoFunction, InlinedCopy } from '@probelens/gosym';
import { withoutTypeArguments } from '../module/symbol-name.js';
import {
  copiesShown,
  type FunctionBody,
  type FunctionFacts,
  type FunctionQuery,
  type InlinedCall,
  type InlinedInto,
} from './protocol.js';

const nothing: FunctionFacts = { symbol: undefined, bodies: [], copies: [], copyCount: 0, callerCount: 0 };

const bodyOf = ({ name, entry, size, file, line }: GoFunction): FunctionBody => ({ name, entry, size, file, line });

const byName = (a: FunctionBody, b: FunctionBody): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : a.entry - b.entry;

const byPosition = (a: InlinedInto, b: InlinedInto): number =>
  a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || (a.caller < b.caller ? -1 : 1);

const append = <K, V>(map: Map<K, V[]>, key: K, value: V): void => {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
};

export class BinaryIndex {
  /** Instantiations by the name of their generic function. */
  private readonly instantiations = new Map<string, GoFunction[]>();
  /** "main.init.0", by package. */
  private readonly inits = new Map<string, GoFunction[]>();
  private readonly files = new Set<string>();
  private readonly genericCopies = new Map<string, InlinedCopy[]>();
  private readonly copies: ReadonlyMap<string, readonly InlinedCopy[]>;
  private callsByFile: ReadonlyMap<string, readonly InlinedCall[]> | undefined;

  constructor(readonly binary: GoBinary) {
    for (const fn of binary.functions()) this.addFunction(fn);
    this.copies = binary.inlinedCopies();
    for (const [callee, copies] of this.copies) {
      if (!callee.includes('[')) continue;
      const generic = withoutTypeArguments(callee);
      for (const copy of copies) append(this.genericCopies, generic, copy);
    }
  }

  private addFunction(fn: GoFunction): void {
    if (fn.file !== '') this.files.add(fn.file);
    if (fn.name.includes('[')) append(this.instantiations, withoutTypeArguments(fn.name), fn);
    const init = /^(.*)\.init\.\d+$/.exec(fn.name);
    if (init?.[1] !== undefined) append(this.inits, init[1], fn);
  }

  /** Calls written in a file that were inlined, ascending by line, each once. */
  calls(files: readonly string[]): readonly InlinedCall[] {
    this.callsByFile ??= callsByFile(this.copies);
    const spellings = new Set(files.flatMap((file) => [file, withVersion(file, this.files)]));
    return [...spellings].flatMap((file) => this.callsByFile?.get(file) ?? []);
  }

  /** Whether a physical function comes from one of these paths. */
  knowsFile(files: readonly string[]): boolean {
    return files.some((file) => this.files.has(file) || this.files.has(withVersion(file, this.files)));
  }

  facts(query: FunctionQuery, files: readonly string[]): FunctionFacts {
    if (query.init !== undefined) return this.initFacts(query.init.packages, query.init.ordinal, files);
    for (const symbol of query.symbols) {
      const found = this.factsOf(symbol);
      if (found !== undefined) return found;
    }
    return nothing;
  }

  private factsOf(symbol: string): FunctionFacts | undefined {
    // A wrapper that the compiler made (an interface's pointer method for a value method) is not the declaration.
    const plain = this.binary.functionsNamed(symbol).filter((fn) => !fn.generated);
    const bodies = [...plain, ...(this.instantiations.get(symbol) ?? []).filter((fn) => !fn.generated)]
      .map(bodyOf)
      .sort(byName);
    const copies = [...(this.copies.get(symbol) ?? []), ...(this.genericCopies.get(symbol) ?? [])];
    if (bodies.length === 0 && copies.length === 0) return undefined;
    const places = copies.map(({ caller, file, line }) => ({ caller, file, line })).sort(byPosition);
    return {
      symbol,
      bodies,
      copies: places.slice(0, copiesShown),
      copyCount: places.length,
      callerCount: new Set(places.map((place) => place.caller)).size,
    };
  }

  /** The compiler numbers `init` functions through the files of a package: the file tells which numbers are ours. */
  private initFacts(packages: readonly string[], ordinal: number, files: readonly string[]): FunctionFacts {
    for (const name of packages) {
      const ours = (this.inits.get(name) ?? [])
        .filter((fn) => this.isFrom(fn, files))
        .sort((a, b) => initNumber(a.name) - initNumber(b.name));
      const found = ours[ordinal];
      if (found !== undefined) return { ...nothing, symbol: found.name, bodies: [bodyOf(found)] };
    }
    return nothing;
  }

  private isFrom(fn: GoFunction, files: readonly string[]): boolean {
    return files.some((file) => fn.file === file || fn.file === withVersion(file, this.files));
  }
}

/** One walk over all copies, at the first question: most sessions never show hints. */
function callsByFile(copies: ReadonlyMap<string, readonly InlinedCopy[]>): ReadonlyMap<string, readonly InlinedCall[]> {
  const found = new Map<string, Map<string, InlinedCall>>();
  for (const [callee, places] of copies) {
    for (const { file, line } of places) {
      let calls = found.get(file);
      if (calls === undefined) {
        calls = new Map();
        found.set(file, calls);
      }
      calls.set(`${line} ${callee}`, { line, callee });
    }
  }
  return new Map([...found].map(([file, calls]) => [file, [...calls.values()].sort((a, b) => a.line - b.line)]));
}

const initNumber = (name: string): number => Number(name.slice(name.lastIndexOf('.') + 1));

/** "github.com/a/b/c.go" is "github.com/a/b@v1.2.3/c.go" where -trimpath knows the module's version. */
function withVersion(file: string, known: ReadonlySet<string>): string {
  if (file.startsWith('/')) return file;
  for (const candidate of known) {
    if (candidate.includes('@') && candidate.replace(/@[^/]+/, '') === file) return candidate;
  }
  return file;
}
