/**
 * Programs whose text is split (ppc64 and arm under external linking): offsets of functab go through a map of parts. The
 * map's meaning is that of runtime.(*moduledata).textAddr, Go 1.26.
 */
import { describe, expect, it } from 'vitest';
import { type ModuleData, textAddress } from '../src/module/module-data.js';

const module = (textSections: ModuleData['textSections']): ModuleData => ({
  address: 0,
  text: 0x10000,
  etext: 0x90000,
  minPc: 0x10000,
  maxPc: 0x90000,
  tableEnd: 0,
  gofunc: undefined,
  releases: [20, 25],
  textSections,
});

describe('textAddress', () => {
  it('adds to the text base where the text is whole', () => {
    expect(textAddress(module([]), 0x123)).toBe(0x10123);
    expect(textAddress(module([{ from: 0, to: 0x1000, base: 0x10000 }]), 0x2000)).toBe(0x12000);
  });

  it('goes through the part that holds the offset, the last with its end', () => {
    const split = module([
      { from: 0, to: 0x1000, base: 0x10000 },
      { from: 0x1000, to: 0x2000, base: 0x40000 },
    ]);
    expect(textAddress(split, 0xfff)).toBe(0x10fff);
    expect(textAddress(split, 0x1000)).toBe(0x40000);
    expect(textAddress(split, 0x1fff)).toBe(0x40fff);
    expect(textAddress(split, 0x2000)).toBe(0x41000);
    expect(textAddress(split, 0x3000)).toBe(0x13000);
  });
});
