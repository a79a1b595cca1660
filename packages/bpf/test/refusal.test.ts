import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { errnoName, KernelError } from '../src/index.js';
import { type KernelCall, refusal } from '../src/refusal.js';

const calls: readonly KernelCall[] = [
  'BPF_MAP_CREATE',
  'BPF_PROG_LOAD',
  'BPF_LINK_CREATE',
  'perf_event_open',
  'pidfd_open',
  'mmap',
];

describe('refusals of the kernel', () => {
  it('name the call, the subject, the errno, and a next step, whatever the errno', () => {
    for (const call of calls) {
      for (const errno of Object.values(constants.errno)) {
        const error = refusal(call, errno, 'the thing "x"');
        expect(error).toBeInstanceOf(KernelError);
        expect([error.call, error.errno, error.code]).toEqual([call, errno, errnoName(errno)]);
        const [first = '', ...rest] = error.message.split(/(?<=\.) /);
        expect(first).toBe(`${call} failed for the thing "x": ${errnoName(errno)}.`);
        expect(rest.join(' ')).toMatch(/^[A-Z].*\.$/);
      }
    }
  });

  it.each<readonly [KernelCall, keyof typeof constants.errno, RegExp]>([
    ['BPF_PROG_LOAD', 'ENOSYS', /CONFIG_BPF_SYSCALL/],
    ['BPF_PROG_LOAD', 'E2BIG', /make it smaller/],
    ['BPF_LINK_CREATE', 'E2BIG', /too old/],
    ['BPF_MAP_CREATE', 'EINVAL', /Sizes or flags/],
    ['perf_event_open', 'ENOENT', /no such event/],
    ['perf_event_open', 'EMFILE', /ulimit -n/],
    ['perf_event_open', 'ENOSPC', /breakpoint registers/],
    ['BPF_PROG_LOAD', 'EAGAIN', /try again/],
    ['pidfd_open', 'ESRCH', /has ended/],
  ])('%s %s says what to do', (call, code, step) => {
    expect(refusal(call, constants.errno[code], 'it').message).toMatch(step);
  });

  it('has names for every errno, those of the kernel alone too', () => {
    expect(errnoName(1)).toBe('EPERM');
    expect([errnoName(11), errnoName(95)]).toEqual(['EAGAIN', 'EOPNOTSUPP']);
    expect(errnoName(524)).toBe('ENOTSUPP');
    expect(errnoName(99_999)).toBe('E99999');
  });
});
