/** Builds the Go programs of fixtures/programs once per sources, flags and toolchain, and keeps them in .cache. */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { root } from './delve.js';

export { findDelve } from './delve.js';

export interface FixtureOptions {
  /** Arguments for `go build` before the package: ["-gcflags=all=-N -l"]. */
  readonly flags?: readonly string[];
  /** Added to this process's environment: GOTOOLCHAIN, GOARCH, CGO_ENABLED. */
  readonly env?: Readonly<Record<string, string>>;
}

const cache = join(root, '.cache/fixtures');
const running = new Map<string, Promise<string>>();

/** Directory with the Go sources of a fixture. */
export const fixtureSources = (name: string): string => join(root, 'fixtures/programs', name);

/**
 * Path of the built program. Several processes may ask at once: each builds into a directory of its own and the first
 * one to rename it wins. Probing this very file disturbs others who use it: take `privateCopy` for that.
 */
export const buildFixture = (name: string, options: FixtureOptions = {}): Promise<string> => {
  const key = JSON.stringify([name, options.flags ?? [], options.env ?? {}]);
  const known = running.get(key);
  if (known !== undefined) return known;
  const build = buildOnce(name, options);
  running.set(key, build);
  return build;
};

const buildOnce = async (name: string, options: FixtureOptions): Promise<string> => {
  const sources = fixtureSources(name);
  const env = { GOFLAGS: '-mod=mod', GOWORK: 'off', ...options.env };
  const hash = createHash('sha256');
  // The path is part of the line tables.
  hash.update(JSON.stringify([sources, options.flags ?? [], Object.entries(env).sort()]));
  hash.update((await execa('go', ['version'], { cwd: sources, env })).stdout);
  for (const file of (await readdir(sources, { recursive: true })).sort()) {
    const path = join(sources, file);
    if (!(await stat(path)).isFile()) continue;
    hash.update(`\0${file}\0`).update(await readFile(path));
  }
  const directory = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`);
  const binary = join(directory, name);
  if (await exists(binary)) return binary;

  const work = join(cache, `.building-${randomUUID()}`);
  await mkdir(work, { recursive: true });
  try {
    await execa('go', ['build', ...(options.flags ?? []), '-o', join(work, name), '.'], { cwd: sources, env });
    await rename(work, directory).catch((error: unknown) => {
      if (!isAlreadyThere(error)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return binary;
};

/** A fresh copy in `directory`, under its own name: kernel probes belong to the file, not to the process. */
export const privateCopy = async (path: string, directory: string): Promise<string> => {
  const own = await mkdtemp(join(directory, 'copy-'));
  const copy = join(own, basename(path));
  await copyFile(path, copy);
  return copy;
};

const exists = async (path: string): Promise<boolean> => {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
};

/** rename(2): ENOTEMPTY or EEXIST when the target directory is there and has entries. */
const isAlreadyThere = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
