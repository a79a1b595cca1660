/** Every stored program against debug/gosym: the same functions, entries, ends, files and lines, without a difference. */
import { describe, expect, it } from 'vitest';
import type { OpenedGoBinary } from '../src/go-binary.js';
import { virtualAddress } from '../src/units.js';
import { openStored, type StoredBinary, storedBinaries, type TrueFunction, truthOf } from './binaries.js';

const at = (binary: OpenedGoBinary, address: number): string => {
  const innermost = binary.positionsAt(virtualAddress(address))[0];
  return innermost === undefined || innermost.file === '' ? 'nowhere' : `${innermost.file}:${innermost.line}`;
};

/**
 * In padding and in functions without lines debug/gosym answers "" and numbers below 1. Up to Go 1.4 the count of files does
 * not count itself, and debug/gosym loses the last file of the table ("" with a true line).
 */
const agrees = (ours: string, { file, line }: { file: string; line: number }): boolean => {
  if (line < 1) return ours === 'nowhere';
  return file === '' ? ours.endsWith(`:${line}`) : ours === `${file}:${line}`;
};

/**
 * What the linker adds (go:textfipsstart, -tramp0) has no line table; debug/gosym decodes whatever stands at offset 0 of the
 * tables for it, and its size is known to nobody.
 */
const isLinkers = (name: string): boolean => name.startsWith('go:textfips') || /-tramp\d+$/.test(name);

const differences = (binary: OpenedGoBinary, truth: readonly TrueFunction[]): string[] => {
  const ours = [...binary.functions()];
  const found: string[] = [];
  if (ours.length !== truth.length) found.push(`${ours.length} functions instead of ${truth.length}`);
  for (const [index, fn] of truth.entries()) {
    const own = ours[index];
    if (own?.name !== fn.name || own.entry !== fn.entry)
      found.push(`${own?.name} ${own?.entry} is ${fn.name} ${fn.entry}`);
    const next = ours[index + 1]?.entry;
    if (next !== undefined && next !== fn.end) found.push(`${fn.name} ends at ${next}, not ${fn.end}`);
    for (const position of isLinkers(fn.name) ? [] : fn.positions) {
      const own = at(binary, position.address);
      if (!agrees(own, position))
        found.push(`${fn.name} at ${position.address}: ${own}, not ${position.file}:${position.line}`);
    }
  }
  return found;
};

describe.each(storedBinaries.map((stored): [string, StoredBinary] => [stored.name, stored]))('%s', (name, stored) => {
  const binary = openStored(name);
  const truth = truthOf(name);

  it('has the functions, entries, files and lines of debug/gosym', () => {
    expect(truth.length).toBeGreaterThan(500);
    expect(differences(binary, truth).slice(0, 10)).toEqual([]);
  });

  it('knows its version, machine and main function', () => {
    expect(binary.machine).toBe(stored.arch);
    // Stripped and before Go 1.4 nothing says which release it was.
    expect(binary.goVersion).toBe(name === 'plain-1.2.2-amd64' ? undefined : stored.go);
    if (!name.startsWith('plugin')) expect(binary.functionsNamed('main.main')).toHaveLength(1);
  });

  it('has the sizes of the symbol table', () => {
    const ours = [...binary.functions()];
    const known = (fn: TrueFunction): boolean => fn.size !== undefined && !isLinkers(fn.name);
    const wrong = truth.filter((fn, index) => known(fn) && ours[index]?.size !== fn.size);
    expect(wrong.map((fn) => fn.name).slice(0, 10)).toEqual([]);
  });

  it('has the lines of declarations that DWARF has', () => {
    const ours = [...binary.functions()];
    const minor = Number(stored.go.split('.')[1]);
    if (minor < 20) return;
    const wrong = truth.filter((fn, index) => fn.declared !== undefined && ours[index]?.line !== fn.declared);
    expect(wrong.map((fn) => `${fn.name} ${fn.declared}`).slice(0, 10)).toEqual([]);
  });
});
