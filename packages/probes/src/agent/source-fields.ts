/** What an event of the kernel carries, and how a program reads it from its context. */
import type { TracepointField, TracepointFormat } from '@probelens/bpf';
import type { CaptureShape, PlannedCapture } from '../plan/plan.js';
import { maximumCaptures } from '../program/index.js';
import type { ProgramMachine } from '../program/registers.js';
import type { SourceFieldDescription } from './protocol.js';

/** Bytes at `offset` of the context. */
export type FieldRead =
  | { readonly kind: 'number'; readonly offset: number; readonly width: 1 | 2 | 4 | 8; readonly signed: boolean }
  /** Text inside the record. */
  | { readonly kind: 'text'; readonly offset: number }
  /** Text whose place in the record is in the low half of the word there. */
  | { readonly kind: 'located-text'; readonly offset: number; readonly from: 'record' | 'field' }
  /** Text in the program's memory. */
  | { readonly kind: 'user-text'; readonly offset: number }
  /** Text in the running thread's task_struct. */
  | { readonly kind: 'task-text'; readonly offset: number }
  /** Whether the event is that of the second thread which it is about (`SecondThread`). */
  | { readonly kind: 'second' };

export type TextRead = Exclude<FieldRead, { kind: 'number' | 'second' }>;

/** Some events are about two threads: the one that runs, and another. Both are shown, each as an event of its own. */
export interface SecondThread {
  /** Field of the truth value that says which of the two an event is of. */
  readonly name: string;
  /** Where the record has the second thread's id, 4 bytes. */
  readonly offset: number;
  /** It begins to run in this very event; else it may be running, and where it is then is not known. */
  readonly comes: boolean;
}

/** What the second thread's event is called, and the field with its id. */
const secondThreads: ReadonlyMap<string, readonly [name: string, thread: string]> = new Map([
  ['sched:sched_switch', ['coming', 'next_pid']],
  ['sched:sched_waking', ['woken', 'pid']],
  ['sched:sched_wakeup', ['woken', 'pid']],
  ['sched:sched_wakeup_new', ['woken', 'pid']],
]);

export const secondThreadOf = ({ category, name, fields }: TracepointFormat): SecondThread | undefined => {
  const [called, thread] = secondThreads.get(`${category}:${name}`) ?? [];
  const found = fields.find((each) => each.name === thread);
  return called === undefined || found === undefined
    ? undefined
    : { name: called, offset: found.offset, comes: thread === 'next_pid' };
};

export interface SourceField {
  readonly capture: PlannedCapture;
  /** Undefined: what the capture's own expression says. */
  readonly read: FieldRead | undefined;
}

/** Characters of a text, its NUL included. */
export const textLimit = 64;

/** The place is in `read`; a capture without any value would get no room in the record. */
const placeholder = { kind: 'constant', value: '0' } as const;

const field = (name: string, typeName: string, shape: CaptureShape, read: FieldRead): SourceField => ({
  capture: {
    name,
    typeName,
    shape,
    value: placeholder,
    length: shape.kind === 'string' ? placeholder : undefined,
  },
  read,
});

const text = { kind: 'string', limit: textLimit } as const;

const isWidth = (size: number): size is 1 | 2 | 4 | 8 => size === 1 || size === 2 || size === 4 || size === 8;

/**
 * Arguments of system calls are whole registers, and their formats call every one of them unsigned (kernel/trace/
 * trace_syscalls.c, syscall_enter_define_fields, Linux 6.18): what the declared type keeps of them, on a 64-bit machine.
 */
const argumentTypes: ReadonlyMap<string, readonly [width: 1 | 2 | 4 | 8, signed: boolean]> = new Map([
  ['int', [4, true]],
  ['unsigned int', [4, false]],
  ['unsigned', [4, false]],
  ['long', [8, true]],
  ['unsigned long', [8, false]],
  ['size_t', [8, false]],
  ['off_t', [8, true]],
  ['loff_t', [8, true]],
  ['pid_t', [4, true]],
  ['uid_t', [4, false]],
  ['gid_t', [4, false]],
  ['umode_t', [2, false]],
  ['clockid_t', [4, true]],
  ['timer_t', [4, true]],
  ['key_t', [4, true]],
  ['mqd_t', [4, true]],
  ['u32', [4, false]],
  ['__u32', [4, false]],
  ['s32', [4, true]],
  ['u64', [8, false]],
  ['__u64', [8, false]],
]);

