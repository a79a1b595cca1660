/** What `probelens trace` cannot do is said in one sentence, with the right exit code, and leaves nothing behind. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram } from '../../packages/probes/test/verify-program.js';
import { builtCommand } from '../command.js';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { findProgram, requirement } from '../requirements.js';

/** Files of one kind of damage each, by name; made in `directory` from the order service. */
const damaged = (directory: string, orders: string): void => {
  const copy = (name: string): string => {
    const path = join(directory, name);
    copyFileSync(orders, path);
    return path;
  };
  chmodSync(copy('not-executable'), 0o644);
  truncateSync(copy('cut-short'), 300_000);
  writeFileSync(join(directory, 'empty'), '', { mode: 0o755 });
  writeFileSync(join(directory, 'script'), '#!/bin/sh\n', { mode: 0o755 });
};

interface Case {
  readonly file: string;
  readonly probe: string;
  readonly says: RegExp;
  /** The text itself is wrong: exit code 2, and the usage below the sentence. */
  readonly usage?: true;
}

const inOrders = (probe: string, says: RegExp): Case => ({ file: 'orders/orders', probe, says });
const unreadable = (probe: string, says: RegExp): Case => ({ ...inOrders(probe, says), usage: true });

const cases: readonly Case[] = [
  // The probe's text: where, and what was expected.
  unreadable('main.price if', /Expected a Go expression after "if", found the end \(at character 14\)/),
  unreadable('main.price do explode', /Expected stop, log, count or snapshot, found "explode" \(at character 15\)/),
  unreadable('main.price if o.Qty = 0', /"o\.Qty = 0" is not a Go expression/),
  // The program: candidates, fields, places.
  inOrders('main.prise', /no function main\.prise in this program; did you mean main\.price\?/),
  inOrders('main.price if o.Quantity == 0', /has no field Quantity; it has ID, Symbol, Qty, Price/),
  inOrders('main.price if p.Qty == 0', /\bp\b/),
  inOrders('main.notional', /was inlined into main\.price .* probe "main\.notional inlined"/),
  inOrders('order.go:999', /no code for order\.go:999/),
  inOrders('main.price do stop', /`do log`, `do count` or `do snapshot`/),
  inOrders('main.price on current', /`on goroutine N` or `on main`/),
  { file: 'stripped/orders', probe: 'main.price if o.Qty == 0', says: /no debug information; build it without/ },
  // The file.
  { file: 'missing', probe: 'main.main', says: /there is no file .*missing/ },
  { file: 'empty', probe: 'main.main', says: /the file is empty/ },
  { file: 'script', probe: 'main.main', says: /not an ELF file/ },
  { file: '.', probe: 'main.main', says: /is a directory/ },
  { file: 'cut-short', probe: 'main.main', says: /cut short/ },
  { file: 'not-executable', probe: 'main.main', says: /could not be started: EACCES/ },
  {
    file: 'arm64/orders',
    probe: 'main.main',
    says: /is built for arm64 and this machine runs amd64; build it with GOARCH=amd64/,
  },
  // The kernel.
  inOrders('tracepoint:sched:nothing', /no tracepoint sched:nothing/),
  inOrders('perf:nothing:1', /no perf event "nothing"; known are /),
];

