/** Compares what lenses and diagnostics are made of with the toolchain, for every function of a module. */
import { readFileSync } from 'node:fs';
import { type GoBinary, type GoFunction, openGoBinary } from '@probelens/gosym';
import { goParser } from '@probelens/probes';
import { BinaryIndex, isLiteral } from '../src/binary/binary-index.js';
import { packageOfFile } from '../src/module/go-module.js';
import { packagePrefixes } from '../src/module/package-prefix.js';
import { symbolOf } from '../src/module/symbol-name.js';
import { readSource } from '../src/source/functions.js';
import { GoDocument } from '../src/source/go-document.js';
import { plain, sourceFiles, type Truth } from './truth.js';

export interface Agreement {
  readonly functions: number;
  readonly withBody: number;
  readonly inlinedEverywhere: number;
  readonly copies: number;
  /** Functions where our "has a body" is not the symbol table's. */
  readonly wrongBodies: readonly string[];
  /** Copies that the compiler did not announce. */
  readonly unannounced: readonly string[];
  /** Copies of functions that the compiler does not call inlinable. */
  readonly notInlinable: readonly string[];
  /** The other way: calls that the compiler announced as inlined, and what became of them in the program. */
  readonly announced: {
    readonly shown: number;
    /** Nothing of the function around the call is in the program: the linker left it out. */
    readonly callerLeftOut: number;
    /** Neither DWARF nor our tables have such a call in the functions around: no instruction of it was left. */
    readonly nothingLeft: number;
    /** A call inside an inlined function: announced at the outer call, recorded and shown at its own line. */
    readonly inside: number;
  };
  /** Announced, recorded in DWARF, and not shown by us. */
  readonly missed: readonly string[];
  /** Closures that are functions of the program: offered at their literal, or beside another one on its line. */
  readonly closures: { readonly offered: number; readonly besideAnother: number };
  /** Closures in the program that no literal of the sources offers; cgo wraps calls in literals of its own. */
  readonly unoffered: readonly string[];
}

