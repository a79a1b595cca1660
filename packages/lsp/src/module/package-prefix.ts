/** What the names of a file's functions begin with in one particular binary. */
import { escapeImportPath } from './symbol-name.js';

export interface PackageClause {
  /** `package NAME`. */
  readonly name: string;
  readonly importPath: string | undefined;
}

/** What `go build main.go`, `go run main.go` and `dlv debug main.go` call the package they were given as files. */
const packageOfFiles = 'command-line-arguments';

/** What matters of a program for the names in it. */
export interface Program {
  /** Import path of its main package as its build info says; undefined when that is gone. */
  readonly mainPackage: string | undefined;
  /** Made by `go test`: "main" is generated, and a tested main package goes by its import path. */
  readonly isTest: boolean;
}

/** Prefixes without the final dot, the likeliest first; empty when the package cannot be in that program. */
export function packagePrefixes(clause: PackageClause, program: Program): readonly string[] {
  const { name, importPath } = clause;
  if (name === 'main') return mainPrefixes(importPath, program);
  if (importPath === undefined) return [];
  // An external test package lives in the directory of the package it tests (go help test).
  const path = name.endsWith('_test') ? `${importPath}_test` : importPath;
  return [escapeImportPath(path)];
}

function mainPrefixes(importPath: string | undefined, { mainPackage, isTest }: Program): readonly string[] {
  if (isTest) return importPath === undefined ? [] : [escapeImportPath(importPath)];
  if (mainPackage === undefined || mainPackage === packageOfFiles) return ['main'];
  if (importPath === undefined) return [];
  return mainPackage === importPath ? ['main'] : [];
}
