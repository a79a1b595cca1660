import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ControlHandlers, controlDirectory, listenControl, liveSessions } from '../../src/control/index.js';

const handlers: ControlHandlers = {
  add: () => Promise.reject(new Error('not in this test')),
  remove: () => Promise.reject(new Error('not in this test')),
  list: async () => [],
  timeline: async () => ({ entries: [], dropped: 0 }),
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'control-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const mode = (path: string): number => statSync(path).mode & 0o777;

describe('where sessions are registered', () => {
  test('under XDG_RUNTIME_DIR when that is ours', () => {
    expect(controlDirectory({ XDG_RUNTIME_DIR: root })).toBe(join(root, 'probelens'));
  });

  test.each([['run/relative'], ['/nonexistent/runtime'], ['/dev/null']])(
    'in the temporary directory when XDG_RUNTIME_DIR is %s',
    (runtime) => {
      expect(controlDirectory({ XDG_RUNTIME_DIR: runtime })).toBe(join(tmpdir(), `probelens-${process.getuid?.()}`));
    },
  );
});

describe('a session', () => {
  const about = { binary: '/srv/orders/orders', workspace: '/srv/orders' };

  test('is listed with what it says of itself, and only its user can reach it', async () => {
    const directory = join(root, 'sessions');
    const listener = await listenControl(handlers, about, { directory });
    const [session, ...others] = await liveSessions(directory);
    expect(others).toEqual([]);
    expect(session).toMatchObject({ ...about, pid: process.pid, id: listener.session.id });
    expect(Math.abs((session?.startedAt ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(mode(directory)).toBe(0o700);
    expect(mode(listener.session.socket)).toBe(0o600);
    expect(mode(join(directory, `${listener.session.id}.json`))).toBe(0o600);
    await listener.close();
    expect(await liveSessions(directory)).toEqual([]);
    expect(existsSync(listener.session.socket)).toBe(false);
  });

  test('may learn its binary later', async () => {
    const directory = join(root, 'sessions');
    const listener = await listenControl(handlers, { binary: undefined, workspace: undefined }, { directory });
    listener.update({ binary: '/srv/b', debuggee: 4711 });
    expect(await liveSessions(directory)).toMatchObject([{ binary: '/srv/b', debuggee: 4711 }]);
    await listener.close();
    listener.update({ binary: '/srv/c' });
    expect(await liveSessions(directory)).toEqual([]);
  });

  test('comes before older ones', async () => {
    const directory = join(root, 'sessions');
    const first = await listenControl(handlers, about, { directory });
    const record = { ...first.session, startedAt: first.session.startedAt - 5000 };
    writeFileSync(join(directory, `${first.session.id}.json`), JSON.stringify(record));
    const second = await listenControl(handlers, about, { directory });
    expect((await liveSessions(directory)).map((session) => session.id)).toEqual([second.session.id, first.session.id]);
    await Promise.all([first.close(), second.close()]);
  });

  test('goes on without a record where none can be written any more', async () => {
    const directory = join(root, 'lost');
    const problems: string[] = [];
    const session = await listenControl(handlers, about, { directory, onProblem: (text) => problems.push(text) });
    rmSync(directory, { recursive: true });
    session.update({ binary: '/elsewhere' });
    expect(session.session.binary).toBe('/elsewhere');
    expect(problems).toEqual([expect.stringContaining('record cannot be written')]);
    await session.close();
  });

  test('needs no directory to be looked for', async () => {
    expect(await liveSessions(join(root, 'nothing'))).toEqual([]);
  });
});

describe('a directory is refused', () => {
  const refused = async (directory: string, words: RegExp): Promise<void> => {
    await expect(listenControl(handlers, undefined, { directory })).rejects.toMatchObject({
      code: 'unsafe-directory',
      message: expect.stringMatching(words),
    });
    await expect(liveSessions(directory)).rejects.toMatchObject({ code: 'unsafe-directory' });
  };

  test('when others can enter it', async () => {
    const directory = join(root, 'open');
    mkdirSync(directory);
    chmodSync(directory, 0o750);
    await refused(directory, /mode 0750/);
  });

  test('when it is a symbolic link', async () => {
    mkdirSync(join(root, 'real'), { mode: 0o700 });
    symlinkSync(join(root, 'real'), join(root, 'link'));
    await refused(join(root, 'link'), /symbolic link/);
  });

  test('when it is a file', async () => {
    writeFileSync(join(root, 'file'), '', { mode: 0o600 });
    await refused(join(root, 'file'), /not a directory/);
  });

  test('when it belongs to somebody else', async () => {
    // Root can give a directory away; everyone else has one that root owns.
    const directory = process.getuid?.() === 0 ? join(root, 'given') : '/';
    if (directory !== '/') {
      mkdirSync(directory, { mode: 0o700 });
      chownSync(directory, 65_534, 65_534);
    }
    await refused(directory, /another user/);
  });

  test('when it cannot be created, and when its path is too long for a socket', async () => {
    await expect(listenControl(handlers, undefined, { directory: join(root, 'a', 'b') })).rejects.toMatchObject({
      code: 'no-directory',
    });
    const long = join(root, 'x'.repeat(100));
    await expect(listenControl(handlers, undefined, { directory: long })).rejects.toMatchObject({ code: 'no-socket' });
  });
});

describe('records that no session wrote', () => {
  test.each([
    ['no JSON', '{'],
    ['another shape', '[1, 2]'],
    ['null', 'null'],
    ['too large', `{"x":"${'y'.repeat(70_000)}"}`],
  ])('%s is passed over and left alone', async (_, text) => {
    const directory = join(root, 'sessions');
    mkdirSync(directory, { mode: 0o700 });
    const path = join(directory, '1-strange.json');
    writeFileSync(path, text);
    const listener = await listenControl(handlers, undefined, { directory });
    expect((await liveSessions(directory)).map((session) => session.id)).toEqual([listener.session.id]);
    expect(existsSync(path)).toBe(true);
    await listener.close();
  });

  test('a record that names the socket of another is passed over', async () => {
    const directory = join(root, 'sessions');
    const listener = await listenControl(handlers, undefined, { directory });
    writeFileSync(join(directory, '1-false.json'), JSON.stringify({ ...listener.session, id: '1-false' }));
    expect((await liveSessions(directory)).map((session) => session.id)).toEqual([listener.session.id]);
    await listener.close();
  });
});
