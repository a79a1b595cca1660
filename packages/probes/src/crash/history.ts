/**
 * What goroutines and threads did before a crash: system calls that say what they were about. A tracepoint for each, and
 * few: one for all of them would cost 0.4 us at every call by which the runtime waits and wakes, and taking one out takes
 * the kernel up to a tenth of a second.
 */
import type { CapturedValue } from '../events.js';
import type { CrashSource } from './sources.js';

export interface HistorySource extends CrashSource {
  readonly tell: (values: readonly CapturedValue[]) => string;
}

/** A second; of a program that makes more they are a sample. */
const limit = 100;

const textOf = (values: readonly CapturedValue[], name: string): string =>
  values.find((value) => value.name === name)?.text ?? '?';

/** `shown`: arguments, by their names in the kernel. */
const call = (name: string, shown: readonly string[]): HistorySource => ({
  name,
  text: `tracepoint:syscalls:sys_enter_${name} limit ${limit} do log`,
  optional: true,
  tell: (values) => [name, ...shown.map((each) => `${each}=${textOf(values, each)}`)].join(' '),
});

export const historySources: readonly HistorySource[] = [
  call('openat', ['filename']),
  call('connect', ['fd']),
  call('read', ['fd', 'count']),
  call('write', ['fd', 'count']),
];
