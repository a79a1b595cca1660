/**
 * What one offset of a kernel structure costs.
 *
 * Method: read /sys/kernel/btf/vmlinux, index it, ask for five members, 10 times over; beside it `bpftool btf dump` of
 * the same file, the usual way to look something up. Wall clock, median.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { describe, it } from 'vitest';
import { Btf } from '../../packages/bpf/src/index.js';
import { findProgram, requirement } from '../requirements.js';

const path = '/sys/kernel/btf/vmlinux';
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const median = (rounds: number, action: () => void): number => {
  const times = Array.from({ length: rounds }, () => {
    const start = process.hrtime.bigint();
    action();
    return Number(process.hrtime.bigint() - start) / 1e6;
  });
  return times.toSorted((a, b) => a - b)[rounds >> 1] ?? 0;
};

describe.skipIf(requirement('kernel', 'bpftool').missing)('kernel BTF', () => {
  it('five offsets, against bpftool', () => {
    const ours = median(10, () => {
      const btf = new Btf(readFileSync(path));
      for (const member of ['ptrace', 'tgid', 'parent', 'comm', 'thread_info.flags'])
        btf.offsetOf('task_struct', member);
    });
    const dump = ['btf', 'dump', 'file', path];
    const theirs = median(3, () => spawnSync(findProgram('bpftool') ?? 'bpftool', dump, { maxBuffer: 1 << 28 }));
    const types = new Btf(readFileSync(path)).count;
    say(`machine: ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}, ${types} types`);
    say(
      `read, index, five offsets: ${ours.toFixed(1)} ms; bpftool's dump ${theirs.toFixed(0)} ms (${(theirs / ours).toFixed(0)} times)`,
    );
  });
});
