import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { attachedBy, continueAbandoned, isLeftStopped } from '../src/delve/abandoned.js';
import { LiveProgram } from './live-program.js';
import { until } from './until.js';

const attach = (processId: unknown) =>
  attachedBy({ seq: 1, type: 'request', command: 'attach', arguments: { mode: 'local', processId } });

describe.skipIf(requirement('go').missing)('a program whose debugger was killed', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-abandoned-'));
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('is continued, unless it was stopped before', async () => {
    const target = await LiveProgram.start(await privateCopy(await buildFixture('orders'), work), ['serve', '1000']);
    const about = attach(target.pid);
    if (about === undefined) throw new Error('the program runs, and nobody is told of it');
    process.kill(target.pid, 'SIGSTOP');
    await until('it is stopped', () => target.state === 'T', 60_000);
    expect(attach(target.pid)).toBeUndefined();
    expect([isLeftStopped(about), isLeftStopped({ ...about, startTime: `${about.startTime}1` })]).toEqual([
      true,
      false,
    ]);
    continueAbandoned({ ...about, startTime: `${about.startTime}1` });
    expect(target.state).toBe('T');
    continueAbandoned(about);
    await until('it runs', () => target.state !== 'T', 60_000);
    expect(isLeftStopped(about)).toBe(false);
    expect(await target.verdict()).toMatch(/"wrong":0.* code 0 signal null$/);
    // It is gone, and nothing happens.
    continueAbandoned(about);
    expect(attach(target.pid)).toBeUndefined();
    expect(attach('7')).toBeUndefined();
  });
});
