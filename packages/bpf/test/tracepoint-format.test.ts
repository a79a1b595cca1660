import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import {
  KernelError,
  kernelBtf,
  listTracepoints,
  parseTracepointFormat,
  readTracepointFormat,
  type TracepointField,
  TracepointFormatError,
} from '../src/index.js';

const field = (declaration: string): TracepointField | undefined =>
  parseTracepointFormat(
    'category',
    `name: event\nID: 7\nformat:\n\tfield:${declaration};\toffset:16;\tsize:8;\tsigned:1;\n\nprint fmt: "x"\n`,
  ).fields[0];

describe('tracepoint format text', () => {
  it.each<readonly [string, Partial<TracepointField>]>([
    ['pid_t prev_pid', { name: 'prev_pid', type: 'pid_t', elements: undefined, text: false, located: undefined }],
    ['char comm[16]', { name: 'comm', type: 'char', elements: 16, text: true, located: undefined }],
    ['const char * buf', { name: 'buf', type: 'const char *', elements: undefined, text: false }],
    ['struct sk_buff *skb', { name: 'skb', type: 'struct sk_buff *', elements: undefined }],
    ['unsigned long args[6]', { name: 'args', type: 'unsigned long', elements: 6, text: false }],
    ['u32 buf[]', { name: 'buf', type: 'u32', elements: 0 }],
    ['__data_loc char[] name', { name: 'name', type: 'char', elements: 0, text: true, located: 'record' }],
    ['__data_loc unsigned int[] lengths', { name: 'lengths', type: 'unsigned int', located: 'record', text: false }],
    ['__rel_loc char[] name', { name: 'name', type: 'char', text: true, located: 'field' }],
    ['char comm[TASK_COMM_LEN]', { name: 'comm', type: 'char', elements: undefined, text: true }],
  ])('%s', (declaration, expected) => {
    expect(field(declaration)).toMatchObject({ ...expected, offset: 16, size: 8, signed: true, common: false });
  });

  it('refuses what is no format', () => {
    expect(() => parseTracepointFormat('c', '')).toThrow(TracepointFormatError);
    expect(() => parseTracepointFormat('c', 'name: e\nID: 7\nformat:\n\tfield:nonsense\n')).toThrow(/cannot be read/);
    expect(() => field('nameless')).toThrow(TracepointFormatError);
  });
});

describe.skipIf(requirement('kernel').missing)('tracepoints of this kernel', () => {
  it('are all readable', () => {
    const all = listTracepoints();
    expect(all.length).toBeGreaterThan(100);
    for (const { category, name } of all) {
      const format = readTracepointFormat(category, name);
      expect([format.category, format.name]).toEqual([category, name]);
      expect(format.id).toBeGreaterThan(0);
      // ftrace's own entries and a few others have no fields but the common ones.
      expect(format.fields.filter((one) => one.common).length).toBeGreaterThanOrEqual(4);
      const overlapping = format.fields.filter((one, index) => {
        const next = format.fields[index + 1];
        return next !== undefined && one.offset + one.size > next.offset;
      });
      expect([`${category}:${name}`, overlapping]).toEqual([`${category}:${name}`, []]);
    }
  });

  it('have their fields where the kernel’s BTF has them', () => {
    const btf = kernelBtf();
    let compared = 0;
    for (const { category, name } of listTracepoints()) {
      if (category !== 'sched' && category !== 'signal' && category !== 'task' && category !== 'block') continue;
      const struct = `trace_event_raw_${name}`;
      for (const one of readTracepointFormat(category, name).fields) {
        const member = one.located === undefined ? one.name : `__data_loc_${one.name}`;
        if (one.common || !btf.hasMember(struct, member)) continue;
        const { offset, size } = btf.member(struct, member);
        expect([struct, member, offset, size]).toEqual([struct, member, one.offset, one.size]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(30);
  });

  it('refuses names that are not there, or no names', () => {
    expect(() => readTracepointFormat('sched', 'nonsense')).toThrow(KernelError);
    expect(() => readTracepointFormat('..', 'sched_switch')).toThrow(/no tracepoint/);
    expect(() => readTracepointFormat('sched/../sched', 'sched_switch')).toThrow(/no tracepoint/);
  });
});
