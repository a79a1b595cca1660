/** Where goroutine ids are: DWARF, the table by release, and machine code, each against another tool or another way. */
import { describe, expect, it } from 'vitest';
import { goidOffset } from '../src/runtime/goid-table.js';
import { threadLocalFromCode } from '../src/runtime/thread-local.js';
import { openStored } from './binaries.js';

/** DW_AT_data_member_location of runtime.g.goid by readelf, in programs built by the release for amd64 and 386. */
const byReadelf: Readonly<Record<number, readonly [number, number]>> = {
  9: [152, 80],
  10: [152, 80],
  11: [152, 80],
  12: [152, 80],
  13: [152, 80],
  14: [152, 80],
  15: [152, 80],
  16: [152, 80],
  17: [152, 80],
  18: [152, 80],
  19: [152, 80],
  20: [152, 80],
  21: [152, 80],
  22: [152, 80],
  23: [160, 84],
  24: [160, 84],
  25: [152, 80],
  26: [152, 80],
  27: [152, 80],
};

describe('the table of goid offsets', () => {
  it('is what readelf shows for each release', () => {
    for (const [minor, [wide, narrow]] of Object.entries(byReadelf)) {
      const release = [Number(minor), Number(minor)] as const;
      expect([minor, goidOffset(release, 8), goidOffset(release, 4)]).toEqual([minor, wide, narrow]);
    }
  });

  it('says nothing of releases that nobody has looked at, or where they differ', () => {
    expect(goidOffset([28, 28], 8)).toBeUndefined();
    expect(goidOffset([27, undefined], 8)).toBeUndefined();
    expect(goidOffset([5, 5], 8)).toBeUndefined();
    expect(goidOffset([20, 25], 8)).toBeUndefined();
    expect(goidOffset([18, 19], 8)).toBe(152);
  });
});

describe('the layout of a program', () => {
  it('comes from DWARF where there is some', () => {
    for (const name of ['debug-1.12.17', 'debug-1.15.15', 'debug-1.18.10', 'debug-1.20.14', 'debug-1.26.8']) {
      expect(openStored(name).runtime).toMatchObject({ goid: 152, source: 'dwarf' });
    }
    expect(openStored('debug-1.26.8').runtime.tlsG).toBe(-8);
  });

  it('comes from the table and from code where it was stripped', () => {
    expect(openStored('plain-1.24.13-amd64').runtime).toMatchObject({ goid: 160, source: 'table' });
    expect(openStored('plain-1.26.8-386').runtime).toMatchObject({ goid: 80, source: 'table', tlsG: undefined });
    expect(openStored('pie-1.26.8-amd64').runtime).toEqual({ goid: 152, tlsG: -8, source: 'table' });
    // PT_TLS has 0x4b8 bytes: 300 counters of C before the pointer of Go (readelf -lW).
    expect(openStored('cgo-1.26.8-amd64').runtime).toEqual({ goid: 152, tlsG: -0x4b8, source: 'table' });
  });

  it('has no place of g where only the loader knows it', () => {
    expect(openStored('c-shared-1.26.8-amd64').runtime.tlsG).toBeUndefined();
  });
});

describe('the store of g in runtime.mcall', () => {
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

  it.each([
    ['mov %r14,%fs:-8', '64 4c 89 34 25 f8 ff ff ff', -8],
    ['mov %fs:-0x4b8,%rax', '64 48 8b 04 25 48 fb ff ff', -0x4b8],
    ['mov $-8,%rcx; mov %r14,%fs:(%rcx)', '48 c7 c1 f8 ff ff ff 64 4c 89 31', -8],
    ['mov $-8,%r9; mov %r14,%fs:(%r9)', '49 c7 c1 f8 ff ff ff 64 4d 89 31', -8],
    ['mov 0xfe707(%rip),%rcx; mov %r14,%fs:(%rcx)', '48 8b 0d 07 e7 0f 00 64 4c 89 31', undefined],
    ['mov $-8,%rdx; mov %r14,%fs:(%rcx)', '48 c7 c2 f8 ff ff ff 64 4c 89 31', undefined],
    ['two that disagree', '64 4c 89 34 25 f8 ff ff ff 64 4c 89 34 25 f0 ff ff ff', undefined],
    ['none', '55 48 89 e5 c3', undefined],
    ['one cut short', '64 4c 89 34 25 f8 ff', undefined],
  ])('%s', (_text, code, expected) => {
    expect(threadLocalFromCode(bytes(code))).toBe(expected);
  });

  it('goes through the GOT where the loader fills it, relative to the next instruction', () => {
    // Debian's dockerd: mov 0x35bc3b2(%rip),%rcx at 0x1158c0f, R_X86_64_TPOFF64 at 0x4714fc8 (readelf -r).
    const code = bytes('48 8b 0d b2 c3 5b 03 64 4c 89 31');
    expect(threadLocalFromCode(code, 0x1158c0f, (place) => (place === 0x4714fc8 ? -8 : undefined))).toBe(-8);
    expect(threadLocalFromCode(bytes('48 8b 15 b2 c3 5b 03 64 4c 89 31'), 0x1158c0f, () => -8)).toBeUndefined();
  });
});
