/** `probelens trace` of programs built in every way: large and stripped, with C, in C, for a debugger, by other Go versions. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../command.js';
import { buildFixture, findDelve, fixtureSources, privateCopy } from '../fixture-build.js';
import { requirement, soaking } from '../requirements.js';
import { traceProgram } from './trace-command.js';

/** esbuild's own npm package has the program as its makers ship it: Go, without symbols and debug information. */
const esbuildProgram = (): string => {
  const esbuild = createRequire(import.meta.url).resolve('esbuild/package.json');
  return createRequire(esbuild).resolve('@esbuild/linux-x64/bin/esbuild');
};

/** GOTOOLCHAIN of versions in use; other than the installed one they are fetched. */
const versions = ['go1.17.13', 'go1.22.12', 'go1.24.13', 'go1.26.0', 'go1.27.0'] as const;

const sectionsOf = async (path: string): Promise<string> => (await execa('readelf', ['-SW', path])).stdout;

/** What a log without a template says of a stripped program, if anything. */
const withoutArguments = /^(?:probelens: "[^"]+": The arguments are not shown: [^\n]+)?$/;

describe.skipIf(requirement('kernel', 'go').missing)('probelens trace of', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-kinds-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.skipIf(requirement('delve', 'bpftrace').missing)(
    'Delve itself, stripped: as many hits as bpftrace sees with symbols',
    { timeout: 60_000 },
    async () => {
      const whole = await privateCopy(findDelve() ?? '', directory);
      const stripped = join(directory, 'stripped');
      await execa('strip', ['-o', stripped, whole]);
      expect(await sectionsOf(stripped)).not.toMatch(/\.symtab|\.debug_info/);
      const functions = [
        'github.com/spf13/cobra.(*Command).AddCommand',
        'github.com/spf13/pflag.(*FlagSet).AddFlag',
        'github.com/spf13/cobra.(*Command).execute',
      ];
      const traced = await traceProgram(
        [...functions.map((each) => `${each} do count`), 'main.main do log'],
        [stripped, 'version'],
      );
      expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: expect.stringMatching(withoutArguments) });
      expect(traced.events.map(({ goid }) => goid)).toEqual(['1']);
      const script = functions
        .map((each, index) => `uprobe:${whole}:"${each}" { @hits[${index}] = count(); }`)
        .join('\n');
      const { stdout } = await execa('bpftrace', ['-e', script, '-c', `${whole} version`]);
      const truth = functions.map((_, index) =>
        Number(new RegExp(`^@hits\\[${index}\\]: (\\d+)$`, 'm').exec(stdout)?.[1]),
      );
      expect(traced.probes.slice(0, 3).map(({ hits }) => hits)).toEqual(truth);
      expect(truth.every((hits) => hits > 0)).toBe(true);
    },
  );

  it('a program without a build id', async () => {
    const path = await privateCopy(esbuildProgram(), directory);
    expect((await execa('readelf', ['--notes', '--wide', path])).stdout).not.toMatch(/Build ID/i);
    const traced = await traceProgram(['main.main do count'], [path, '--version']);
    expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: '' });
    expect(traced.probes.map(({ hits }) => hits)).toEqual([1]);
  });

  it.skipIf(!soaking)('a stripped program of 50 MB, from a distribution (soak)', { timeout: 300_000 }, async () => {
    await execa('apt-get', ['download', 'prometheus'], { cwd: directory });
    await execa('sh', ['-c', 'dpkg-deb -x prometheus_*.deb .'], { cwd: directory });
    const promtool = join(directory, 'usr/bin/promtool');
    expect(statSync(promtool).size).toBeGreaterThan(45_000_000);
    expect(await sectionsOf(promtool)).not.toMatch(/\.symtab|\.debug_info/);
    const rules = Array.from(
      { length: 37 },
      (_, index) => `  - record: a:b${index}\n    expr: sum(rate(x${index}[5m]))\n`,
    );
    writeFileSync(join(directory, 'rules.yml'), `groups:\n- name: g\n  rules:\n${rules.join('')}`);
    const texts = [
      'github.com/prometheus/prometheus/model/rulefmt.(*RuleNode).Validate do count',
      'github.com/prometheus/prometheus/promql/parser.ParseExpr do count',
      'github.com/prometheus/prometheus/model/rulefmt.Parse do count',
    ];
    const traced = await traceProgram(texts, [promtool, 'check', 'rules', join(directory, 'rules.yml')]);
    expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: '' });
    expect(traced.probes.map(({ hits }) => hits)).toEqual([37, 37, 1]);
  });

  it('Go code in a library that a C program loads', { timeout: 120_000 }, async () => {
    const library = join(directory, 'libprice.so');
    const host = join(directory, 'host');
    const sources = fixtureSources('shared');
    const env = { CGO_ENABLED: '1' };
    await execa('go', ['build', '-buildmode=c-shared', '-o', library, '.'], { cwd: sources, env });
    await execa('cc', ['-o', host, join(sources, 'host.c'), '-ldl']);
    const texts = [
      'main.price if o.Qty == 0 do log "{o.ID} {o.Symbol} {mult}"',
      'main.price return do count',
      'main.PriceOf do count',
    ];
    const traced = await traceProgram(texts, [host, library, '3000'], ['--library', library]);
    expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: '' });
    expect(traced.probes.map(({ hits }) => hits)).toEqual([3000, 3000, 3000]);
    // Every seventh order has no quantity (main.go).
    expect(traced.events.map(({ values }) => Number(values['o.ID']))).toEqual(
      Array.from({ length: Math.ceil(3000 / 7) }, (_, index) => index * 7),
    );
    expect(traced.events.every(({ values }) => values['o.Symbol'] === '"ACME"' && values.mult === '3')).toBe(true);

    const refused = await traceProgram(['main.price'], [host, library, '1']);
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/no Go function table.*--library FILE/),
    });

    const started = await traceProgram(['main.price'], [library]);
    expect(started).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`add --library ${library}`) });

    // Running, it shows what it has loaded.
    const running = execa(host, [library, '1000000000000'], { reject: false });
    try {
      await expect
        .poll(() => readFileSync(`/proc/${running.pid}/maps`, 'latin1'), { timeout: 30_000 })
        .toMatch(/ r-xp .*libprice\.so/);
      const named = await runCommand(['trace', '--pid', String(running.pid), '--probe', 'main.price do count']);
      expect(named).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`add --library ${library}`) });
    } finally {
      running.kill('SIGKILL');
    }
  });

  it('a program that calls C', { timeout: 120_000 }, async () => {
    const path = await privateCopy(await buildFixture('withc', { env: { CGO_ENABLED: '1' } }), directory);
    expect(await sectionsOf(path)).toContain('.interp');
    const traced = await traceProgram(['main.sum do log "{factor}"', 'main.sum return do count'], [path]);
    expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: '' });
    expect(traced.events.map(({ values, goid }) => [goid, values.factor])).toEqual([
      ['1', '2'],
      ['1', '4'],
    ]);
    expect(traced.probes[1]?.hits).toBe(2);
  });

  for (const version of soaking ? versions : (['local'] as const)) {
    for (const flags of [[], ['-gcflags=all=-N -l'], ['-ldflags=-s -w'], ['-race']]) {
      it(`${version} ${flags.join(' ')}`, { timeout: 300_000 }, async () => {
        const env = { GOTOOLCHAIN: version, CGO_ENABLED: flags.includes('-race') ? '1' : '0' };
        const orders = await privateCopy(await buildFixture('orders', { flags, env }), directory);
        if (version !== 'local') expect((await execa('go', ['version', orders])).stdout).toContain(version);
        const stripped = flags.includes('-ldflags=-s -w');
        const condition = stripped
          ? []
          : ['main.price if o.ID % 1000 == 5 && o.Symbol == "ZORG" do log "{o.ID} {mult}"'];
        const texts = ['main.price do count', 'main.price return do count', 'main.run do log', ...condition];
        const traced = await traceProgram(texts, [orders, '12000']);
        const said = expect.stringMatching(stripped ? withoutArguments : /^$/);
        expect(traced).toMatchObject({ exitCode: 0, programExit: 0, stderr: said });
        expect(traced.probes.slice(0, 3).map(({ hits }) => hits)).toEqual([12_000, 12_000, 1]);
        expect(traced.events.filter(({ probe }) => probe === 3).map(({ goid }) => goid)).toEqual(['1']);
        // Order id has symbol id % 6, ZORG being the last of six, and multiplier id % 4 + 1 (book.go, order.go).
        const ids = Array.from({ length: 12 }, (_, index) => index * 1000 + 5).filter((id) => id % 6 === 5);
        const shown = traced.events.filter(({ probe }) => probe === 4).map(({ values }) => Number(values['o.ID']));
        expect(shown.toSorted((a, b) => a - b)).toEqual(stripped ? [] : ids);
      });
    }
  }
});
