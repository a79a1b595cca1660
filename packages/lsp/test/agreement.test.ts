import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { compare } from './agreement.js';
import { temporaryDirectory } from './editor.js';
import { askToolchain } from './truth.js';

describe.skipIf(requirement('go').missing)('what is said of every function is what the toolchain says', () => {
  let work: string;
  beforeAll(() => {
    work = temporaryDirectory();
  });
  afterAll(() => {
    rmSync(work, { recursive: true, force: true });
  });

  test.each(['orders', 'variety'])('of the program %s', async (name) => {
    const module = join(work, name);
    cpSync(fixtureSources(name), module, { recursive: true });
    const truth = await askToolchain(module, '.', join(work, `${name}.bin`));
    const agreement = await compare(module, truth);
    expect(agreement.wrongBodies).toEqual([]);
    expect(agreement.unannounced).toEqual([]);
    expect(agreement.notInlinable).toEqual([]);
    expect(agreement.missed).toEqual([]);
    expect(agreement.unoffered).toEqual([]);
    expect(agreement.announced.shown).toBeGreaterThan(0);
    expect(agreement.withBody).toBeGreaterThan(5);
    expect(agreement.copies).toBeGreaterThan(0);
  });
});

/** Modules of other people, from the Go module proxy: a command-line tool, a server with generics, one with cgo. */
const published = [
  { module: 'github.com/go-delve/delve', version: 'v1.27.2', main: './cmd/dlv' },
  { module: 'github.com/nats-io/nats-server/v2', version: 'v2.10.20', main: '.' },
  { module: 'github.com/opencontainers/runc', version: 'v1.1.12', main: '.' },
] as const;

// Minutes of building and a network: `npm run soak`.
if (soaking) {
  describe('published modules', () => {
    test.each(published)('$module', async ({ module, version, main }) => {
      const work = temporaryDirectory();
      const download = await execa('go', ['mod', 'download', '-json', `${module}@${version}`]);
      const { Dir } = JSON.parse(download.stdout) as { readonly Dir: string };
      const sources = join(work, 'module');
      await execa('cp', ['-r', Dir, sources]);
      await execa('chmod', ['-R', 'u+w', sources]);
      const agreement = await compare(sources, await askToolchain(sources, main, join(work, 'program')));
      console.log(module, {
        ...agreement,
        wrongBodies: agreement.wrongBodies.length,
        unannounced: agreement.unannounced.length,
        notInlinable: agreement.notInlinable,
        missed: agreement.missed,
        unoffered: agreement.unoffered,
      });
      expect(agreement.wrongBodies).toEqual([]);
      expect(agreement.unannounced).toEqual([]);
      expect(agreement.notInlinable).toEqual([]);
      expect(agreement.missed).toEqual([]);
      expect(agreement.unoffered).toEqual([]);
      await execa('rm', ['-rf', work]);
    });
  });
}
