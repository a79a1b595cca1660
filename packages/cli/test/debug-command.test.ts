/** `probelens debug` driven by a script, with real Delve and kernel. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, runCommand } from '../../../test/command.js';
import { buildFixture, findDelve, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';

describe('debug', () => {
  it.each([
    {
      args: ['/no/such/program'],
      says: '/no/such/program does not exist; name the directory of a Go package or a program that is built.',
    },
    { args: ['--attach', 'x'], says: '--attach "x" is not the number of a process.' },
    { args: ['--attach', '1', '.'], says: 'Either --attach PID or a program to start, not both.' },
    { args: ['--probe-only', '.'], says: '--probe-only needs a program that is built, or --attach PID.' },
    { args: ['--stdin', 'x', '--attach', '1'], says: 'A program that runs already has its stdin.' },
    {
      args: ['--stdin', '/no/such/file', '.'],
      says: '/no/such/file cannot be read (ENOENT); --stdin names what the program reads.',
    },
    { args: ['--stdin', tmpdir(), '.'], says: `--stdin ${tmpdir()} is a directory; name a file in it.` },
    {
      args: [join(fixtureSources('orders'), 'go.mod')],
      says: `${join(fixtureSources('orders'), 'go.mod')} is not executable; name a program that is built, or make it one with chmod +x.`,
    },
    {
      args: ['--probe', 'main.price do dance', '.'],
      says: 'The probe "main.price do dance" cannot be read: Expected stop, log, count or snapshot, found "dance" (at character 15).',
    },
    { args: ['--kernel', 'maybe', '.'], says: '--kernel "maybe" must be auto, off or required.' },
  ])('answers wrong usage: $args', async ({ args, says }) => {
    const { exitCode, stderr } = await runCommand(['debug', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr.split('\n')[0]).toBe(`probelens: ${says}`);
  });
});

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('debug, by a script', () => {
  let directory = '';
  let command: readonly string[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probelens-script-'));
    command = [await builtCommand(), 'debug', '--delve', findDelve() ?? 'dlv'];
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const run = async (args: readonly string[], script: readonly string[]) =>
    await execa(process.execPath, [...command, ...args], {
      input: `${script.join('\n')}\n`,
      reject: false,
      env: { TMPDIR: directory, XDG_STATE_HOME: directory },
    });

  it('builds a package, goes from stop to stop, and restarts with the same breakpoint and probe', async () => {
    const { exitCode, stdout, stderr } = await run(
      [fixtureSources('orders'), '--', '1000'],
      [
        '# the first order without quantity of a worker with a high multiplier',
        'break price if o.Qty == 0 && mult > 2 && o.ID % 5 == 0',
        'probe main.price if o.ID < 0 do count',
        'continue',
        'print o.ID',
        'whatis o.Price',
        'locals',
        'kernel',
        'next',
        'clear 1',
        'continue',
        'restart',
        'probes',
        'continue',
      ],
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    // Ids divisible by 103 and 5 that leave 2 or 3 when divided by 4: 515 is the first.
    expect(stdout).toMatch(/> breakpoint 1 {2}main\.price/);
    expect(stdout).toMatch(/^515$/m);
    expect(stdout).toMatch(/^float64$/m);
    expect(stdout).toMatch(/^mult = 4$/m);
    expect(stdout).toMatch(/^hits = 1$/m);
    expect(stdout).toMatch(/> step {2}main\.price {2}\S*order\.go:1[78] /);
    expect(stdout).toMatch(/^\[\d+\] main\.price if o\.ID < 0 do count \(armed, 0 hits\)$/m);
    // Twice to the normal end.
    expect(stdout.match(/^\{"calls":1000,.*"wrong":0\}$/gm)).toHaveLength(2);
    expect((await readdir(directory)).filter((name) => name.startsWith('probelens-debug-'))).toEqual([]);
  });

  it('shows what the compiler says', async () => {
    const package_ = join(directory, 'broken');
    await mkdir(package_);
    await writeFile(join(package_, 'go.mod'), 'module broken\n');
    await writeFile(join(package_, 'main.go'), 'package main\n\nfunc main() { nothing() }\n');
    const { exitCode, stdout, stderr } = await run([package_], ['continue']);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'probelens: Failed to launch: Build error: what the compiler said stands above.',
    });
    expect(stdout).toContain('undefined: nothing');
  });

  it.each([{ mode: ['--kernel', 'auto'] }, { mode: ['--probe-only'] }])(
    'gives the program a file to read: $mode',
    async ({ mode }) => {
      const program = await privateCopy(await buildFixture('hive'), directory);
      const words = join(directory, 'words');
      await writeFile(words, 'spawn 3\ncrowd 2\n');
      const script = ['break main.work if id > 2000', 'continue', 'clear 1', 'continue'];
      const { exitCode, stdout, stderr } = await run([...mode, '--stdin', words, program], script);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      // Set before the program begins, with or without Delve.
      expect(stdout).toMatch(/> breakpoint 1 {2}main\.work/);
      // 2 * (1 + 2 + 3) of one half, a thousand times that of the other.
      expect(stdout).toMatch(/^sum 12012$/m);
      expect(stdout).toMatch(/^crowd 2$/m);
    },
  );

  it('says which command failed, goes on, and ends with exit code 1; an attached program lives on', async () => {
    const program = await privateCopy(await buildFixture('orders'), directory);
    const service = execa(program, ['serve', '20000'], { reject: false });
    const { exitCode, stdout, stderr } = await run(
      ['--attach', String(service.pid)],
      [
        'bogus',
        'break main.prise',
        'break order.go:9999',
        'clear 7',
        'clear',
        'help nothing',
        'capture /proc/nowhere',
        'help unprobe',
        'break main.price on goroutine 1',
        'pause',
        'goroutines Go 1]',
        'list main.price',
      ],
    );
    service.kill('SIGTERM');
    const report: unknown = JSON.parse((await service).stdout.trim().split('\n').at(-1) ?? '');
    expect(report).toMatchObject({ wrong: 0 });
    expect(exitCode).toBe(1);
    const said = stderr.split('\n');
    expect(said.map((line) => line.split(': ')[1])).toEqual([
      'bogus',
      'break main.prise',
      'break order.go:9999',
      'clear 7',
      'clear',
      'help nothing',
      'capture /proc/nowhere',
    ]);
    expect(said[6]).toContain('/proc/nowhere cannot be written (');
    expect(stdout).toMatch(/^unprobe N\n +takes probe N out/m);
    expect(stdout).toMatch(/^Breakpoint \d+ at main\.price, \S*order\.go:\d+ on goroutine 1$/m);
    expect(said[1]).toMatch(/did you mean main\.price/);
    expect(stdout).toMatch(/^1 of \d+ goroutines$/m);
    expect(stdout).toMatch(/[\d.]+ us +\d+ {2}func price\(o \*Order/);
  });

  it('stops a running program without a debugger, and lets it go on', async () => {
    const program = await privateCopy(await buildFixture('orders'), directory);
    const service = execa(program, ['serve', '20000'], { reject: false });
    const { exitCode, stdout, stderr } = await run(
      ['--probe-only', '--attach', String(service.pid)],
      ['break main.price if o.Qty == 0 && mult > 2', 'continue', 'locals', 'stack', 'next'],
    );
    service.kill('SIGTERM');
    const report: unknown = JSON.parse((await service).stdout.trim().split('\n').at(-1) ?? '');
    expect(report).toMatchObject({ wrong: 0 });
    expect(stdout).toMatch(/> breakpoint 1 {2}main\.price {2}/);
    expect(stdout).toMatch(/^o = .*Qty:\s*0/m);
    expect(stdout).toMatch(/1 {2}main\.worker/);
    // Steps are a debugger's.
    expect(stderr).toMatch(/^probelens: next: [^\n]+$/);
    expect(exitCode).toBe(1);
  });
});
