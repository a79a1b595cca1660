/** Where Delve breaks for a line is where the planner says it does: a probe in the same block is passed as often. */
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hex, openGoBinary, virtualAddress } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { findDelve } from '../../../../test/delve.js';
import { requirement } from '../../../../test/requirements.js';
import { firstLine } from '../../src/plan/first-line.js';
import { linePlaces } from '../../src/plan/line-places.js';
import { Refused } from '../../src/plan/refused.js';
import type { Request } from '../../src/plan/request.js';
import { createX86 } from '../../src/plan/x86/decode.js';
import { buildLines, source } from './lines-program.js';

const lines = source.split('\n').map((_, index) => index + 1);

/** Addresses of Delve's breakpoint on each line, by line. */
const delveAddresses = (path: string): ReadonlyMap<number, readonly string[]> => {
  const delve = findDelve() ?? 'dlv';
  const input = `${lines.map((line) => `break main.go:${line}\nclearall`).join('\n')}\nexit\n`;
  const run = spawnSync(delve, ['exec', path, '--allow-non-terminal-interactive=true'], { input, encoding: 'utf8' });
  const found = new Map<number, readonly string[]>();
  for (const [, addresses, line] of run.stdout.matchAll(/Breakpoint [0-9]+ set at (\S+) for .*?main\.go:([0-9]+)$/gm)) {
    found.set(Number(line), (addresses ?? '').split(',').toSorted());
  }
  return found;
};

describe.skipIf(requirement('delve', 'go').missing)('where a debugger breaks', () => {
  test.each([
    ['optimised', []],
    ['-N -l', ['-gcflags=all=-N -l']],
    ['-race', ['-race']],
  ])('%s', async (_name, flags) => {
    const path = await buildLines(flags);
    const binary = await openGoBinary(path);
    const x86 = createX86(await import('iced-x86'));
    const truth = delveAddresses(path);
    expect(truth.size).toBeGreaterThan(15);
    let inside = 0;
    let bodies = 0;
    for (const line of lines) {
      const spec = {
        target: { kind: 'line', file: 'main.go', line },
        condition: undefined,
        scope: { kind: 'process' },
        action: { kind: 'log', template: undefined },
        rateLimit: undefined,
      } as const;
      const request: Request = { spec, binary, x86, use: 'log', avoid: undefined, notes: [] };
      try {
        const places = linePlaces(request, `${dirname(path)}/lines/main.go`, line);
        const delve = truth.get(line);
        // A `func` line without code of its own is the entry to us and nothing to Delve.
        if (delve === undefined) continue;
        expect(places, `line ${line}`).toHaveLength(delve.length);
        const starts = places.flatMap((place) => (place.start === undefined ? [] : [hex(place.start)]));
        inside += starts.length;
        expect(delve, `line ${line}`).toEqual(expect.arrayContaining(starts));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        expect(error.code, `line ${line}: ${error.message}`).toMatch(/no-code|no-entry-site|no-line-site/);
      }
    }
    expect(inside).toBeGreaterThan(10);
    for (const fn of binary.functionsMatching(/^main\./)) {
      const first = firstLine(binary, fn, x86.decode(binary.code(fn), fn.entry));
      if (first.bodyLine === undefined || first.bodyAddress === undefined) continue;
      bodies++;
      expect(truth.get(first.bodyLine), `${fn.name}: ${first.reason}`).toContain(hex(first.bodyAddress));
      expect(binary.functionAt(virtualAddress(first.bodyAddress))?.name).toBe(fn.name);
    }
    expect(bodies).toBeGreaterThan(0);
    binary.close();
    await rm(dirname(path), { recursive: true });
  });
});
