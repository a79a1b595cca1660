import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ProbeStore, parseStored, stateDirectory } from '../src/session/probe-store.js';
import { temporaryDirectory } from './editor.js';

const price = { text: 'main.price do count', symbol: 'main.price' };
const worker = { text: 'main.worker do count', symbol: 'main.worker' };

describe('what is remembered of a workspace', () => {
  let directory: string;
  let problems: string[];
  const store = (root = '/srv/orders'): ProbeStore => new ProbeStore(root, (text) => problems.push(text), directory);
  const file = (): string => join(directory, readdirSync(directory).find((name) => name.endsWith('.json')) ?? 'none');
  beforeEach(() => {
    directory = join(temporaryDirectory(), 'deep', 'probelens');
    problems = [];
  });

  test('is there for the next server, and for that workspace only', () => {
    store().change((probes) => [...probes, price]);
    expect(store().read()).toEqual([price]);
    expect(store('/srv/other').read()).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('is readable by its user alone, and written in one piece', () => {
    store().change(() => [price]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).length).toBe(1);
  });

  test('leaves no file when nothing is probed any more, and makes none for nothing', () => {
    store().change(() => []);
    expect(() => readdirSync(directory)).toThrow(/ENOENT/);
    store().change(() => [price]);
    store().change(() => []);
    expect(readdirSync(directory)).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('is shared by two editors in one workspace', () => {
    const [one, two] = [store(), store()];
    one.change((probes) => [...probes, price]);
    two.change((probes) => [...probes, worker]);
    one.change((probes) => probes.filter(({ symbol }) => symbol !== 'main.price'));
    expect(store().read()).toEqual([worker]);
  });

  test.each(['', '{', 'null', '[]', '{"version":1}', '{"version":1,"root":"/srv/orders","probes":[{"text":1}]}'])(
    'is set aside and said when the file holds %j',
    (text) => {
      store().change(() => [price]);
      const path = file();
      writeFileSync(path, text);
      const again = store();
      expect(again.read()).toEqual([]);
      const [aside = '', ...others] = readdirSync(directory);
      expect(others).toEqual([]);
      expect(readFileSync(join(directory, aside), 'utf8')).toBe(text);
      expect(problems).toEqual([expect.stringContaining(`set aside as ${join(directory, aside)}.`)]);
      again.change(() => [worker]);
      expect(store().read()).toEqual([worker]);
    },
  );

  test('is not read when it is larger than anybody could have made it', () => {
    store().change(() => [price]);
    const probes = Array.from({ length: 20_000 }, () => price);
    writeFileSync(file(), JSON.stringify({ version: 1, root: '/srv/orders', probes }));
    expect(store().read()).toEqual([]);
    expect(problems.length).toBe(1);
  });

  test('of a newer version stays as it is', () => {
    store().change(() => [price]);
    const text = '{"version":2,"what":"ever"}';
    writeFileSync(file(), text);
    const older = store();
    expect(older.read()).toEqual([]);
    older.change(() => [worker]);
    expect(readFileSync(file(), 'utf8')).toBe(text);
    expect(problems).toEqual([expect.stringMatching(/newer version of probelens/)]);
  });

  test('is given up, once, where nothing can be written', () => {
    mkdirSync(dirname(dirname(directory)), { recursive: true });
    writeFileSync(dirname(directory), 'a file in the way');
    const blocked = store();
    blocked.change(() => [price]);
    blocked.change(() => [worker]);
    expect(problems).toEqual([expect.stringMatching(/^Probes of this workspace are not remembered: .*\.$/)]);
  });

  test('is not kept where others may look', () => {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    store().change(() => [price]);
    expect(problems).toEqual([expect.stringContaining('can be used by others (mode 0755)')]);
    rmSync(directory, { recursive: true });
  });

  test('whatever the file holds is probes or a reason', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(['probes', 'corrupt', 'newer']).toContain(parseStored(text, '/srv').kind);
      }),
    );
  });
});

test('the state lies where XDG says, if that is absolute', () => {
  expect(stateDirectory({ XDG_STATE_HOME: '/srv/state' })).toBe('/srv/state/probelens');
  expect(stateDirectory({ XDG_STATE_HOME: 'state' })).toBe(join(homedir(), '.local/state/probelens'));
  expect(stateDirectory({})).toBe(join(homedir(), '.local/state/probelens'));
});
