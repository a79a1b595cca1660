/**
 * Who may import whom. The packages form layers; some outside packages are let in at one place only, so that replacing
 * one touches one file. Read from the import lines: a type import is a dependency as well.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './delve.js';

interface Layer {
  readonly directory: string;
  readonly name: string;
  /** Packages of the workspace that it may import. */
  readonly below: readonly string[];
  readonly why: string;
}

const layers: readonly Layer[] = [
  {
    directory: 'gosym',
    name: '@probelens/gosym',
    below: [],
    why: 'it reads bytes and knows neither kernel nor editor',
  },
  { directory: 'bpf', name: '@probelens/bpf', below: [], why: 'it is eBPF for Node and knows nothing of Go' },
  {
    directory: 'probes',
    name: '@probelens/probes',
    below: ['@probelens/gosym', '@probelens/bpf'],
    why: 'a probe needs a binary and a kernel, and no debugger or editor',
  },
  {
    directory: 'dap',
    name: '@probelens/dap',
    below: ['@probelens/gosym', '@probelens/probes'],
    why: 'the session asks for probes and never talks to the kernel itself',
  },
  {
    directory: 'lsp',
    name: '@probelens/lsp',
    below: ['@probelens/gosym', '@probelens/probes'],
    why: 'the language server reaches a session over the control socket, not by import',
  },
  {
    directory: 'cli',
    name: 'probelens',
    below: ['@probelens/gosym', '@probelens/bpf', '@probelens/probes', '@probelens/dap', '@probelens/lsp'],
    why: 'the command only wires the others together',
  },
];

interface Gate {
  /** Matches the imported package's name. */
  readonly of: RegExp;
  /** Matches the importing file, from the root. */
  readonly only: RegExp;
  /** Most files that may do so; undefined = any number. */
  readonly files: number | undefined;
  readonly why: string;
}

const gates: readonly Gate[] = [
  { of: /^elfy$/, only: /^packages\/gosym\//, files: 1, why: 'its errors and defects are mended in one file' },
  { of: /^koffi$/, only: /^packages\/bpf\//, files: 1, why: 'one file makes system calls, so one file can be audited' },
  {
    of: /^@vscode\/debugadapter$/,
    only: /^packages\/dap\/src\/client\b/,
    files: undefined,
    why: 'only the client edge speaks DAP to an editor',
  },
  {
    of: /^vscode-languageserver/,
    only: /^packages\/lsp\//,
    files: undefined,
    why: 'only the language server speaks LSP',
  },
  {
    of: /^@probelens\/bpf$/,
    only: /^packages\/(probes\/src\/(agent|program)\/|cli\/)/,
    files: undefined,
    why: 'only the privileged process touches the kernel',
  },
  {
    of: /^iced-x86$/,
    only: /^packages\/probes\//,
    files: undefined,
    why: 'instructions are decoded where sites are planned',
  },
  { of: /^typescript$/, only: /^$/, files: 0, why: 'it is a build tool' },
];

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const importPattern =
  /^\s*(?:import|export)\b[^'";=]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

const importsOf = (file: string): readonly Import[] => {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(importPattern)].map(([, from, bare, dynamic]) => ({
    file,
    specifier: from ?? bare ?? dynamic ?? '',
  }));
};

const sourcesOf = (directory: string): readonly string[] =>
  readdirSync(join(root, 'packages', directory, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `packages/${directory}/src/${name}`);

/** "@scope/name" or "name", without what follows. */
const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const builtins = new Set(builtinModules);

const layerRules = (): readonly string[] =>
  layers.flatMap(({ directory, name, below, why }) =>
    sourcesOf(directory)
      .flatMap(importsOf)
      .filter(({ specifier }) => /^(@probelens\/|probelens$)/.test(specifier))
      .filter(({ specifier }) => packageName(specifier) !== name && !below.includes(packageName(specifier)))
      .map(({ file, specifier }) => `${file} imports ${specifier}: ${name} may not, because ${why}.`),
  );

const gateRules = (): readonly string[] => {
  const all = layers.flatMap(({ directory }) => sourcesOf(directory)).flatMap(importsOf);
  return gates.flatMap(({ of, only, files, why }) => {
    const users = all.filter(({ specifier }) => of.test(packageName(specifier)));
    const outside = users
      .filter(({ file }) => !only.test(file))
      .map(({ file, specifier }) => `${file} imports ${specifier}: not allowed there, because ${why}.`);
    const inside = new Set(users.filter(({ file }) => only.test(file)).map(({ file }) => file));
    const tooMany = files !== undefined && inside.size > files;
    return tooMany
      ? [...outside, `${[...inside].join(', ')} all import ${of.source}: ${files} may, because ${why}.`]
      : outside;
  });
};

const manifestRules = (): readonly string[] =>
  layers.flatMap(({ directory, name }) => {
    const manifest: { dependencies?: Record<string, string> } = JSON.parse(
      readFileSync(join(root, 'packages', directory, 'package.json'), 'utf8'),
    );
    const declared = new Set(Object.keys(manifest.dependencies ?? {}));
    const used = sourcesOf(directory)
      .flatMap(importsOf)
      .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
      .filter(({ specifier }) => packageName(specifier) !== name)
      .filter(({ specifier }) => !declared.has(packageName(specifier)));
    return used.map(({ file, specifier }) =>
      builtins.has(specifier)
        ? `${file} imports ${specifier}: write node:${specifier}.`
        : `${file} imports ${specifier}: it is not a dependency in packages/${directory}/package.json.`,
    );
  });

const outward = (): readonly string[] =>
  layers.flatMap(({ directory }) =>
    sourcesOf(directory)
      .flatMap(importsOf)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter(({ file, specifier }) => !join(file, '..', specifier).startsWith(`packages/${directory}/src/`))
      .map(({ file, specifier }) => `${file} imports ${specifier}: reach another package by its name.`),
  );

/** Files of a package that import one another in a ring, each ring once, as "a -> b -> a". */
const rings = (directory: string): readonly string[] => {
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(' -> '));
    if (at >= 0 || finished.has(file)) return;
    for (const { specifier } of importsOf(file))
      if (specifier.startsWith('.'))
        visit(normalize(join(file, '..', specifier)).replace(/\.js$/, '.ts'), [...path, file]);
    finished.add(file);
  };
  for (const file of sourcesOf(directory)) visit(file, []);
  return found;
};

describe('layers', () => {
  it('reads the imports that are there', () => {
    expect(importsOf('packages/cli/src/main.ts').map(({ specifier }) => specifier)).toContain('./search.js');
    expect(importsOf('packages/cli/src/commands.ts').map(({ specifier }) => specifier)).toContain('./commands/help.js');
  });

  it('dependencies between packages point one way', () => {
    expect(layerRules()).toEqual([]);
  });

  it('outside packages are used where they may be', () => {
    expect(gateRules()).toEqual([]);
  });

  it('every package declares what it imports', () => {
    expect(manifestRules()).toEqual([]);
  });

  it.each(layers)('imports of $name go down, and never round', ({ directory }) => {
    expect(rings(directory)).toEqual([]);
  });

  it('no file reaches into another package by path', () => {
    expect(outward()).toEqual([]);
  });
});
