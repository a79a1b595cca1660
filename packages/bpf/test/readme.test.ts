import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import * as api from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

describe('README', () => {
  it('names only what is exported', () => {
    const table = readme.slice(readme.indexOf('## What is there'), readme.indexOf('Every refusal'));
    const names = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)]);
    expect(names.length).toBeGreaterThan(15);
    expect(names.map(([, name = '']) => name).filter((name) => !(name in api))).toEqual([]);
  });

  it.skipIf(requirement('kernel').missing)('has an example that works as it stands', async () => {
    const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
    mkdirSync(path('../node_modules/.cache/bpf-test/'), { recursive: true });
    const outfile = path(`../node_modules/.cache/bpf-test/readme-${process.pid}.mjs`);
    await build({
      stdin: { contents: example, loader: 'ts', resolveDir: path('.') },
      alias: { '@probelens/bpf': path('../src/index.ts') },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['koffi'],
      logLevel: 'error',
    });
    const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    const lines: string[] = [];
    createInterface(child.stdout).on('line', (line) => lines.push(line));
    // Others may execute programs too; ours go on until the example has seen enough.
    while (child.exitCode === null && child.signalCode === null) await once(spawn('true'), 'exit');
    expect((await ended)[0]).toBe(0);
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.filter((line) => !/^[1-9]\d* \S+/.test(line))).toEqual([]);
  });
});