const numberOf = (each: TracepointField, category: string): Extract<FieldRead, { kind: 'number' }> | undefined => {
  const { offset, size, signed, type } = each;
  const declared = category === 'syscalls' && size === 8 && !signed ? argumentTypes.get(type) : undefined;
  if (declared !== undefined) return { kind: 'number', offset, width: declared[0], signed: declared[1] };
  return isWidth(size) ? { kind: 'number', offset, width: size, signed } : undefined;
};

const numberShape = ({ type }: TracepointField, { width, signed }: { width: 1 | 2 | 4 | 8; signed: boolean }) => {
  if (type.includes('*')) return { kind: 'pointer' } as const;
  return type === 'bool' ? ({ kind: 'bool' } as const) : ({ kind: 'integer', signed, width } as const);
};

/** Name of the running thread; `offset`: of task_struct.comm. Bytes. */
export const currentComm = (offset: number): SourceField =>
  field('current_comm', 'char[16]', text, { kind: 'task-text', offset });

/** Fields that cannot be shown (arrays of structures, bitmaps) are left out. */
const sourceFields = (each: TracepointField, category: string): readonly SourceField[] => {
  const { name, type, offset } = each;
  if (each.located !== undefined)
    return each.text ? [field(name, `${type}[]`, text, { kind: 'located-text', offset, from: each.located })] : [];
  if (each.text) return [field(name, `${type}[${each.size}]`, text, { kind: 'text', offset })];
  if (each.elements !== undefined && each.elements > 0) return elements(each, each.elements);
  const read = numberOf(each, category);
  if (read === undefined) return [];
  // System calls: the address of a C string in the program.
  if (/^const char ?\*$/.test(type)) return [field(name, type, text, { kind: 'user-text', offset })];
  return [field(name, type, numberShape(each, read), read)];
};

const elements = (each: TracepointField, count: number): readonly SourceField[] => {
  const width = each.size / count;
  if (!isWidth(width)) return [];
  return Array.from({ length: count }, (_, index) =>
    field(
      `${each.name}[${index}]`,
      each.type,
      { kind: 'integer', signed: each.signed, width },
      { kind: 'number', offset: each.offset + index * width, width, signed: each.signed },
    ),
  );
};

/** Everything that a tracepoint says of itself, but for what all have in common and every event of ours says already. */
export const tracepointFields = (format: TracepointFormat): readonly SourceField[] => {
  const second = secondThreadOf(format);
  return [
    ...(second === undefined ? [] : [field(second.name, 'bool', { kind: 'bool' }, { kind: 'second' })]),
    ...format.fields
      .filter((each) => !each.common && each.name !== '__syscall_nr')
      .flatMap((each) => sourceFields(each, format.category)),
  ];
};

/**
 * struct bpf_perf_event_data, include/uapi/linux/bpf_perf_event.h: registers, sample period, address. Where the program
 * counter is, and how long the registers are (arch/x86/include/asm/ptrace.h, arch/arm64/include/uapi/asm/ptrace.h).
 */
const perfContext = { amd64: { counter: 128, registers: 168 }, arm64: { counter: 256, registers: 272 } } as const;

export const perfFields = (machine: ProgramMachine): readonly SourceField[] => {
  const { counter, registers } = perfContext[machine];
  const word = (offset: number): FieldRead => ({ kind: 'number', offset, width: 8, signed: false });
  return [
    field('ip', 'uintptr', { kind: 'pointer' }, word(counter)),
    field('addr', 'uintptr', { kind: 'pointer' }, word(registers + 8)),
  ];
};

/** What a client needs to type an expression. */
export const describeFields = (fields: readonly SourceField[]): readonly SourceFieldDescription[] =>
  fields.map(({ capture }) => ({ name: capture.name, typeName: capture.typeName, shape: capture.shape }));

/** The fields that a template names, in its order, or all that an event has room for. */
export const chosenFields = (
  all: readonly SourceField[],
  template: string | undefined,
  computed: readonly PlannedCapture[] = [],
): { readonly fields: readonly SourceField[]; readonly unknown: readonly string[] } => {
  if (template === undefined) return { fields: all.slice(0, maximumCaptures), unknown: [] };
  const holes = [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => (match[1] ?? '').trim());
  const found = holes.map((hole): SourceField | undefined => {
    const expression = computed.find((each) => each.name === hole);
    return all.find((each) => each.capture.name === hole) ?? (expression && { capture: expression, read: undefined });
  });
  return {
    fields: found.flatMap((each) => (each === undefined ? [] : [each])).slice(0, maximumCaptures),
    unknown: holes.filter((_, index) => found[index] === undefined),
  };
};