describe.skipIf(requirement('kernel', 'go').missing)('probelens trace refuses', () => {
  let directory: string;
  let command: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-refusals-'));
    // Others may look here: one test is another user.
    chmodSync(directory, 0o755);
    command = await builtCommand();
    const builds = {
      orders: {},
      stripped: { flags: ['-ldflags=-s -w'] },
      unoptimised: { flags: ['-gcflags=all=-N -l'] },
      arm64: { env: { GOARCH: 'arm64', CGO_ENABLED: '0' } },
    };
    for (const [name, options] of Object.entries(builds)) {
      const own = join(directory, name);
      await execa('mkdir', [own]);
      copyFileSync(await buildFixture('orders', options), join(own, 'orders'));
    }
    damaged(directory, join(directory, 'orders/orders'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Whatever it prints on stderr, with the directory's name taken out. */
  const run = async (
    args: readonly string[],
    options: { readonly before?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
  ) => {
    const line = [...(options.before ?? []), process.execPath, command, ...args];
    const { exitCode, stdout, stderr } = await execa(line[0] ?? '', line.slice(1), {
      reject: false,
      stdin: 'ignore',
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    return { exitCode, stdout, stderr: stderr.replaceAll(`${directory}/`, '') };
  };

  const expectOneSentence = (stderr: string, says: RegExp): void => {
    expect(stderr).toMatch(/^probelens: [^\n]+[.!?]$/);
    expect(stderr).not.toMatch(/\n| {4}at |undefined|\[object/);
    expect(stderr).toMatch(says);
  };

  const expectWrongUsage = (stderr: string, says: RegExp): void => {
    const [sentence = '', usage, ...rest] = stderr.split('\n');
    expectOneSentence(sentence, says);
    expect([usage, rest]).toEqual([expect.stringMatching(/^usage: probelens /), []]);
  };

  for (const { file, probe, says, usage } of cases) {
    it(`"${probe}" in ${file}`, async () => {
      const { exitCode, stdout, stderr } = await run(['trace', join(directory, file), '--probe', probe, '--', '10']);
      (usage === undefined ? expectOneSentence : expectWrongUsage)(stderr, says);
      // The program was not started, or had not begun.
      expect([exitCode, stdout]).toEqual([usage === undefined ? 1 : 2, '']);
    });
  }

  it('a text that cannot be read wherever one is given', async () => {
    const orders = join(directory, 'orders/orders');
    for (const args of [
      ['export', 'bpftrace', orders, '--probe', 'main.price if o.Qty = 0'],
      ['export', 'perf', orders, '--probe', 'main.price if'],
      ['explain', orders, 'main.price', '--if', 'o.Qty = 0'],
    ]) {
      const { exitCode, stdout, stderr } = await run(args);
      expectWrongUsage(stderr, /is not a Go expression|Expected a Go expression/);
      expect([exitCode, stdout]).toEqual([2, '']);
    }
  });

  it('processes that are gone, that are not Go, or that nobody may look at', async () => {
    const child = execa('true');
    await child;
    const gone = await run(['trace', '--pid', String(child.pid), '--probe', 'main.main']);
    expectOneSentence(gone.stderr, /There is no process \d+/);
    const node = await run(['trace', '--pid', String(process.pid), '--probe', 'main.main']);
    expectOneSentence(node.stderr, /no Go function table/);
    expect([gone.exitCode, node.exitCode]).toEqual([1, 1]);
  });

  it("another user's process, and a library of another build", { timeout: 60_000 }, async () => {
    const program = await startProgram(await privateCopy(join(directory, 'orders/orders'), directory), [
      'serve',
      '1000',
    ]);
    try {
      const pid = String(program.pid);
      const foreign = await run(['trace', '--pid', pid, '--probe', 'main.price'], { env: { SUDO_UID: '65534' } });
      expectOneSentence(foreign.stderr, /belongs to user 0 and you are user 65534/);
      const library = join(directory, 'unoptimised/orders');
      const wrong = await run(['trace', '--pid', pid, '--library', library, '--probe', 'main.price']);
      expectOneSentence(wrong.stderr, /does not run unoptimised\/orders/);
      expect([foreign.exitCode, wrong.exitCode]).toEqual([1, 1]);
      expect(program.alive).toBe(true);
    } finally {
      program.kill();
    }
  });

  it('nothing to whoever comes through sudo: the program runs as that user', { timeout: 60_000 }, async () => {
    const path = join(directory, 'orders/orders');
    const probe = ['--probe', 'tracepoint:sched:sched_process_exec do count', '--probe', 'main.price do count'];
    const env = { SUDO_UID: '65534', SUDO_GID: '65534' };
    const traced = await run(['trace', path, ...probe, '--', '10'], { env });
    expect(traced).toMatchObject({ exitCode: 0, stderr: '' });
    expect(traced.stdout).toMatch(/^ *10 +10 +0 +0 +main\.price do count$/m);
  });

  it('a user without privileges', { timeout: 60_000 }, async () => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const mayLook = await execa(nobody[0] ?? '', [...nobody.slice(1), process.execPath, command, 'version'], {
      reject: false,
    });
    // The checkout itself may be closed to others; then there is nothing to try.
    if (mayLook.exitCode !== 0) return;
    const { exitCode, stderr } = await run(['trace', join(directory, 'orders/orders'), '--probe', 'main.price'], {
      before: nobody,
    });
    expectOneSentence(stderr, findProgram('sudo') === undefined ? /as root/ : /with sudo, or .* `probelens doctor`/);
    expect(exitCode).toBe(1);
  });

  it('capabilities and file systems that are missing', { timeout: 60_000 }, async () => {
    const trace = ['trace', join(directory, 'orders/orders'), '--probe', 'tracepoint:sched:sched_switch', '--', '10'];
    const hidden = await run(trace, {
      before: ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /sys/kernel/tracing && exec "$@"', 'sh'],
    });
    expectOneSentence(hidden.stderr, /tracefs is not mounted or not readable: run "mount -t tracefs/);
    expect(hidden.exitCode).toBe(1);
  });
});
