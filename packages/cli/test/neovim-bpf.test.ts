/** eBPF programs that are loaded, in a session of headless Neovim: the real command, Delve and kernel, by the keys of the configuration. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { findDelve, root } from '../../../test/delve.js';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { type KeyRow, keyTable } from '../src/keys/table.js';

/** What a key did. */
interface Shown {
  readonly message?: string;
  readonly lines: readonly string[];
  readonly requests: readonly string[];
  readonly stop?: unknown;
}

const actions = ['verifier_summary', 'goroutines_and_crash', 'pause_at_next_load', 'lens_keys.probe', 'continue'];

const rowsOf = (wanted: string): readonly KeyRow[] =>
  keyTable('nvim').filter(
    ({ action, context, owner }) => action === wanted && context === 'Delve session' && owner === 'probelens',
  );

/** As the configuration has them: the table of keys is read from it. */
const keysOf = (action: string): readonly string[] => rowsOf(action).map(({ written }) => written);

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe.skipIf(requirement('kernel', 'delve', 'go', 'nvim').missing)('eBPF in Neovim', () => {
  const directory = mkdtempSync(join(tmpdir(), 'probelens-neovim-bpf-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('stops before and after loads, and does by keys what the table of keys says', async () => {
    // Of this try alone: what is probed is remembered.
    const own = mkdtempSync(join(directory, 'try-'));
    mkdirSync(join(own, 'run'), { mode: 0o700 });
    const program = await privateCopy(await buildFixture('bpfload'), directory);
    const file = join(fixtureSources('bpfload'), 'load.go');
    const line =
      readFileSync(file, 'utf8').split('\n').indexOf('func systemCall(attr *loadAttributes) (int, unix.Errno) {') + 1;
    const run = await execa(
      'nvim',
      ['--headless', '-u', 'NONE', '-i', 'NONE', '-n', '-c', `luafile ${here('neovim-bpf.lua')}`],
      {
        env: {
          PLUGIN: join(root, 'editors/nvim'),
          // The real nvim-dap, where somebody has it: its directory "lua".
          DAP: process.env.NVIM_DAP ?? here('neovim-dap'),
          COMMAND: JSON.stringify([process.execPath, await builtCommand()]),
          FILE: file,
          LINE: String(line),
          PROGRAM: program,
          DELVE: findDelve() ?? 'dlv',
          KEYS: JSON.stringify(Object.fromEntries(actions.map((action) => [action, keysOf(action)]))),
          XDG_RUNTIME_DIR: join(own, 'run'),
          XDG_STATE_HOME: join(own, 'state'),
        },
        timeout: 170_000,
      },
    );
    const said = run.stdout
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text): { readonly name: string; readonly value: unknown } => JSON.parse(text));
    const value = (name: string): unknown => said.findLast((report) => report.name === name)?.value;
    expect(value('problem')).toBeUndefined();

    const leaked = { type: 'tracepoint', name: 'leaked', license: 'GPL', flags: 'none', BTF: 'no' };
    const counts = { 'instruction count': '8', 'log level': '1', 'line information': 'none' };
    const stack = expect.arrayContaining(['syscall.Syscall', 'main.systemCall', 'main.main']);
    expect(value('before')).toEqual({
      reason: 'exception',
      description: 'BPF program load',
      values: { ...leaked, ...counts, result: 'about to be loaded', instructions: '7 as they were given' },
      stack,
    });
    expect(value('no verdict yet')).toMatch(/stands before the load/);
    expect(value('refused')).toMatchObject({
      description: 'BPF program refused',
      values: { ...leaked, ...counts, result: 'refused, EINVAL (errno 22)', check: 'leaked-reference' },
      stack,
    });
    const reports: readonly { case: string; id?: number; tag?: string; mapIds?: readonly number[]; log?: string }[] =
      String(value('output'))
        .split('\n')
        .filter((each) => each.startsWith('{"case"'))
        .map((each) => JSON.parse(each));
    const truth = reports.find((report) => report.case === 'two-maps');
    expect(value('loaded')).toMatchObject({
      description: 'BPF program loaded',
      values: { result: 'done', id: `${truth?.id}`, tag: truth?.tag, 'map ids': `[${truth?.mapIds?.join(', ')}]` },
    });

    const requestsOf = (action: string): readonly string[] => rowsOf(action)[0]?.request.split(', ') ?? [];
    for (const key of keysOf('verifier_summary')) {
      const { lines, requests } = value(key) as Shown;
      expect(requests).toEqual(requestsOf('verifier_summary'));
      expect(lines[0]).toContain('tracepoint "leaked", 8 instructions');
      expect(lines).toContain('at: instruction 7, exit');
    }
    for (const key of keysOf('goroutines_and_crash')) {
      const { lines, requests } = value(key) as Shown;
      expect([...new Set(requests)].sort()).toEqual([...requestsOf('goroutines_and_crash')].sort());
      expect(lines[0]).toMatch(/^BPF program refused: tracepoint "leaked"/);
      expect(lines).toContainEqual(expect.stringMatching(/^ {4}main\.systemCall {2}\/.*load\.go:\d+$/));
      expect(lines.filter((each) => /^\S.*\[Go \d+\]|^\[Go \d+\]/.test(each)).length).toBeGreaterThan(1);
    }
    const programs = keysOf('pause_at_next_load').map((key) => {
      const { message, lines, requests, stop } = value(key) as Shown;
      expect([message, requests]).toEqual([
        'The next eBPF program is shown before it is loaded.',
        requestsOf('pause_at_next_load'),
      ]);
      expect(stop).toMatchObject({ description: 'BPF program load', values: { result: 'about to be loaded' }, stack });
      return lines;
    });
    // Neither is one of those with which the library tries the kernel out.
    expect(programs).toEqual([
      ['About to load: xdp "xdp", 2 instructions, license GPL, no BTF, log level 1', '   0: r0 = 2', '   1: exit'],
      [
        expect.stringMatching(/^About to load: socket_filter "socket_filter", 2 instr/),
        expect.any(String),
        '   1: exit',
      ],
    ]);
    expect(value('output')).toContain('About to load: xdp "xdp"');
    for (const key of keysOf('lens_keys.probe'))
      expect(value(key)).toEqual({
        title: expect.stringMatching(/^probed/),
        probes: expect.stringContaining('main.systemCall do count'),
        afterwards: 'probe this function',
      });
    expect(reports.map((report) => report.case)).toEqual(['leaked', 'two-maps', 'xdp', 'socket-filter']);
  }, 200_000);
});
