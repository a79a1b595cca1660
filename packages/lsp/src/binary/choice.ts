/** Which of several programs a source file should be seen through. Pure. */
import { type PackageClause, packagePrefixes } from '../module/package-prefix.js';
import type { Candidate } from './protocol.js';

export interface Choice {
  readonly path: string;
  /** Who named it: what a person set beats a running session, and that beats what lies around. */
  readonly origin: 'setting' | 'session' | 'newest';
}

export interface Choosable {
  /** Absolute; from the configuration. */
  readonly setting: string | undefined;
  /** Of live sessions of this workspace, newest first. */
  readonly sessions: readonly string[];
  /** Of the file's module, newest first. */
  readonly candidates: readonly Candidate[];
}

/** Undefined where no program can contain the file. */
export function chooseBinary(clause: PackageClause, from: Choosable): Choice | undefined {
  if (from.setting !== undefined) return { path: from.setting, origin: 'setting' };
  const [session] = from.sessions;
  if (session !== undefined) return { path: session, origin: 'session' };
  const fitting = from.candidates.filter(({ mainPackage }) => packagePrefixes(clause, mainPackage).length > 0);
  // A test program is only the better choice for test files, however new it is.
  const isTestFile = clause.name.endsWith('_test');
  const usual = fitting.find(({ mainPackage }) => mainPackage?.endsWith('.test') === isTestFile);
  const chosen = usual ?? fitting[0];
  return chosen === undefined ? undefined : { path: chosen.path, origin: 'newest' };
}
