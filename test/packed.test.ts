/**
 * The packages as strangers get them: packed, installed into an empty project by npm, run and imported from there. What
 * this finds is what the workspace hides: files left out of a tarball, undeclared dependencies, wrong export paths.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './delve.js';
import { buildFixture } from './fixture-build.js';
import { requirement } from './requirements.js';

const libraries = ['@probelens/gosym', '@probelens/bpf', '@probelens/probes', '@probelens/dap', '@probelens/lsp'];
const entryPoints = [...libraries, '@probelens/probes/agent', '@probelens/probes/control'];
/** Everything that may be in a tarball, from its top. */
const allowed = /^package\/(package\.json|LICENSE|README\.md|CHANGELOG\.md|settings\.schema\.json|(dist|src|bin)\/.+)$/;

describe.skipIf(requirement('go', 'registry').missing)('packed and installed', () => {
  let directory = '';
  let project = '';
  let tarballs: readonly string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probelens-packed-'));
    project = join(directory, 'project');
    await mkdir(project);
    await execa('npm', ['run', '--silent', 'build'], { cwd: root });
    const pnpm = [
      '-y',
      'pnpm@12.21.0',
      '--recursive',
      '--filter',
      './packages/*',
      'pack',
      '--pack-destination',
      directory,
    ];
    await execa('npx', pnpm, { cwd: root });
    tarballs = (await readdir(directory)).filter((name) => name.endsWith('.tgz')).map((name) => join(directory, name));
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
    // Nothing of theirs or of what they need may have to run at installation.
    const options = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
    await execa('npm', ['install', ...options, ...tarballs], { cwd: project });
  }, 300_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are six tarballs with code, types and a licence, and nothing else', async () => {
    expect(tarballs).toHaveLength(6);
    for (const tarball of tarballs) {
      const files = (await execa('tar', ['-tzf', tarball])).stdout.split('\n');
      expect(files.filter((file) => !allowed.test(file))).toEqual([]);
      expect(files).toContain('package/LICENSE');
      expect(files.filter((file) => file.endsWith('.d.ts')).length).toBeGreaterThan(0);
      expect(files).toEqual(expect.arrayContaining(['package/README.md', 'package/CHANGELOG.md']));
    }
  });

  it('name no workspace and no path of the machine that packed them', async () => {
    for (const name of [...libraries, 'probelens']) {
      const manifest = await readFile(join(project, 'node_modules', name, 'package.json'), 'utf8');
      expect(manifest).not.toMatch(/workspace:|file:|link:/);
      const parsed: { readonly scripts?: Readonly<Record<string, string>> } = JSON.parse(manifest);
      expect(parsed).toMatchObject({ license: 'MIT', type: 'module', engines: { node: '>=20.10' } });
      const atInstallation = ['preinstall', 'install', 'postinstall', 'prepare'];
      expect(Object.keys(parsed.scripts ?? {}).filter((script) => atInstallation.includes(script))).toEqual([]);
    }
    const bundle = join(project, 'node_modules/probelens/dist');
    for (const file of (await readdir(bundle, { recursive: true })).filter((name) => name.endsWith('.js'))) {
      expect((await readFile(join(bundle, file), 'utf8')).includes(root)).toBe(false);
    }
  });

  it('gives the command, which reads a binary', async () => {
    const binary = await buildFixture('orders');
    const run = await execa(
      'npx',
      ['--no-install', 'probelens', 'functions', binary, '--json', '--match', '^main\\.price$'],
      {
        cwd: project,
      },
    );
    expect(run.stdout.split('\n').map((line) => JSON.parse(line).name)).toEqual(['main.price']);
    expect((await execa('npx', ['--no-install', 'probelens', 'version'], { cwd: project })).stdout).toMatch(
      /^probelens \d/,
    );
  });

  it('says what works on this machine, from where it was installed', async () => {
    const run = await execa('npx', ['--no-install', 'probelens', 'doctor', '--json'], { cwd: project, reject: false });
    const checks: readonly { readonly id: string; readonly state: string; readonly detail: string }[] = run.stdout
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(checks.length).toBeGreaterThan(4);
    expect(run.exitCode).toBe(checks.some(({ state }) => state === 'broken') ? 1 : 0);
    expect(run.stdout).not.toContain('made a mistake');
  });

  it('finds the grammar, the worker and the editors in the tarball', async () => {
    const binary = await buildFixture('orders');
    const probelens = (...args: readonly string[]) =>
      execa('npx', ['--no-install', 'probelens', ...args], { cwd: project });
    // A condition is parsed with the grammar, which is WebAssembly.
    const explained = await probelens('explain', binary, 'main.price', '--if', 'o.Qty == 0 && mult > 2');
    expect(explained.stdout).toMatch(/sites\n\s+stop /);
    expect((await probelens('init', 'nvim')).stdout).toContain('probelens');
    const bundle = await readdir(join(project, 'node_modules/probelens/dist'));
    expect(bundle).toEqual(expect.arrayContaining(['main.js', 'lsp-worker.js', 'tree-sitter-go.wasm', 'editors']));
  });

  it.each(entryPoints)('%s can be imported', async (name) => {
    const script = `const names = Object.keys(await import('${name}')); console.log(names.length > 0)`;
    const run = await execa(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    expect(run.stdout).toBe('true');
  });

  it('has types that a strict project accepts', async () => {
    const lines = entryPoints.map((name, i) => `import * as library${i} from '${name}';\nexport { library${i} };`);
    await writeFile(join(project, 'uses.ts'), `${lines.join('\n')}\n`);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
    const run = await execa(process.execPath, [compiler, ...options, ...types, 'uses.ts'], {
      cwd: project,
      reject: false,
    });
    expect({ exitCode: run.exitCode, stdout: run.stdout }).toEqual({ exitCode: 0, stdout: '' });
  });
});
