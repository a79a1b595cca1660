import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ControlTimelineEntry } from '@probelens/probes/control';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readGoroutine, shortened, timelineText } from '../src/features/timeline.js';
import { Editor, temporaryDirectory } from './editor.js';
import { StandInSession } from './stand-in-session.js';

const entry = (time: bigint, goroutine: number, text: string): ControlTimelineEntry => ({
  time: String(time),
  goroutine,
  kind: 'hit',
  text,
});

describe('the text of a timeline', () => {
  const session = { binary: '/srv/orders', debuggee: 12, pid: 11 };

  test('counts milliseconds from its first entry, beyond what a float holds', () => {
    const start = 9_007_199_254_740_993n;
    const entries = [entry(start, 19, 'one'), entry(start + 1_500_001n, 20, 'two\n  lines')];
    expect(timelineText(session, { entries, dropped: 1 }, undefined)).toBe(
      'Timeline of orders: 2 entries in 1.500 ms; 1 older entry dropped\n' +
        '       0.000 ms  [Go 19]  one\n       1.500 ms  [Go 20]  two lines',
    );
  });

  test('says when there is nothing', () => {
    expect(timelineText(session, { entries: [], dropped: 0 }, 19)).toMatch(/^Nothing .* goroutine 19 of orders yet/);
  });

  test('is cut to what fits a message, and says so', () => {
    const entries = Array.from({ length: 40 }, (_, index) => entry(BigInt(index), 1, `entry ${index}`));
    const text = shortened(timelineText(session, { entries, dropped: 0 }, undefined));
    expect(text.split('\n').length).toBe(12);
    expect(text).toMatch(/40 entries.*\n\(the latest 10 follow.*\n.*entry 30\n/);
    expect(shortened('short')).toBe('short');
  });

  test.each([
    [undefined, undefined],
    [[], undefined],
    [[null], undefined],
    [[''], undefined],
    [[{}], undefined],
    [[19], 19],
    [['19'], 19],
    [[{ goroutine: 19 }], 19],
    [[{ goroutine: '0' }], 0],
  ])('takes the arguments %j', (args, goroutine) => {
    expect(readGoroutine(args)).toEqual({ ok: true, goroutine });
  });

  test.each([[['x']], [[-1]], [[1.5]], [[{ goroutine: [] }]], [[true]]])('refuses the arguments %j', (args) => {
    expect(readGoroutine(args)).toEqual({ ok: false });
  });
});

describe('probelens.showTimeline', () => {
  let folder: string;
  let client: Editor | undefined;
  const session = new StandInSession();
  const start = async (showDocument: boolean): Promise<Editor> => {
    const window = showDocument ? { showDocument: { support: true } } : {};
    client = await Editor.start({ folder, controlDirectory: join(folder, 'run'), capabilities: { window } });
    return client;
  };
  beforeEach(() => {
    folder = temporaryDirectory();
    mkdirSync(join(folder, 'run'), { mode: 0o700 });
  });
  afterEach(async () => {
    await client?.destroy();
    client = undefined;
    await session.stop();
  });
  const live = async (entries: number): Promise<void> => {
    session.timeline = Array.from({ length: entries }, (_, index) => entry(BigInt(index), index % 2, `entry ${index}`));
    await session.start(join(folder, 'run'), { binary: join(folder, 'orders'), workspace: folder });
  };

  test('shows a long one as a document, which goes with the server', async () => {
    await live(100);
    const editor = await start(true);
    const text = await editor.execute('probelens.showTimeline');
    await editor.until(() => editor.shown.length > 0);
    expect(editor.shown).toEqual([`${text}\n`]);
    expect(String(text).split('\n').length).toBe(101);
    expect(editor.messages).toEqual([]);
    const directory = dirname(editor.shownFiles[0] ?? '');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(await editor.quit()).toBe(0);
    expect(existsSync(directory)).toBe(false);
    client = undefined;
  });

  test('says a short one, and the end of a long one where no document can be shown', async () => {
    await live(40);
    const editor = await start(false);
    const text = await editor.execute('probelens.showTimeline', [{ goroutine: 1 }]);
    await editor.until(() => editor.messages.length === 1);
    expect(text).toContain('Timeline of goroutine 1 of orders: 20 entries');
    expect(editor.messages[0]).toContain('(the latest 10 follow');
    session.timeline = session.timeline.slice(0, 3);
    const short = await editor.execute('probelens.showTimeline');
    await editor.until(() => editor.messages.length === 2);
    expect(editor.messages[1]).toBe(short);
    expect(await editor.execute('probelens.showTimeline', ['x'])).toBeNull();
    await editor.until(() => editor.messages.length === 3);
    expect(editor.messages[2]).toBe('probelens.showTimeline takes the number of a goroutine, such as 19.');
  });

  test('says that there is no session', async () => {
    const editor = await start(true);
    expect(await editor.execute('probelens.showTimeline')).toBeNull();
    await editor.until(() => editor.messages.length === 1);
    expect(editor.messages[0]).toMatch(/^No debug session of this workspace is running/);
  });
});
