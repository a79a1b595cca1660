/** Through which of several programs a source file should be seen. Pure. */
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
  /** Of the file's module and then of the others, newest first. */
  readonly candidates: readonly Candidate[];
}

export interface SeenFile {
  readonly clause: PackageClause;
  /** Its name ends in _test.go: only test programs contain it. */
  readonly isTest: boolean;
}

/** Programs that are tried for one file: one that holds neither its code nor a trace of it is passed over. */
const choiceLimit = 4;

/** In the order in which they should be tried; empty where no program can contain the file. */
export function chooseBinaries({ clause, isTest }: SeenFile, from: Choosable): readonly Choice[] {
  if (from.setting !== undefined) return [{ path: from.setting, origin: 'setting' }];
  const fitting = from.candidates.filter((candidate) => packagePrefixes(clause, candidate).length > 0);
  // A test program is the better choice for test files only, however new it is.
  const newest = [
    ...fitting.filter((candidate) => candidate.isTest === isTest),
    ...fitting.filter((candidate) => candidate.isTest !== isTest),
  ].map(({ path }): Choice => ({ path, origin: 'newest' }));
  const sessions = from.sessions.map((path): Choice => ({ path, origin: 'session' }));
  const others = newest.filter(({ path }) => !from.sessions.includes(path));
  return [...sessions, ...others].slice(0, choiceLimit);
}
