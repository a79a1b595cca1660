import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlHandlers,
  type LiveSession,
  listenControl,
  type SessionWatch,
  watchSessions,
} from '../../src/control/index.js';

const handlers: ControlHandlers = {
  add: () => Promise.reject(new Error('not in this test')),
  remove: () => Promise.reject(new Error('not in this test')),
  list: async () => [],
  timeline: async () => ({ entries: [], dropped: 0 }),
};

let root: string;
let seen: (readonly LiveSession[])[];
let wake: () => void;
let watcher: SessionWatch;
const problems: unknown[] = [];

/** Resolves when what is told satisfies the test. */
async function until(wanted: (sessions: readonly LiveSession[]) => boolean): Promise<void> {
  while (!wanted(seen.at(-1) ?? [])) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'control-'));
  seen = [];
  wake = () => undefined;
  watcher = await watchSessions(
    (sessions) => {
      seen.push(sessions);
      wake();
    },
    (error) => problems.push(error),
    join(root, 'sessions'),
  );
});
afterEach(() => {
  watcher.close();
  rmSync(root, { recursive: true, force: true });
  expect(problems).toEqual([]);
});

test('a watch tells of sessions that come, learn their binary, and go', async () => {
  expect(seen).toEqual([[]]);
  const listener = await listenControl(handlers, undefined, { directory: join(root, 'sessions') });
  await until((sessions) => sessions.length === 1);
  listener.update({ binary: '/srv/orders' });
  await until((sessions) => sessions[0]?.binary === '/srv/orders');
  await listener.close();
  await until((sessions) => sessions.length === 0);
});

test('looking again from several places at once is one look with the newest answer', async () => {
  const listener = await listenControl(handlers, undefined, { directory: join(root, 'sessions') });
  await Promise.all([watcher.look(), watcher.look(), watcher.look()]);
  expect(seen.at(-1)?.map((session) => session.id)).toEqual([listener.session.id]);
  await listener.close();
});
