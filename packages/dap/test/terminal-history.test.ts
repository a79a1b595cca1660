/** The history of `probelens debug`: private, latest first, and never in the way. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { History, stateDirectory } from '../src/terminal/history.js';

describe('history', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-history-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is where the desktop specification puts it; a path that is not absolute counts for nothing', () => {
    expect(stateDirectory({ XDG_STATE_HOME: '/state' })).toBe('/state/probelens');
    for (const env of [{}, { XDG_STATE_HOME: '' }, { XDG_STATE_HOME: 'here' }])
      expect(stateDirectory(env)).toBe(join(homedir(), '.local/state/probelens'));
  });

  it('keeps lines of earlier sessions, latest first, none twice in a row, for nobody else', () => {
    const below = join(directory, 'not/yet');
    const first = new History(below);
    expect(first.load()).toEqual([]);
    for (const line of ['continue', 'continue', 'print o']) first.add(line);
    expect(new History(below).load()).toEqual(['print o', 'continue']);
    const path = join(below, 'debug-history');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(below).mode & 0o777).toBe(0o700);
  });

  it('does not grow for ever', () => {
    const path = join(directory, 'debug-history');
    writeFileSync(path, Array.from({ length: 2_500 }, (_, i) => `print ${i}\n`).join(''));
    expect(new History(directory).load()).toHaveLength(1_000);
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe('print 1500');
  });

  it('does without where nothing can be written', () => {
    const path = join(directory, 'file');
    writeFileSync(path, '');
    chmodSync(path, 0o400);
    const history = new History(path);
    expect(history.load()).toEqual([]);
    history.add('continue');
    expect(new History(path).load()).toEqual([]);
  });
});
