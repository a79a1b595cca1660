import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import { Btf, BtfError, kernelBtf } from '../src/index.js';

const vmlinux = '/sys/kernel/btf/vmlinux';

/** Members with every difficulty: anonymous nesting, arrays, typedefs, pointers, unions, deep paths. */
const members: readonly (readonly [string, string])[] = [
  ['task_struct', 'ptrace'],
  ['task_struct', 'tgid'],
  ['task_struct', 'parent'],
  ['task_struct', 'comm'],
  ['task_struct', 'se.vruntime'],
  ['task_struct', 'thread_info.flags'],
  ['task_struct', 'thread'],
  ['task_struct', 'rcu'],
  ['page', 'lru'],
  ['page', 'mapping'],
  ['page', 'compound_head'],
  ['file', 'f_inode'],
  ['inode', 'i_rdev'],
  ['sk_buff', 'len'],
  ['sk_buff', 'dev'],
  ['mm_struct', 'arg_start'],
  ['vm_area_struct', 'vm_start'],
  ['vm_area_struct', 'vm_file'],
  ['pt_regs', 'ip'],
  ['signal_struct', 'shared_pending.signal'],
  ['dentry', 'd_name.name'],
  ['bpf_prog', 'aux'],
];

describe.skipIf(requirement('kernel').missing)('kernel BTF', () => {
  const directory = mkdtempSync(join(tmpdir(), 'probelens-btf-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  const compiler = findProgram('cc');
  const bpftool = findProgram('bpftool');
  it.skipIf(compiler === undefined || bpftool === undefined)(
    'agrees with a C compiler about offsets and sizes',
    () => {
      // bpftool writes the kernel's types as C, the compiler lays them out: neither shares code with this package.
      const header = spawnSync(bpftool ?? '', ['btf', 'dump', 'file', vmlinux, 'format', 'c'], { maxBuffer: 1 << 28 });
      writeFileSync(join(directory, 'vmlinux.h'), header.stdout);
      const lines = members.map(
        ([struct, member]) =>
          `printf("%zu %zu\\n", __builtin_offsetof(struct ${struct}, ${member}), sizeof(((struct ${struct} *)0)->${member}));`,
      );
      const source = `#include "vmlinux.h"\nextern int printf(const char *, ...);\nint main(void) { ${lines.join('\n')} return 0; }\n`;
      writeFileSync(join(directory, 'offsets.c'), source);
      const binary = join(directory, 'offsets');
      const compiled = spawnSync(compiler ?? '', ['-w', '-std=gnu11', '-o', binary, join(directory, 'offsets.c')], {
        encoding: 'utf8',
      });
      expect(compiled.stderr).toBe('');
      const truth = spawnSync(binary, { encoding: 'utf8' }).stdout.trim().split('\n');
      const btf = kernelBtf();
      const ours = members.map(([struct, member]) => {
        const { offset, size } = btf.member(struct, member);
        return `${offset} ${size}`;
      });
      expect(ours).toEqual(truth);
    },
    120_000,
  );

  it.skipIf(bpftool === undefined)('agrees with bpftool about the size of every struct that has one definition', () => {
    const dump = spawnSync(bpftool ?? '', ['btf', 'dump', 'file', vmlinux], { maxBuffer: 1 << 28, encoding: 'utf8' });
    const sizes = new Map<string, Set<number>>();
    for (const [, name = '', size] of dump.stdout.matchAll(/^\[\d+\] STRUCT '(\w+)' size=(\d+)/gm)) {
      sizes.set(name, (sizes.get(name) ?? new Set()).add(Number(size)));
    }
    expect(sizes.size).toBeGreaterThan(1000);
    const btf = kernelBtf();
    // Every fiftieth: a look-up by name walks all types.
    const sample = [...sizes].filter(([name, all], index) => name !== '(anon)' && all.size === 1 && index % 50 === 0);
    const disagree = sample.filter(([name, [size]]) => {
      try {
        return btf.sizeOf(name) !== size;
      } catch (error) {
        // A union or an integer may have the name too.
        return !(error instanceof BtfError && /several types/.test(error.message));
      }
    });
    expect(disagree).toEqual([]);
  });

  it('refuses what is not there and what has no byte offset', () => {
    const btf = kernelBtf();
    expect(() => btf.offsetOf('task_struct', 'no_such_member')).toThrow(BtfError);
    expect(() => btf.offsetOf('task_struct', '')).toThrow(BtfError);
    expect(() => btf.offsetOf('no_such_struct', 'x')).toThrow('This kernel has no struct no_such_struct.');
    expect(() => btf.offsetOf('task_struct', 'in_execve')).toThrow(/bit-field/);
    expect(btf.hasMember('task_struct', 'ptrace')).toBe(true);
    expect(btf.hasMember('task_struct', 'ptrace.x')).toBe(false);
    expect(btf.sizeOf('pid_t')).toBe(4);
    expect(() => btf.sizeOf('no_such_type')).toThrow(BtfError);
  });

  it('reads every type or says why not, whatever the bytes', () => {
    const whole = readFileSync(vmlinux);
    expect(() => new Btf(new Uint8Array(0))).toThrow(BtfError);
    expect(() => new Btf(whole.subarray(0, 1000))).toThrow(/cut short/);
    const foreign = Uint8Array.from(whole.subarray(0, 64));
    foreign[0] = 0;
    expect(() => new Btf(foreign)).toThrow(/no little-endian BTF/);
  });
});

/** A BTF section built by hand: types, then strings. */
const section = (types: readonly number[], strings: string): Uint8Array => {
  const bytes = new Uint8Array(24 + types.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  bytes[2] = 1;
  [24, 0, types.length * 4, types.length * 4, strings.length].forEach((word, index) => {
    view.setUint32(4 + index * 4, word, true);
  });
  types.forEach((word, index) => {
    view.setUint32(24 + index * 4, word, true);
  });
  bytes.set(Buffer.from(strings, 'latin1'), 24 + types.length * 4);
  return bytes;
};

const info = (kind: number, elements: number): number => (kind << 24) | elements;
const [kindInt, kindStruct, kindTypedef] = [1, 4, 8];

describe('BTF built by hand', () => {
  // 1: int "a" of 4 bytes
  const integer = [1, info(kindInt, 0), 4, 32];

  it('refuses a type that refers to itself', () => {
    // 2: typedef "b" of itself; 3: struct "c" { b a; }
    const btf = new Btf(
      section([...integer, 3, info(kindTypedef, 0), 2, 5, info(kindStruct, 1), 4, 1, 2, 0], '\0a\0b\0c\0'),
    );
    expect(() => btf.offsetOf('c', 'a')).toThrow(/refers to itself/);
    expect(() => btf.sizeOf('b')).toThrow(/refers to itself/);
  });

  it('refuses a struct that contains itself without a name', () => {
    const btf = new Btf(section([...integer, 3, info(kindStruct, 1), 4, 0, 2, 0], '\0a\0b\0c\0'));
    expect(() => btf.offsetOf('b', 'a')).toThrow(/no member a/);
  });

  it('refuses a reference to a type that is not there', () => {
    const btf = new Btf(section([...integer, 3, info(kindStruct, 1), 4, 1, 99, 0], '\0a\0b\0'));
    expect(() => btf.offsetOf('b', 'a')).toThrow(/type 99, which it does not have/);
  });

  it('refuses two structs of one name that disagree, and accepts two that agree', () => {
    const twice = (second: number) =>
      section([...integer, 3, info(kindStruct, 1), 8, 1, 1, 0, 3, info(kindStruct, 1), 8, 1, 1, second], '\0a\0b\0');
    expect(new Btf(twice(0)).offsetOf('b', 'a')).toBe(0);
    expect(() => new Btf(twice(32)).offsetOf('b', 'a')).toThrow(/disagree/);
  });

  it('refuses a kind that it does not know', () => {
    expect(() => new Btf(section([1, info(31, 0), 0], '\0a\0'))).toThrow(/does not know/);
  });
});
