/** Freed memory goes back to the system, where the C library can be told so. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { returnFreedMemory } from '../src/index.js';

/** The C library of this process, as the system maps it. */
const isGlibc =
  process.platform === 'linux' && /\/libc\.so\.6|\/libc-2\./.test(readFileSync('/proc/self/maps', 'latin1'));

test.skipIf(process.platform !== 'linux')('the C library is told to return what is freed, where it can be', () => {
  expect(returnFreedMemory()).toBe(isGlibc);
  // Again says the same.
  expect(returnFreedMemory()).toBe(isGlibc);
});
