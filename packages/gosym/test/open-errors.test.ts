/** What cannot be read is refused with a FormatError whose message is one sentence with a next step. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ElfImage } from '../src/elf/image.js';
import { MemorySource } from '../src/elf/source.js';
import { FormatError, type FormatErrorCode, openGoBinary } from '../src/index.js';
import { bytesOf, openBytes, storedBinary } from './binaries.js';

const directory = mkdtempSync(join(tmpdir(), 'gosym-'));
afterAll(() => rmSync(directory, { recursive: true }));

const file = (name: string, content: Uint8Array | string): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

const refusal = async (path: string): Promise<FormatError> => {
  try {
    await openGoBinary(path);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error(`${path} was opened`);
};

const hello = (): Buffer => Buffer.from(bytesOf(storedBinary('plain-1.26.8-amd64')));

describe('openGoBinary refuses', () => {
  const cases: readonly [string, FormatErrorCode, () => string][] = [
    ['a missing file', 'no-such-file', () => join(directory, 'absent')],
    ['a path below a file', 'no-such-file', () => join(file('plain', 'x'), 'below')],
    ['a directory', 'not-a-regular-file', () => directory],
    ['a device', 'not-a-regular-file', () => '/dev/null'],
    ['an empty file', 'empty', () => file('empty', '')],
    ['a script', 'not-elf', () => file('script', '#!/bin/sh\n')],
    ['a Windows program', 'not-elf', () => file('windows.exe', 'MZ\0\0')],
    ['a header alone', 'truncated', () => file('header', hello().subarray(0, 30))],
    ['half a program', 'truncated', () => file('half', hello().subarray(0, 500_000))],
    ['a C program', 'no-pclntab', () => '/bin/true'],
    ['an object file', 'not-go', () => file('object', patched(hello(), 16, 1))],
    ['a core dump', 'not-go', () => file('core', patched(hello(), 16, 4))],
    ['an unknown machine', 'unsupported-machine', () => file('machine', patched(hello(), 18, 99))],
    ['a bad class', 'bad-elf', () => file('class', patched(hello(), 4, 7))],
  ];

  it.each(cases)('%s (%s)', async (_what, code, path) => {
    const error = await refusal(path());
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^[^\n]+[;:(][^\n]+$/);
    expect(error.message).not.toMatch(/undefined|NaN|at .*:\d+:\d+/);
  });

  it('a program whose moduledata is gone, instead of guessing the text base', () => {
    const bytes = hello();
    const image = new ElfImage(new MemorySource(bytes));
    const section = image.section('.go.module');
    expect(section?.size).toBeGreaterThan(0);
    bytes.fill(0, section?.offset, (section?.offset ?? 0) + 48 * 8);
    expect(() => openBytes(bytes)).toThrow(expect.objectContaining({ code: 'no-text-base' }));
  });

  it('a program packed with UPX', () => {
    const bytes = hello();
    bytes.fill(0, 0x1000);
    bytes.write('UPX!', 0x900);
    const header = bytes.subarray(0, 64);
    header.writeBigUInt64LE(0n, 40);
    header.writeUInt16LE(0, 60);
    expect(() => openBytes(bytes)).toThrow(expect.objectContaining({ code: 'packed' }));
  });
});

const patched = (bytes: Buffer, at: number, value: number): Buffer => {
  bytes[at] = value;
  return bytes;
};

describe('the error', () => {
  it('names the file and keeps the cause', async () => {
    mkdirSync(join(directory, 'a'));
    const path = file('a/short', hello().subarray(0, 40));
    const error = await refusal(path);
    expect(error.message).toContain(path);
    expect(error.cause).toBeInstanceOf(FormatError);
    expect(error.offset).toBe(40);
  });
});
