/** Compares what lenses and diagnostics are made of with the toolchain, for every function of a module. */
import { readFileSync } from 'node:fs';
import { openGoBinary } from '@probelens/gosym';
import { goParser } from '@probelens/probes';
import { BinaryIndex } from '../src/binary/binary-index.js';
import { packageOfFile } from '../src/module/go-module.js';
import { packagePrefixes } from '../src/module/package-prefix.js';
import { symbolOf } from '../src/module/symbol-name.js';
import { readSource } from '../src/source/functions.js';
import { GoDocument } from '../src/source/go-document.js';
import { sourceFiles, type Truth } from './truth.js';

export interface Agreement {
  readonly functions: number;
  readonly withBody: number;
  readonly inlinedEverywhere: number;
  readonly copies: number;
  /** Functions where our "has a body" is not the symbol table's. */
  readonly wrongBodies: readonly string[];
  /** Copies that the compiler did not announce. */
  readonly unannounced: readonly string[];
}

export async function compare(module: string, truth: Truth): Promise<Agreement> {
  const binary = await openGoBinary(truth.binary);
  const index = new BinaryIndex(binary);
  const parser = await goParser();
  const wrongBodies: string[] = [];
  const unannounced: string[] = [];
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
      const hasSymbol = symbols.some((symbol) => truth.symbols.has(symbol));
      if (hasSymbol !== facts.bodies.length > 0)
        wrongBodies.push(`${symbols.join()} ${hasSymbol ? 'has' : 'has no'} symbol`);
      for (const copy of facts.copies) {
        if (!copy.file.startsWith(module)) continue;
        const announced = truth.inlined.get(`${copy.file}:${copy.line}`);
        if (announced?.has(declaration.name) !== true)
          unannounced.push(`${symbols.join()} into ${copy.caller} at ${copy.file}:${copy.line}`);
      }
    }
    document.close();
  }
  binary.close();
  return { ...counts, wrongBodies, unannounced };
}
