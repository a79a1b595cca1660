/** What the names of a file's functions begin with in one particular binary. */
import { escapeImportPath } from './symbol-name.js';

export interface PackageClause {
  /** `package NAME`. */
  readonly name: string;
  readonly importPath: string | undefined;
}

/** What `go build main.go`, `go run main.go` and `dlv debug main.go` call the package they were given as files. */
const packageOfFiles = 'command-line-arguments';

/** `go test` names the program after the package it tests: "example.com/orders.test". */
const isTestProgram = (mainPackage: string): boolean => mainPackage.endsWith('.test');

/**
 * Prefixes without the final dot, the likeliest first; empty when the package cannot be in that binary.
 * @param mainPackage import path of the program's main package as its build info says; undefined when that is gone.
 */
export function packagePrefixes(clause: PackageClause, mainPackage: string | undefined): readonly string[] {
  const { name, importPath } = clause;
  if (name === 'main') return mainPrefixes(importPath, mainPackage);
  if (importPath === undefined) return [];
  // An external test package lives in the directory of the package it tests (go help test).
  const path = name.endsWith('_test') ? `${importPath}_test` : importPath;
  return [escapeImportPath(path)];
}

function mainPrefixes(importPath: string | undefined, mainPackage: string | undefined): readonly string[] {
  if (mainPackage === undefined || mainPackage === packageOfFiles) return ['main'];
  if (importPath === undefined) return [];
  // In a test program "main" is what `go test` generates, and the tested main package goes by its import path.
  if (isTestProgram(mainPackage)) return [escapeImportPath(importPath)];
  return mainPackage === importPath ? ['main'] : [];
}
