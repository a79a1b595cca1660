/** Which module and package a file belongs to, from go.mod and the directories; nothing is run for it. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { statIfThere } from '../disk.js';

export interface GoModule {
  /** Directory of go.mod. */
  readonly root: string;
  /** "example.com/orders". */
  readonly path: string;
}

export interface PackageOfFile {
  readonly module: GoModule | undefined;
  /** Import path; undefined outside of any module. */
  readonly importPath: string | undefined;
  /** The same file as `-trimpath` records it; undefined outside of any module. */
  readonly trimmedFile: string | undefined;
}

/** go.mod files are small; this is only against a directory of that name or a device. */
const largestModFile = 4 * 1024 * 1024;

/** The module line: bare, quoted or in parentheses (cmd/go/internal/modfile grammar). */
const moduleLine = /^\s*module\s+(?:\(\s*)?("[^"]+"|`[^`]+`|[^\s()/]\S*)/m;

export function parseModulePath(text: string): string | undefined {
  const withoutComments = text.replaceAll(/\/\/.*$/gm, '');
  return moduleLine.exec(withoutComments)?.[1]?.replaceAll(/^["`]|["`]$/g, '');
}

/** Of this very directory. */
export function readModule(directory: string): GoModule | undefined {
  const file = join(directory, 'go.mod');
  const stat = statIfThere(file);
  if (stat === undefined || !stat.isFile() || stat.size > largestModFile) return undefined;
  try {
    const path = parseModulePath(readFileSync(file, 'utf8'));
    return path === undefined ? undefined : { root: directory, path };
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

/** The nearest go.mod at or above a directory. */
export function moduleOf(directory: string): GoModule | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const found = readModule(at);
    if (found !== undefined) return found;
    if (dirname(at) === at) return undefined;
  }
}

const slashed = (path: string): string => path.split(sep).join('/');

/** "pkg/mod/github.com/!foo/bar@v1.2.3/sub": a module too old for go.mod, in the module cache. */
const cachedModule = /\/pkg\/mod\/((?:[^/@]+\/)*[^/@]+)@[^/]+(\/.*)?$/;

/** The module cache writes capital letters as "!" and the small one (golang.org/ref/mod#module-cache). */
const unescapeCapitals = (path: string): string =>
  path.replaceAll(/!([a-z])/g, (_, letter: string) => letter.toUpperCase());

function importPathOf(directory: string, module: GoModule | undefined): string | undefined {
  const vendored = slashed(directory).split('/vendor/').at(-1);
  if (slashed(directory).includes('/vendor/') && vendored !== undefined) return vendored;
  if (module !== undefined) {
    const below = slashed(relative(module.root, directory));
    // The standard library's own module is called "std", and its packages are not below that name.
    if (module.path === 'std') return below;
    return below === '' ? module.path : `${module.path}/${below}`;
  }
  const cached = cachedModule.exec(slashed(directory));
  return cached?.[1] === undefined ? undefined : unescapeCapitals(cached[1]) + (cached[2] ?? '');
}

/** @param file absolute path of a Go file, which need not exist yet. */
export function packageOfFile(file: string): PackageOfFile {
  const directory = dirname(file);
  const module = moduleOf(directory);
  const importPath = importPathOf(directory, module);
  const trimmedFile = importPath === undefined ? undefined : `${importPath}/${basename(file)}`;
  return { module, importPath, trimmedFile };
}
