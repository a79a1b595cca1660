/** `probelens debug` at a real terminal, with real Delve and kernel. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { buildFixture, findDelve, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const esc = '\u001b';
const keys = {
  f5: `${esc}[15~`,
  f9: `${esc}[20~`,
  f10: `${esc}[21~`,
  up: `${esc}[A`,
  home: '\u0001',
  interrupt: '\u0003',
  capture: '\u001c',
} as const;
const ready = '(probelens) ';

/** Processes that were started with this entry in their environment. */
const processesWith = (entry: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => environment(pid).includes(entry))
    .map(Number);

const look = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // It has ended meanwhile.
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
};

const environment = (pid: string): readonly string[] => look(`/proc/${pid}/environ`).split('\0');

const nothingLeft = async (entry: string): Promise<void> => {
  while (processesWith(entry).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
};

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('at a terminal', () => {
  let directory = '';
  let program = '';
  let command: readonly string[] = [];
  const terminals: PseudoTerminal[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'probelens-terminal-'));
    program = await privateCopy(await buildFixture('orders', { flags: ['-gcflags=all=-N -l'] }), directory);
    command = [process.execPath, await builtCommand(), 'debug', '--delve', findDelve() ?? 'dlv'];
  });
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** A state directory of its own, which marks every process of the session as well. */
  const stateOf = (name: string): string => join(directory, name);

  const open = (name: string, args: readonly string[]): PseudoTerminal => {
    const words = PseudoTerminal.command([...command, ...args]);
    // The settings of the terminal before and after have to be the same.
    const lines = `stty -a; echo before; ${words}; echo "code $?"; stty -a; echo after`;
    const terminal = new PseudoTerminal(lines, {
      cwd: dirname(program),
      env: { ...process.env, XDG_STATE_HOME: stateOf(name), NO_COLOR: '1' },
    });
    terminals.push(terminal);
    return terminal;
  };

  const restored = async (terminal: PseudoTerminal, settings: string): Promise<string> => {
    const code = /code (\d+)/.exec(await terminal.until(/code \d+\r\n/))?.[1] ?? '';
    expect((await terminal.until('after')).replace('after', '')).toBe(settings);
    return code;
  };

  const settingsOf = async (terminal: PseudoTerminal): Promise<string> =>
    (await terminal.until('before\r\n')).replace('before\r\n', '');

  it('is driven by keys, completes names, shows where it stands, and gives the terminal back', async () => {
    const terminal = open('keys', [program, '--', '1000000000']);
    const settings = await settingsOf(terminal);
    // Before there is a prompt: it waits for one.
    terminal.type('help capture\r');
    await terminal.until('writes goroutines, stacks, probes and timeline to a file');
    await terminal.until(ready);
    terminal.type('break main.pri\t');
    await terminal.until('break main.price');
    terminal.type(' if o.Qty == 0\r');
    await terminal.until(/Breakpoint 1 at main\.price.*\r\n.*In the kernel: about [\d.]+ us/);
    await terminal.until(ready);

    terminal.type(keys.f5);
    const stop = await terminal.until(ready);
    expect(stop).toMatch(/> breakpoint 1 {2}main\.price {2}.*order\.go:\d+ {2}\(goroutine \d+\)/);
    expect(stop).toMatch(/=> B1 +[\d.]+ us +\d+ {2}func price\(o \*Order, mult int\)/);

    terminal.type(`o.Qty + 4711${keys.home}print \r`);
    await terminal.until(/^4711\r$/m);
    await terminal.until(ready);
    terminal.type(keys.f10);
    await terminal.until('> step  main.price');
    await terminal.until(ready);
    terminal.type(keys.f9);
    await terminal.until(/Breakpoint 2 at .*order\.go:\d+/);
    await terminal.until(ready);
    terminal.type('bt\r');
    expect(await terminal.until(ready)).toMatch(/=> +0 {2}main\.price[\s\S]* 1 {2}main\.worker/);
    terminal.type('goroutines main.price\r');
    expect(await terminal.until(ready)).toMatch(/^\* \[Go \d+\] main\.price/m);
    terminal.type('clearall\r');
    await terminal.until('2 breakpoints cleared');
    await terminal.until(ready);

    terminal.type(keys.f5);
    await terminal.until('(running) ');
    terminal.type('stack\r');
    await terminal.until('`stack` waits until the program stops');
    terminal.type(keys.interrupt);
    await terminal.until('> pause');
    await terminal.until(/=> +0 {2}/);
    await terminal.until(ready);
    terminal.type(keys.up);
    await terminal.until('stack');
    terminal.type(keys.interrupt);
    await terminal.until('^C');

    terminal.type(keys.capture);
    const path = /Written to (\S+)/.exec(await terminal.until(/Written to \S+\r\n/))?.[1] ?? '';
    expect(await restored(terminal, settings)).toBe('0');
    expect(await terminal.ended).toBe(0);
    const captured = readFileSync(path, 'utf8');
    expect(captured).toMatch(/^== goroutines\n[\s\S]*main\.worker {2}\S+main\.go:\d+/m);
    expect(captured).toMatch(/^== timeline\n[\s\S]*hit of the breakpoint at main\.price/m);
    expect(
      readFileSync(join(stateOf('keys'), 'probelens/debug-history'), 'utf8')
        .split('\n')
        .slice(0, 3),
    ).toEqual(['help capture', 'break main.price if o.Qty == 0', 'print o.Qty + 4711']);
    await nothingLeft(`XDG_STATE_HOME=${stateOf('keys')}`);
  });

  it('gives the terminal back and leaves the program alive when the adapter is killed', async () => {
    const service = execa(program, ['serve', '20000'], { reject: false });
    const pid = service.pid ?? 0;
    const terminal = open('killed', ['--attach', String(pid)]);
    const settings = await settingsOf(terminal);
    await terminal.until('(running) ');
    terminal.type('break main.price if o.Qty < 0\r');
    await terminal.until('In the kernel');
    await terminal.until('(running) ');
    terminal.type('quit\r');
    await terminal.until('leave it running?');
    terminal.type('\r');
    await terminal.until('Nothing has been ended.');
    const ours = processesWith(`XDG_STATE_HOME=${stateOf('killed')}`).filter((each) => {
      const words = look(`/proc/${each}/cmdline`).split('\0');
      return words[0] === process.execPath && words.includes('dap');
    });
    expect(ours).toHaveLength(1);
    for (const adapter of ours) process.kill(adapter, 'SIGKILL');
    await terminal.until('The debug adapter ended unexpectedly');
    expect(await restored(terminal, settings)).toBe('1');
    await nothingLeft(`XDG_STATE_HOME=${stateOf('killed')}`);
    service.kill('SIGTERM');
    const { stdout } = await service;
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ wrong: 0 });
  });

  it('gives up a build when it is told to', async () => {
    const terminal = open('build', [fixtureSources('orders')]);
    const settings = await settingsOf(terminal);
    await terminal.until('Building');
    terminal.type(keys.interrupt);
    expect(await restored(terminal, settings)).toBe('130');
    await nothingLeft(`XDG_STATE_HOME=${stateOf('build')}`);
  });

  it('goes with its terminal, and takes the program that it started', async () => {
    // The shell outlives the terminal and writes down how the session ended.
    const code = join(directory, 'gone-code');
    const words = PseudoTerminal.command([...command, '--kernel', 'off', program, '--', '1000000000']);
    const terminal = new PseudoTerminal(`trap : HUP; ${words}; echo $? >${code}`, {
      cwd: directory,
      env: { ...process.env, XDG_STATE_HOME: stateOf('gone'), NO_COLOR: '1' },
    });
    terminals.push(terminal);
    await terminal.until(ready);
    terminal.type('continue\r');
    await terminal.until('(running) ');
    terminal.close();
    await nothingLeft(`XDG_STATE_HOME=${stateOf('gone')}`);
    // By the hang-up, as every program: not by an error of its own.
    expect(readFileSync(code, 'utf8')).toBe('129\n');
  });

  it('leaves its stdin to the program when told so, and reads commands from the terminal', async () => {
    const hive = await privateCopy(await buildFixture('hive'), directory);
    const words = PseudoTerminal.command([...command, '--stdin', '-', hive]);
    const terminal = new PseudoTerminal(`printf 'spawn 3\\n' | ${words}; echo "code $?"`, {
      cwd: directory,
      env: { ...process.env, XDG_STATE_HOME: stateOf('stdin'), NO_COLOR: '1' },
    });
    terminals.push(terminal);
    await terminal.until(ready);
    terminal.type('break main.spawn\r');
    await terminal.until('Breakpoint 1 at main.spawn');
    terminal.type('continue\r');
    await terminal.until(/> breakpoint 1 {2}main\.spawn/);
    terminal.type('print count\r');
    await terminal.until(/^3\r?$/m);
    terminal.type('continue\r');
    await terminal.until(/sum 12012/);
    terminal.type('quit\r');
    await terminal.until('code 0');
  }, 120_000);
});
