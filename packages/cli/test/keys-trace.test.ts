/** `probelens keys trace` at a real pseudo-terminal, with recorded records of a keyboard; and its parts, which are pure. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { builtCommand, runCommand } from '../../../test/command.js';
import { findProgram } from '../../../test/requirements.js';
import { InputReader, Keyboard } from '../src/keys/trace/input-event.js';
import { Matching, PATIENCE_MS, reportText } from '../src/keys/trace/matching.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const directory = mkdtempSync(join(tmpdir(), 'probelens-keys-trace-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** struct input_event: type 1 is a key, type 0 the end of a report. Codes: F10 68, K 37, left Ctrl 29, left Shift 42. */
const records = (...events: readonly (readonly [type: number, code: number, value: number])[]): Buffer =>
  Buffer.concat(
    events.map(([type, code, value], index) => {
      const record = Buffer.alloc(24);
      record.writeBigInt64LE(1_700_000_000n, 0);
      record.writeBigInt64LE(BigInt(index), 8);
      record.writeUInt16LE(type, 16);
      record.writeUInt16LE(code, 18);
      record.writeInt32LE(value, 20);
      return record;
    }),
  );

const f10 = records([1, 68, 1], [0, 0, 0], [1, 68, 0], [0, 0, 0]);

describe('records of a keyboard', () => {
  it('are read however they are cut, with the modifiers that are held', () => {
    const all = Buffer.concat([
      records([1, 29, 1], [1, 42, 1], [1, 37, 1], [1, 37, 2], [1, 37, 0], [1, 42, 0], [1, 29, 0]),
      f10,
    ]);
    for (const size of [1, 7, 24, 50, all.length]) {
      const [reader, keyboard] = [new InputReader(), new Keyboard()];
      const seen: string[] = [];
      for (let at = 0; at < all.length; at += size)
        for (const event of reader.push(all.subarray(at, at + size)))
          seen.push(...[keyboard.see(event)?.name ?? []].flat());
      expect(seen).toEqual(['Ctrl+Shift+K', 'Ctrl+Shift+K', 'F10']);
    }
    const [event] = new InputReader().push(f10);
    expect(event?.time).toBe(1_700_000_000_000_000_000n);
  });
});

describe('what the kernel saw and what came', () => {
  const f9 = '\u001b[20~';

  it('belong together where the terminal sent the key', () => {
    const matching = new Matching();
    matching.saw('F9', 10);
    expect(matching.came(f9, 12)).toMatchObject([{ kind: 'arrived', kernel: 'F9', since: undefined }]);
    matching.saw('Ctrl+Shift+K', 20);
    // Shift is lost on a legacy terminal.
    expect(matching.came('\u000b', 21)).toMatchObject([
      { kernel: 'Ctrl+Shift+K', since: 9, names: { legacy: 'Ctrl+K' } },
    ]);
    expect(matching.overdue(100_000)).toEqual([]);
  });

  it('differ where somebody keeps a key: told by the next one, or by the time', () => {
    const matching = new Matching();
    matching.saw('F10', 0);
    matching.saw('F9', 1);
    expect(matching.came(f9, 2).map(reportText)[0]).toBe('the kernel saw F10, the terminal did not send it');
    matching.saw('F11', 3);
    expect(matching.overdue(3 + PATIENCE_MS - 1)).toEqual([]);
    expect(matching.overdue(3 + PATIENCE_MS)).toEqual([{ kind: 'unsent', kernel: 'F11' }]);
  });

  it('is whole however it is cut, and Esc alone is decided in the end', () => {
    const matching = new Matching();
    expect([...f9].flatMap((character) => matching.came(character, 0)).map(({ kind }) => kind)).toEqual(['arrived']);
    expect(matching.came('\u001b', 1)).toEqual([]);
    expect(matching.isUnfinished).toBe(true);
    expect(matching.finish(2)).toMatchObject([{ names: { legacy: 'Esc, or Ctrl+[', kitty: undefined } }]);
  });
});

describe.skipIf(findProgram('script') === undefined)('at a terminal', () => {
  const terminals: PseudoTerminal[] = [];
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });

  const open = async (...args: readonly string[]): Promise<{ terminal: PseudoTerminal; settings: string }> => {
    const words = PseudoTerminal.command([process.execPath, await builtCommand(), 'keys', 'trace', ...args]);
    const terminal = new PseudoTerminal(`stty -a; echo before; ${words}; echo "code $?"; stty -a; echo after`, {
      env: { ...process.env, PROBELENS_KEYS_TEST: directory },
    });
    terminals.push(terminal);
    const settings = (await terminal.until('before\r\n')).replace('before\r\n', '');
    await terminal.until('Press keys');
    return { terminal, settings };
  };

  const restored = async (terminal: PseudoTerminal, settings: string): Promise<string> => {
    const code = /code (\d+)/.exec(await terminal.until(/code \d+\r\n/))?.[1] ?? '';
    expect((await terminal.until('after')).replace('after', '')).toBe(settings);
    return code;
  };

  it('shows bytes, names in each encoding and times, what was not sent, and gives the terminal back', async () => {
    const events = join(directory, 'event0');
    writeFileSync(events, f10);
    const { terminal, settings } = await open('--events', events);
    await terminal.until('the kernel saw F10, the terminal did not send it');
    terminal.type('\u001b[15;2~');
    await terminal.until(/\^\[\[15;2~ +1b 5b 31 35 3b 32 7e +Shift\+F5\r\n/);
    terminal.type('\u001b[75;6u');
    await terminal.until(/\^\[\[75;6u .*legacy: -; CSI-u: Ctrl\+Shift\+K; kitty: Ctrl\+Shift\+K {2}\+[\d.]+ ms/);
    terminal.type('\u001c');
    await terminal.until(/\^\\ +1c +legacy: Ctrl\+\\; CSI-u: Ctrl\+\\; kitty: -/);
    terminal.type('\u0003');
    await terminal.until(/\^C +03/);
    terminal.type('\u0003');
    expect(await restored(terminal, settings)).toBe('0');
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('gives the terminal back after %s', async (signal) => {
    const { terminal, settings } = await open();
    terminal.type('x');
    await terminal.until(/x +78 +x/);
    const ours = processes().filter(({ words }) => words[0] === process.execPath && words.includes('trace'));
    expect(ours).toHaveLength(1);
    for (const { pid } of ours) process.kill(pid, signal);
    expect(await restored(terminal, settings)).toBe({ SIGTERM: '143', SIGHUP: '129', SIGINT: '130' }[signal]);
  });

  /** Those that were started with this file's mark in their environment. */
  const processes = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => look(`/proc/${pid}/environ`).includes(`PROBELENS_KEYS_TEST=${directory}`))
      .map((pid) => ({ pid: Number(pid), words: look(`/proc/${pid}/cmdline`).split('\0') }));
});

const look = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // It has ended meanwhile.
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
};

it('without a terminal it says what it needs', async () => {
  const { exitCode, stderr } = await runCommand(['keys', 'trace']);
  expect(exitCode).toBe(1);
  expect(stderr).toBe('probelens: Keys come from a terminal, and stdin is none; run it at a prompt.');
});
