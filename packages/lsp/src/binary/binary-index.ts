/** One binary, ready to be asked about the functions of a file. Pure: a GoBinary in, facts out. */
import { basename } from 'node:path';
import type { GoBinary, GoFunction, InlinedCopy, VirtualAddress } from '@probelens/gosym';
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

/**
 * Reads from the binary what is asked for and remembers it: a program has far more functions and copies than anybody
 * opens files for.
 */
export class BinaryIndex {
  /** Instantiations by the name of their generic function. */
  private instantiations: ReadonlyMap<string, readonly GoFunction[]> | undefined;
  /** "main.init.0", by package. */
  private inits: ReadonlyMap<string, readonly GoFunction[]> | undefined;
  /** By the line of their `func`, whatever file it is in. */
  private literals: ReadonlyMap<number, readonly GoFunction[]> | undefined;
  /** By callee without type arguments; an empty list where a name was asked for and has no copies. */
  private readonly copies = new Map<string, readonly InlinedInto[]>();
  /** Where the code of a copy begins, by callee without type arguments. */
  private readonly firstCode = new Map<string, VirtualAddress>();
  private callsByFile: ReadonlyMap<string, readonly InlinedCall[]> | undefined;
  /** Undefined for a symbol that the binary does not know. */
  private readonly known = new Map<string, FunctionFacts | undefined>();

  constructor(readonly binary: GoBinary) {}

  /** @param files spellings of the source file's path. */
  facts(queries: readonly FunctionQuery[], files: readonly string[]): readonly FunctionFacts[] {
    this.readCopies(queries.flatMap(({ symbols }) => symbols));
    return queries.map((query) => {
      if (query.init !== undefined) return this.initFacts(query.init.packages, query.init.ordinal, files);
      const facts = this.factsOfFirst(query.symbols);
      return facts !== undefined && this.isDeclaredIn(facts, files) ? facts : nothing;
    });
  }

  /** Calls written in a file that were inlined, ascending by line, each once. */
  calls(files: readonly string[]): readonly InlinedCall[] {
    this.callsByFile ??= callsByFile(this.binary.inlinedCopies());
    return [...this.callsByFile].flatMap(([file, calls]) => (isOneOf(file, files) ? calls : []));
  }

  /** Function literals that begin on a line of a file. */
  closures(files: readonly string[], line: number): readonly FunctionBody[] {
    this.literals ??= this.closuresByLine();
    return (this.literals.get(line) ?? [])
      .filter((fn) => isOneOf(fn.file, files))
      .map(bodyOf)
      .sort(byName);
  }

  private closuresByLine(): ReadonlyMap<number, readonly GoFunction[]> {
    const byLine = new Map<number, GoFunction[]>();
    for (const fn of this.binary.functionsMatching(/\.func\d/)) {
      if (!fn.generated && isLiteral(fn.name)) append(byLine, fn.line, fn);
    }
    return byLine;
  }

  private readCopies(symbols: readonly string[]): void {
    const wanted = new Set(symbols.filter((symbol) => !this.copies.has(symbol)));
    if (wanted.size === 0) return;
    const found = new Map<string, InlinedInto[]>();
    const all = this.binary.inlinedCopies((callee) => wanted.has(withoutTypeArguments(callee)));
    for (const [callee, copies] of all) {
      const symbol = withoutTypeArguments(callee);
      for (const { caller, file, line, ranges } of copies) {
        append(found, symbol, { caller, file, line });
        const code = ranges[0]?.[0];
        if (code !== undefined && !this.firstCode.has(symbol)) this.firstCode.set(symbol, code);
      }
    }
    for (const symbol of wanted) this.copies.set(symbol, found.get(symbol)?.sort(byPosition) ?? []);
  }

  /**
   * Files that build constraints leave out declare functions of the same names. The directory may be another one where the
   * program was built elsewhere, and what is not called .go was written for a generator (`//line parser.y:12`).
   */
  private isDeclaredIn({ symbol, bodies }: FunctionFacts, files: readonly string[]): boolean {
    const declared = bodies[0]?.file ?? (symbol === undefined ? undefined : this.fileOfCopy(symbol));
    if (declared === undefined || !declared.endsWith('.go')) return true;
    return files.some((file) => basename(file) === basename(declared));
  }

  /** The code of a copy has the lines of its function; undefined where no code of any copy is left. */
  private fileOfCopy(symbol: string): string | undefined {
    const address = this.firstCode.get(symbol);
    const chain = address === undefined ? [] : this.binary.positionsAt(address);
    return chain.find((position) => withoutTypeArguments(position.function) === symbol)?.file;
  }

  private factsOfFirst(symbols: readonly string[]): FunctionFacts | undefined {
    for (const symbol of symbols) {
      if (!this.known.has(symbol)) this.known.set(symbol, this.factsOf(symbol));
      const facts = this.known.get(symbol);
      if (facts !== undefined) return facts;
    }
    return undefined;
  }

  private factsOf(symbol: string): FunctionFacts | undefined {
    // A wrapper that the compiler made (an interface's pointer method for a value method) is not the declaration.
    const functions = [...this.binary.functionsNamed(symbol), ...this.instantiationsOf(symbol)];
    const bodies = functions
      .filter((fn) => !fn.generated)
      .map(bodyOf)
      .sort(byName);
    const copies = this.copies.get(symbol) ?? [];
    if (bodies.length === 0 && copies.length === 0) return undefined;
    const callerCount = new Set(copies.map(({ caller }) => caller)).size;
    return { symbol, bodies, copies: copies.slice(0, copiesShown), copyCount: copies.length, callerCount };
  }

  private instantiationsOf(symbol: string): readonly GoFunction[] {
    this.instantiations ??= grouped(this.binary.functionsMatching(/\[/), (name) => withoutTypeArguments(name));
    return this.instantiations.get(symbol) ?? [];
  }

  /** The compiler numbers `init` functions through the files of a package: the file tells which numbers are ours. */
  private initFacts(packages: readonly string[], ordinal: number, files: readonly string[]): FunctionFacts {
    this.inits ??= grouped(this.binary.functionsMatching(/\.init\.\d+$/), (name) => name.replace(/\.init\.\d+$/, ''));
    for (const name of packages) {
      const ours = (this.inits.get(name) ?? [])
        .filter((fn) => isOneOf(fn.file, files))
        .sort((a, b) => initNumber(a.name) - initNumber(b.name));
      const found = ours[ordinal];
      if (found !== undefined) return { ...nothing, symbol: found.name, bodies: [bodyOf(found)] };
    }
    return nothing;
  }
}

function grouped(functions: readonly GoFunction[], key: (name: string) => string): ReadonlyMap<string, GoFunction[]> {
  const groups = new Map<string, GoFunction[]>();
  for (const fn of functions) append(groups, key(fn.name), fn);
  return groups;
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

/**
 * "f.func1", "f.func1.2", "f-range1.func2", "f.func1.g.1"; but "f.func1-range1" is the body of a loop, and "f.func1.gowrap1"
 * what `go` and `defer` wrap around a call.
 */
export const isLiteral = (name: string): boolean =>
  /\.func\d.*$/.test(name) && /\.(?:func)?\d+$/.test(withoutTypeArguments(name));

const initNumber = (name: string): number => Number(name.slice(name.lastIndexOf('.') + 1));

/** -trimpath writes "github.com/a/b@v1.2.3/c.go" for what we know as "github.com/a/b/c.go". */
const isOneOf = (file: string, files: readonly string[]): boolean =>
  files.includes(file) || (!file.startsWith('/') && files.includes(file.replace(/@[^/]+/, '')));
