/** trace, held against the order service's own count. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { brotliDecompressSync } from 'node:zlib';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, runCommand } from '../../../test/command.js';
import { root } from '../../../test/delve.js';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';

const condition = 'o.Qty == 0 && mult > 2';
const orders = 20_000;

describe('trace without a kernel', () => {
  it.each([
    { args: ['x'], says: "Name at least one probe: --probe 'main.main do count'." },
    { args: ['--probe', 'x'], says: 'Name a BINARY to start, or the running program with --pid N.' },
    {
      args: ['--probe', 'bpf:load', '--probe', 'x'],
      says: 'Name a BINARY to start, or the running program with --pid N.',
    },
    { args: ['x', '--pid', '1', '--probe', 'x'], says: 'Either --pid N or a BINARY to start, not both.' },
    { args: ['--pid', 'one', '--probe', 'x'], says: '--pid "one" is not the number of a process.' },
    {
      args: ['x', '--probe', 'x', '--budget', 'all'],
      says: '--budget "all" is neither a percentage of a core nor "none".',
    },
  ])('answers wrong usage: $args', async ({ args, says }) => {
    const { exitCode, stderr } = await runCommand(['trace', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr.split('\n')[0]).toBe(`probelens: ${says}`);
  });

  it('refuses a program for another machine, and says where it could be traced', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'probelens-other-'));
    const [other, here] = process.arch === 'arm64' ? ['amd64', 'arm64'] : ['arm64', 'amd64'];
    const path = join(directory, 'other');
    const stored = await readFile(join(root, `fixtures/binaries/plain-1.26.8-${other}.br`));
    await writeFile(path, brotliDecompressSync(stored));
    const { exitCode, stderr } = await runCommand(['trace', path, '--probe', 'main.main if x > 2 do count']);
    await rm(directory, { recursive: true });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `probelens: ${path} is built for ${other} and this machine runs ${here}; build it with GOARCH=${here}, or trace it where it runs.`,
    });
  });
});

describe.skipIf(requirement('kernel', 'go').missing)('trace', () => {
  let directory = '';
  let binary = '';
  let expected = 0;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probelens-trace-'));
    binary = await privateCopy(await buildFixture('orders'), directory);
    const report = (await execa(binary, [String(orders)])).stdout.split('\n').at(-1) ?? '';
    expected = JSON.parse(report).matches[condition];
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('finds every call that matches, and counts all others', async () => {
    const probes = ['--probe', `main.price if ${condition} do log "{o.ID} {mult}"`, '--probe', 'main.price do count'];
    const run = await runCommand(['trace', binary, ...probes, '--budget', 'none', '--json', '--', String(orders)]);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const lines = run.stdout.split('\n').map((line) => JSON.parse(line));
    const summary = lines.pop();
    expect(lines).toHaveLength(expected);
    for (const { values } of lines) {
      expect(Number(values['o.ID']) % 103).toBe(0);
      expect((Number(values['o.ID']) % 4) + 1).toBe(Number(values.mult));
    }
    expect(summary.probes).toMatchObject([
      { hits: orders, matches: expected, faults: 0, lost: 0 },
      { hits: orders, matches: orders, lost: 0 },
    ]);
    expect(summary.exitCode).toBe(0);
  });

  it('shows a line for each event and a table, beside the output of the program', async () => {
    const run = await runCommand([
      'trace',
      binary,
      '--probe',
      'main.price if o.ID == 77 do log "{o.Symbol}"',
      '--',
      '100',
    ]);
    expect(run.stdout).toMatch(/goroutine \d+ main\.price \(order\.go:\d+\): "ZORG"$/m);
    expect(run.stdout).toMatch(/^ +100 +1 +0 +0 {2}main\.price if o\.ID == 77/m);
    expect(run.stdout).toContain('"calls":100');
  });

  it('takes its probes out at Ctrl-C and leaves a program that ran before running', async () => {
    const service = execa(binary, ['serve'], { stdin: 'pipe', buffer: true });
    await new Promise((resolve) => service.stdout.once('data', resolve));
    const trace = execa(process.execPath, [
      await builtCommand(),
      'trace',
      '--pid',
      String(service.pid),
      '--probe',
      'main.price if o.ID % 1000 == 5',
    ]);
    await new Promise((resolve) => trace.stdout.once('data', resolve));
    trace.kill('SIGINT');
    expect((await trace).stdout).toMatch(/ s$/);
    service.stdin.end();
    expect(JSON.parse((await service).stdout.split('\n').at(-1) ?? '')).toMatchObject({ wrong: 0 });
  });

  it('tells why an eBPF program was refused, with the whole log where that is asked for', async () => {
    const bpfload = await privateCopy(await buildFixture('bpfload'), directory);
    const args = [
      'trace',
      bpfload,
      '--probe',
      'bpf:load if errno != 0',
      '--',
      '-via',
      'syscall',
      '-log',
      '1',
      'leaked',
    ];
    const brief = await runCommand(args);
    expect(brief).toMatchObject({ exitCode: 0, stderr: '' });
    expect(brief.stdout).toContain('check: leaked-reference, Unreleased reference');
    expect(brief.stdout).toContain('a ring-buffer record submitted or discarded');
    // The program prints the log as well; what is indented is ours.
    expect(brief.stdout).not.toContain('\n    processed 7 insns');
    const whole = await runCommand([...args.slice(0, 4), '--verifier-log', ...args.slice(4)]);
    expect(whole.stdout).toContain('\n    processed 7 insns');
    expect(whole.stdout).toContain('\n    4: (85) call bpf_ringbuf_reserve#131');
  });

  it('tells of the eBPF programs of a program that is not Go, started or running', async () => {
    const loader = join(directory, 'load');
    await execa('gcc', ['-O2', '-o', loader, join(fixtureSources('bpfc'), 'plain/load.c')]);
    const probes = [
      '--probe',
      'bpf:load if name == "wrong_c" && errno != 11',
      '--probe',
      'bpf:load if name == "good_c"',
    ];
    const started = await runCommand(['trace', ...probes, loader]);
    expect(started).toMatchObject({ exitCode: 0, stderr: '' });
    expect(started.stdout).toMatch(
      / load\[\d+\] bpf:load if .*: socket_filter "wrong_c", 2 instructions.*: refused, EACCES/,
    );
    expect(started.stdout).toContain('check: uninitialized-register, R0 !read_ok');
    expect(started.stdout).toMatch(/"good_c", 2 instructions.*: id \d+/);
    expect(started.stdout).toContain('{"name":"wrong_c","fd":-1,"errno":13}');

    const running = execa(loader, ['again'], { stdin: 'pipe' });
    const pid = String(running.pid);
    const traced = execa(process.execPath, [await builtCommand(), 'trace', ...probes, '--pid', pid, '--json']);
    let seen = false;
    traced.stdout.on('data', (lines: Buffer) => {
      seen ||= lines.includes('"probe":2');
    });
    // It does not say when it is ready: what comes before that goes by unseen.
    running.stdin.write('\n');
    for await (const line of createInterface({ input: running.stdout })) {
      if (!line.includes('good_c')) continue;
      if (seen) running.stdin.end();
      else running.stdin.write('\n');
    }
    const [first, ...others] = (await traced).stdout.split('\n').map((line) => JSON.parse(line));
    expect(first).toMatchObject({ pid: running.pid, goid: '0', bpf: { kind: 'load', type: 'socket_filter' } });
    expect(others.at(-1).probes.map(({ matches }: { matches: number }) => matches > 0)).toEqual([true, true]);

    const goroutine = await runCommand(['trace', '--probe', 'bpf:load on main', loader]);
    expect(goroutine).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('this is no Go program; leave out'),
    });
  });

  it('looks at the whole machine for eBPF programs when it is told of none', async () => {
    const bpfload = await privateCopy(await buildFixture('bpfload'), directory);
    const probe = ['--probe', 'bpf:load if name == "xdp"', '--json'];
    const tracing = execa(process.execPath, [await builtCommand(), 'trace', ...probe], { reject: false });
    let seen = false;
    tracing.stdout.once('data', () => {
      seen = true;
      tracing.kill('SIGINT');
    });
    // It does not say when it is ready: what comes before that goes by unseen.
    const pids = new Set<number>();
    while (!seen && tracing.exitCode === null) {
      const { stdout } = await execa(bpfload, ['-via', 'syscall', 'xdp']);
      pids.add(JSON.parse(stdout).pid);
    }
    const { stdout, exitCode } = await tracing;
    const [first] = stdout.split('\n').map((line) => JSON.parse(line));
    expect(exitCode).toBe(0);
    expect(pids).toContain(first.pid);
    expect(first.bpf).toMatchObject({ kind: 'load', type: 'xdp', errno: 0, instructions: 2 });
  });
});

describe.skipIf(requirement('kernel', 'go').missing)('trace --crashes', () => {
  let directory = '';
  let crashes = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probelens-crashes-'));
    crashes = await privateCopy(await buildFixture('crashes', { env: { CGO_ENABLED: '0' } }), directory);
  }, 120_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('reports a panic of the program that it starts, for people and for scripts', async () => {
    const text = await runCommand(['trace', '--crashes', crashes, '--', 'repanic']);
    expect(text.exitCode).toBe(0);
    expect(text.stdout).toMatch(
      /PANIC process \d+ thread \d+ goroutine 1: panic: first \[recovered\]; then panic: again first\n {4}main\.again\.func1 \(panics\.go:\d+\)\n/,
    );
    expect(text.stdout).toContain('\n  exit code 2\n');
    // What the runtime prints goes where it always goes.
    expect(text.stderr).toContain('panic: first [recovered]');
    const json = await runCommand(['trace', '--crashes', '--json', crashes, '--', 'repanic']);
    const [first, summary] = json.stdout.split('\n').map((line) => JSON.parse(line));
    expect(first.crash).toMatchObject({
      kind: 'panic',
      goroutine: '1',
      exitCode: 2,
      panics: [{}, { text: 'again first' }],
    });
    expect(summary.exitCode).toBe(2);
  });
});
