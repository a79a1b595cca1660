/** Programs that other tools made or changed: garble's are read and said to be garbled, gccgo's are refused by name. */
import { describe, expect, it } from 'vitest';
import { bytesOf, foreignBinary, openBytes, openStored } from './binaries.js';

describe.each(['garble-0.16.0', 'garble-tiny-0.16.0'])('%s', (name) => {
  const binary = openBytes(bytesOf(foreignBinary(name)));

  it('is said to be garbled and not to name its version', () => {
    expect(binary.problems.map(({ code }) => code)).toEqual(['garbled', 'unknown-go-version']);
    expect(binary.goVersion).toBeUndefined();
    expect(binary.problems.at(-1)?.message).toContain('Go 1.26,');
  });

  it('has its functions all the same', () => {
    const functions = [...binary.functions()];
    expect(functions.length).toBeGreaterThan(1500);
    expect(functions.map(({ name: fn }) => fn)).toContain('internal/cpu.Initialize');
    expect(binary.inlinedCopies().size).toBeGreaterThan(100);
    // One release by its tables, so one place of the goid.
    expect(binary.runtime.goid).toBe(152);
  });
});

describe('garble hides the entries in the records', () => {
  it('so functab decides: what lies between the functions is padding', () => {
    const binary = openBytes(bytesOf(foreignBinary('garble-0.16.0')));
    const functions = [...binary.functions()];
    let padded = 0;
    for (const [index, fn] of functions.entries()) {
      const next = functions[index + 1]?.entry ?? fn.entry + fn.size;
      const gap = binary.code({ ...fn, size: next - fn.entry }).subarray(fn.size);
      if (!fn.name.startsWith('go:textfips')) expect([...gap].every((byte) => byte === 0xcc)).toBe(true);
      padded += gap.length;
    }
    expect(padded).toBeGreaterThan(10_000);
  });
});

describe('gccgo', () => {
  it('is refused with the next step', () => {
    expect(() => openBytes(bytesOf(foreignBinary('gccgo-12')))).toThrow(
      expect.objectContaining({ code: 'gccgo', message: expect.stringMatching(/gccgo.*build it with.*go build/) }),
    );
  });
});

describe('a program without its version', () => {
  it('is bounded by its tables', () => {
    const expected = { 'plain-1.2.2-amd64': '1.2 to 1.4', 'plain-1.12.17-amd64': '1.5 to 1.15' };
    for (const [name, releases] of Object.entries(expected)) {
      const [problem] = openStored(name).problems;
      expect(problem).toMatchObject({
        code: 'unknown-go-version',
        message: expect.stringContaining(`Go ${releases},`),
      });
    }
  });
});