export async function compare(module: string, truth: Truth): Promise<Agreement> {
  const binary = await openGoBinary(truth.binary);
  const index = new BinaryIndex(binary);
  const parser = await goParser();
  const ours = copiesOf(binary);
  const wrongBodies: string[] = [];
  const unannounced: string[] = [];
  const notInlinable: string[] = [];
  const missed: string[] = [];
  const announced = { shown: 0, callerLeftOut: 0, nothingLeft: 0, inside: 0 };
  const offered = new Map<string, 'offered' | 'besideAnother'>();
  const counts = { functions: 0, withBody: 0, inlinedEverywhere: 0, copies: 0 };
  for (const file of sourceFiles(module)) {
    const document = new GoDocument(`file://${file}`, 1, readFileSync(file, 'utf8'), parser, 'utf-16');
    const source = readSource(document);
    const { importPath } = packageOfFile(file);
    const prefixes = packagePrefixes(
      { name: source.packageName ?? '', importPath },
      { mainPackage: binary.mainPackage, isTest: false },
    );
    for (const declaration of source.functions) {
      const symbols = prefixes.map((prefix) => symbolOf(prefix, declaration)).filter((name) => name !== undefined);
      if (symbols.length === 0) continue;
      const [facts] = index.facts([{ symbols }], [file]);
      if (facts === undefined) throw new Error('no answer');
      counts.functions++;
      if (facts.bodies.length > 0) counts.withBody++;
      if (facts.bodies.length === 0 && facts.copyCount > 0) counts.inlinedEverywhere++;
      counts.copies += facts.copyCount;
      const isInlinable = truth.inlinable.has(`${file}:${declaration.nameSpan.start.line + 1}`);
      if (facts.copyCount > 0 && !isInlinable) notInlinable.push(symbols.join());
      // What another file declares under the same names, for another system, is not this one's.
      const isBuilt = truth.files.has(file);
      const hasSymbol = isBuilt && symbols.some((symbol) => truth.symbols.has(symbol));
      if (!isBuilt && facts.copyCount > 0) wrongBodies.push(`${symbols.join()} has copies and is not built`);
      if (hasSymbol !== facts.bodies.length > 0)
        wrongBodies.push(`${symbols.join()} ${hasSymbol ? 'has' : 'has no'} symbol`);
      for (const copy of facts.copies) {
        if (!copy.file.startsWith(module)) continue;
        const announced = truth.inlined.get(`${copy.file}:${copy.line}`);
        if (announced?.has(declaration.name) !== true)
          unannounced.push(`${symbols.join()} into ${copy.caller} at ${copy.file}:${copy.line}`);
      }
    }
    const shown = new Set(index.calls([file]).map(({ line, callee }) => `${line} ${plain(callee).split('.').at(-1)}`));
    for (const [place, callees] of truth.inlined) {
      if (!place.startsWith(`${file}:`)) continue;
      const line = Number(place.slice(file.length + 1));
      const around = source.functions.find(({ span }) => span.start.line < line && line <= span.end.line + 1);
      const symbols = around === undefined ? [] : prefixes.map((prefix) => symbolOf(prefix, around));
      const isLinked = symbols.some(
        (symbol) => symbol === undefined || (index.facts([{ symbols: [symbol] }], [file])[0]?.symbol ?? '') !== '',
      );
      for (const callee of callees) {
        if (shown.has(`${line} ${callee}`)) announced.shown++;
        else if (around !== undefined && !isLinked) announced.callerLeftOut++;
        else if (isIn(truth.recorded, `${callee}:${line}`, symbols) && !isIn(ours, `${callee}:${line}`, symbols))
          missed.push(`${callee} at ${place}`);
        else if (isIn(ours, callee, symbols)) announced.inside++;
        else announced.nothingLeft++;
      }
    }
    for (const line of literalLines(document)) {
      const bodies = index.closures([file], line.line);
      for (const { name } of bodies) offered.set(name, line.count > 1 ? 'besideAnother' : 'offered');
    }
    document.close();
  }
  const inModule = (fn: GoFunction): boolean => fn.file.startsWith(`${module}/`) && !fn.generated;
  const closures = binary
    .functionsMatching(/\.func\d/)
    .filter((fn) => inModule(fn) && isLiteral(fn.name) && !isOfCgo(fn));
  const unoffered = closures.map(({ name }) => name).filter((name) => !offered.has(name));
  const kinds = [...offered.values()];
  binary.close();
  return {
    ...counts,
    wrongBodies,
    unannounced,
    notInlinable,
    announced,
    missed,
    closures: {
      offered: kinds.filter((kind) => kind === 'offered').length,
      besideAnother: kinds.filter((kind) => kind === 'besideAnother').length,
    },
    unoffered,
  };
}

/** As `Truth.recorded`, from our own tables; also by the callee alone. */
function copiesOf(binary: GoBinary): Truth['recorded'] {
  const found = new Map<string, Set<string>>();
  for (const [callee, copies] of binary.inlinedCopies()) {
    for (const { host, line } of copies) {
      const name = plain(callee).split('.').at(-1) ?? '';
      for (const key of [name, `${name}:${line}`]) {
        const hosts = found.get(key) ?? new Set();
        found.set(key, hosts.add(plain(host.name)));
      }
    }
  }
  return found;
}

const isOfCgo = ({ file, line }: GoFunction): boolean => {
  const text = readFileSync(file, 'utf8').split('\n')[line - 1] ?? '';
  return /\bC\./.test(text) && !text.includes('func(');
};

/** Lines on which function literals begin, and how many on each. */
function literalLines(document: GoDocument): readonly { readonly line: number; readonly count: number }[] {
  const counts = new Map<number, number>();
  for (const node of document.syntax().rootNode.descendantsOfType('func_literal')) {
    if (node === null) continue;
    const line = document.spanAt(node.startIndex, node.startIndex).start.line + 1;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => ({ line, count }));
}

/** In one of the functions, or in a closure of it. Calls of the same name on the same line of another file are no sign. */
function isIn(recorded: Truth['recorded'], key: string, symbols: readonly (string | undefined)[]): boolean {
  const hosts = [...(recorded.get(key) ?? [])];
  return symbols.some(
    (symbol) => symbol !== undefined && hosts.some((host) => host === symbol || host.startsWith(`${symbol}.`)),
  );
}
