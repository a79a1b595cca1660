/** Where dlv is. The first that exists and may be run wins; nothing is run to find out. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

export interface DelvePlacesToLook {
  /** Launch argument `delve`: it alone counts when it is there. */
  readonly argument: string | undefined;
  /** Option of the server. */
  readonly option: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Below which `.cache/bin` may hold one; its parents are looked at too. */
  readonly directory: string;
  /** The script that runs; its own parents are looked at last, because a checkout has put a Delve there for its demo. */
  readonly script?: string | undefined;
}

export type DelveFound =
  | { readonly ok: true; readonly path: string }
  /** In words for a person: where it was looked for. */
  | { readonly ok: false; readonly searched: readonly string[] };

const runnable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    // Not there, or not for us: the next place may have it.
    if (error instanceof Error) return false;
    throw error;
  }
};

const projectCaches = (directory: string): readonly string[] => {
  const caches: string[] = [];
  for (let here = resolve(directory); ; here = dirname(here)) {
    caches.push(join(here, '.cache/bin/dlv'));
    if (dirname(here) === here) return caches;
  }
};

/** An editor starts the command in its own project, by a link. */
const ownCaches = (script: string | undefined): readonly string[] => {
  if (script === undefined) return [];
  try {
    return projectCaches(dirname(realpathSync(script)));
  } catch (error) {
    // `node -e` and its like run no file.
    if (error instanceof Error) return [];
    throw error;
  }
};

export const findDelve = (places: DelvePlacesToLook): DelveFound => {
  const { argument, option, env, directory, script } = places;
  const given = argument ?? option;
  if (given !== undefined) {
    // A bare name is looked up in PATH, as a shell does.
    const path = given.includes('/') ? resolve(directory, given) : inPath(given, env);
    return path !== undefined && runnable(path) ? { ok: true, path } : { ok: false, searched: [given] };
  }
  const goBin = env.GOBIN === undefined || env.GOBIN === '' ? [] : [join(env.GOBIN, 'dlv')];
  const goPath = (env.GOPATH ?? join(homedir(), 'go')).split(delimiter).filter((path) => path !== '');
  const found =
    inPath('dlv', env) ??
    [...goBin, ...goPath.map((path) => join(path, 'bin/dlv')), ...projectCaches(directory), ...ownCaches(script)].find(
      runnable,
    );
  return found === undefined
    ? {
        ok: false,
        searched: ['PATH', 'GOBIN', 'GOPATH/bin', '.cache/bin of this directory, of the command, and of their parents'],
      }
    : { ok: true, path: found };
};

const inPath = (name: string, env: NodeJS.ProcessEnv): string | undefined =>
  (env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(runnable);
