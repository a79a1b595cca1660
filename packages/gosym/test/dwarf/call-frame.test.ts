import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { findProgram, requirement } from '../../../../test/requirements.js';
import { openDwarf } from '../../src/dwarf/open.js';
import { virtualAddress } from '../../src/units.js';
import { openElf } from './elf-sections.js';

interface Row {
  readonly address: number;
  /** "rsp+8", as readelf spells it. */
  readonly cfa: string;
}

/** Rows of `readelf --debug-dump=frames-interp`; the end of each function is known from the next description only. */
const readelfRows = (path: string): readonly Row[] => {
  const text = execFileSync('readelf', ['--debug-dump=frames-interp', '-wN', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const rows: Row[] = [];
  let inDescription = false;
  for (const line of text.split('\n')) {
    if (/\b(FDE|CIE)\b/.test(line)) inDescription = line.includes('FDE');
    const row = /^([0-9a-f]{16}) (\S+)/.exec(line);
    if (inDescription && row?.[1] !== undefined && row[2] !== undefined)
      rows.push({ address: Number.parseInt(row[1], 16), cfa: row[2] });
  }
  return rows;
};

const missing = requirement('go').missing || findProgram('readelf') === undefined;

describe.skipIf(missing)('the canonical frame address', () => {
  it.each([
    ['amd64', {}],
    ['arm64', { GOARCH: 'arm64' }],
  ])('is what readelf computes from .debug_frame at every row (%s)', async (_, env) => {
    const path = await buildFixture('variety', { env: { CGO_ENABLED: '0', ...env } });
    const dwarf = openDwarf(openElf(path));
    const rows = readelfRows(path);
    expect(rows.length).toBeGreaterThan(4000);
    const different: string[] = [];
    for (const { address, cfa } of rows) {
      const rule = dwarf?.cfaAt(virtualAddress(address));
      const ours = rule === undefined ? 'none' : `${rule.register}${rule.offset < 0 ? '' : '+'}${rule.offset}`;
      if (ours !== cfa) different.push(`${address.toString(16)} ${ours} ${cfa}`);
    }
    expect(different).toEqual([]);
  });

  it('is unknown outside the code', async () => {
    const dwarf = openDwarf(openElf(await buildFixture('variety')));
    expect(dwarf?.cfaAt(virtualAddress(0x10))).toBeUndefined();
  });
});
