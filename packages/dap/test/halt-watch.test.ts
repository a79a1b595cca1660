/** A Delve that hangs while it halts its program gets the SIGTRAP that it has lost, and nobody else does. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Message } from '../src/core/message.js';
import { HaltWatch, waitsForTrap } from '../src/delve/halt-watch.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const request = (seq: number, command: string): Message => ({ seq, type: 'request', command });
const answer = (seq: number, command: string): Message => ({
  seq: 0,
  type: 'response',
  request_seq: seq,
  success: true,
  command,
});

const watched = (waits: () => boolean) => {
  const trapped: number[] = [];
  const watch = new HaltWatch({ tracee: () => 7, waits, trap: (pid) => trapped.push(pid) });
  return { watch, trapped };
};

it('while a halt has no answer and the program is not halted', () => {
  let isHalted = false;
  const { watch, trapped } = watched(() => !isHalted);
  watch.sent(request(1, 'pause'));
  watch.sent(request(2, 'setBreakpoints'));
  vi.advanceTimersByTime(2_500);
  expect(trapped).toEqual([7, 7]);
  isHalted = true;
  vi.advanceTimersByTime(2_000);
  expect(trapped).toHaveLength(2);
  isHalted = false;
  watch.heard(answer(1, 'pause'));
  watch.heard(answer(0, 'threads'));
  vi.advanceTimersByTime(1_000);
  expect(trapped).toHaveLength(3);
  watch.heard(answer(2, 'setBreakpoints'));
  vi.advanceTimersByTime(5_000);
  expect(trapped).toHaveLength(3);
  expect(vi.getTimerCount()).toBe(0);
});

it('no longer when Delve has answered something behind it: a halt without an answer is over', () => {
  const { watch, trapped } = watched(() => true);
  watch.sent(request(1, 'pause'));
  watch.sent(request(2, 'threads'));
  watch.sent(request(3, 'pause'));
  watch.heard(answer(2, 'threads'));
  vi.advanceTimersByTime(1_000);
  expect(trapped).toEqual([7]);
  watch.sent(request(4, 'continue'));
  watch.heard(answer(4, 'continue'));
  vi.advanceTimersByTime(5_000);
  expect(trapped).toEqual([7]);
  expect(vi.getTimerCount()).toBe(0);
});

it('never when nothing is halted, or Delve lets go, or is gone', () => {
  const { watch, trapped } = watched(() => true);
  watch.sent(request(1, 'continue'));
  watch.sent(request(2, 'disconnect'));
  vi.advanceTimersByTime(5_000);
  watch.sent(request(3, 'pause'));
  watch.close();
  vi.advanceTimersByTime(5_000);
  expect(trapped).toEqual([]);
});

it('never a program that nobody traces, which would die of it', () => {
  expect(waitsForTrap(process.pid)).toBe(false);
  // Beyond pid_max: there is none.
  expect(waitsForTrap(2 ** 30)).toBe(false);
});
