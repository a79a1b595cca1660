/** The text base by each of the four ways, against the symbol runtime.text that `go tool nm` showed before stripping. */
import { describe, expect, it } from 'vitest';
import { ElfImage } from '../src/elf/image.js';
import { MemorySource } from '../src/elf/source.js';
import { ElfSymbols } from '../src/elf/symbols.js';
import { locateModuleData, type ModuleWay } from '../src/module/locate.js';
import { tableCandidates } from '../src/pclntab/locate.js';
import { bytesOf, openStored, type StoredBinary, storedBinaries, truthOf } from './binaries.js';

const ways: readonly ModuleWay[] = ['section', 'symbol', 'data', 'relocations'];

/** Text base by every way that gives one; moduledata exists since Go 1.5. */
const basesOf = (stored: StoredBinary): Map<ModuleWay, number> => {
  const image = new ElfImage(new MemorySource(bytesOf(stored)));
  const search = { image, symbols: new ElfSymbols(image) };
  const found = new Map<ModuleWay, number>();
  for (const candidate of tableCandidates(image)) {
    for (const way of ways) {
      const module = locateModuleData(search, candidate, [way]);
      if (module !== undefined) found.set(way, module.module.text);
    }
    if (found.size > 0) break;
  }
  return found;
};

const minor = (stored: StoredBinary): number => Number(stored.go.split('.')[1]);

describe.each(storedBinaries.filter((stored) => minor(stored) >= 5).map((stored) => [stored.name, stored] as const))(
  '%s',
  (_name, stored) => {
    it('has one text base, whatever way leads to it', () => {
      const bases = basesOf(stored);
      expect(bases.size).toBeGreaterThan(0);
      const expected = Number.parseInt(stored.text ?? '', 16);
      for (const [way, base] of bases) expect([way, base.toString(16)]).toEqual([way, expected.toString(16)]);
      expect(bases.has('section')).toBe(minor(stored) >= 26);
      if (!stored.stripped) expect(bases.has('symbol')).toBe(true);
    });
  },
);

describe('external linking', () => {
  it('moves the text base away from section .text, where most tools look for it', () => {
    for (const stored of storedBinaries.filter(({ cgo, go }) => cgo && Number(go.split('.')[1]) >= 18)) {
      const image = new ElfImage(new MemorySource(bytesOf(stored)));
      const base = basesOf(stored).values().next().value ?? 0;
      const section = image.section('.text')?.address ?? 0;
      expect(base).toBeGreaterThan(section);
      // debug/gosym with the symbol's address, not the section's, is the truth that our entries equal.
      expect(openStored(stored.name).pclntab.entry(0)).toBe(truthOf(stored.name)[0]?.entry);
    }
  });

  it('is covered by relocations where the linker left the pointers to the loader', () => {
    const relocated = storedBinaries.filter(({ name }) => /^(cgo-pie|c-shared|plugin)/.test(name));
    expect(relocated.length).toBeGreaterThanOrEqual(6);
    for (const stored of relocated) expect(basesOf(stored).has('relocations')).toBe(true);
  });
});
