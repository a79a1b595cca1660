import { existsSync } from 'node:fs';
import { KernelError } from './kernel-error.js';
import { kernelFile } from './refusal.js';

/** One field of a tracepoint's record, which is the context of a "tracepoint" program. */
export interface TracepointField {
  readonly name: string;
  /** As the kernel declares it, without name and brackets: "pid_t", "const char *", "unsigned long". */
  readonly type: string;
  /** Bytes from the start of the context. */
  readonly offset: number;
  /** Bytes. 0 for an array that takes the rest of the record. */
  readonly size: number;
  readonly signed: boolean;
  /** Elements of an array, 0 for one that takes the rest of the record; undefined for a single value. */
  readonly elements: number | undefined;
  /**
   * Where the value of a field of changing size lies: the field is a 32-bit word, bytes in its upper half, offset in the
   * lower, counted from the start of the record ("record", __data_loc) or from the end of the word ("field", __rel_loc).
   */
  readonly located: 'record' | 'field' | undefined;
  /** Characters up to the first NUL. */
  readonly text: boolean;
  /** One of the first 8 bytes, common to all tracepoints. BPF programs cannot read them: the kernel keeps a pointer there. */
  readonly common: boolean;
}

export interface TracepointFormat {
  readonly category: string;
  readonly name: string;
  /** What perf_event_open calls it. */
  readonly id: number;
  /** By offset. */
  readonly fields: readonly TracepointField[];
  /**
   * Made by `perf probe` or through uprobe_events and kprobe_events. A BPF program attached to it must be of the type
   * "kprobe", and its context is the registers (struct pt_regs): it does not see the fields.
   */
  readonly dynamic: boolean;
}

/** A format file that is not as expected. */
export class TracepointFormatError extends Error {
  override readonly name = 'TracepointFormatError';
}

const ENOENT = 2;
const commonBytes = 8;
/** A tracepoint's category and name become parts of a path. */
const plainName = /^\w[\w.-]*$/;

/** Where tracefs is mounted. Throws KernelError when it is not, with the command that mounts it. */
export function tracefs(): string {
  for (const directory of ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']) {
    if (existsSync(`${directory}/events`)) return directory;
  }
  throw new KernelError(
    'open',
    ENOENT,
    'tracefs is not mounted or not readable: run "mount -t tracefs nodev /sys/kernel/tracing" as root.',
  );
}

/** Every tracepoint of this kernel, those made by `perf probe` included, sorted by category and name. */
export function listTracepoints(): readonly { readonly category: string; readonly name: string }[] {
  const text = kernelFile(`${tracefs()}/available_events`) ?? '';
  return text
    .split('\n')
    .filter((line) => line.includes(':'))
    .toSorted()
    .map((line) => {
      const colon = line.indexOf(':');
      return { category: line.slice(0, colon), name: line.slice(colon + 1) };
    });
}

/** The number by which perf_event_open knows a tracepoint. Throws KernelError (ENOENT: there is none of that name). */
export const readTracepointId = (category: string, name: string): number =>
  Number(readTracepointFile(category, name, 'id'));

/** The fields of a tracepoint. Throws KernelError (ENOENT), TracepointFormatError. */
export function readTracepointFormat(category: string, name: string): TracepointFormat {
  return parseTracepointFormat(category, readTracepointFile(category, name, 'format'));
}

function readTracepointFile(category: string, name: string, file: string): string {
  const directory = tracefs();
  const known = plainName.test(category) && plainName.test(name);
  const text = known ? kernelFile(`${directory}/events/${category}/${name}/${file}`) : undefined;
  if (text !== undefined) return text;
  throw new KernelError(
    'open',
    ENOENT,
    `There is no tracepoint ${category}:${name} on this kernel; "perf list tracepoint" or ${directory}/available_events lists them.`,
  );
}

const fieldLine = /^\s*field:(.+);\s*offset:(\d+);\s*size:(\d+);\s*signed:([01]);\s*$/;

/** Reads the text of a tracefs `format` file (kernel/trace/trace_events.c, f_show). */
export function parseTracepointFormat(category: string, text: string): TracepointFormat {
  const name = /^name: (\S+)$/m.exec(text)?.[1];
  const id = /^ID: (\d+)$/m.exec(text)?.[1];
  if (name === undefined || id === undefined) {
    throw new TracepointFormatError(`This is no format of a tracepoint in ${category}: its name or ID is missing.`);
  }
  const fields: TracepointField[] = [];
  for (const line of text.split('\n')) {
    if (!line.trimStart().startsWith('field:')) continue;
    const match = fieldLine.exec(line);
    const declared = match?.[1] === undefined ? undefined : parseDeclaration(match[1]);
    if (match === null || declared === undefined) {
      throw new TracepointFormatError(
        `The format of ${category}:${name} has a field that cannot be read: ${line.trim()}`,
      );
    }
    const [offset, size] = [Number(match[2]), Number(match[3])];
    fields.push({ ...declared, offset, size, signed: match[4] === '1', common: offset < commonBytes });
  }
  // kernel/trace/trace_probe.h: FIELD_STRING_IP, FIELD_STRING_FUNC.
  const dynamic = fields.some((field) => field.name === '__probe_ip' || field.name === '__probe_func');
  return { category, name, id: Number(id), fields: fields.toSorted((a, b) => a.offset - b.offset), dynamic };
}

/** "char comm[16]", "__data_loc char[] name", "const char * buf", "unsigned long args[]". */
function parseDeclaration(
  text: string,
): Pick<TracepointField, 'name' | 'type' | 'elements' | 'located' | 'text'> | undefined {
  const moving = /^(__data_loc|__rel_loc)\s+(.+?)\s*\[\]\s*(\w+)$/.exec(text);
  if (moving !== null) {
    const [, keyword, type = '', name = ''] = moving;
    const located = keyword === '__data_loc' ? 'record' : 'field';
    return { name, type, elements: 0, located, text: isCharacter(type) };
  }
  const plain = /^(.+?[\s*])(\w+)(?:\[([^\]]*)\])?$/.exec(text);
  if (plain === null) return undefined;
  const [, type = '', name = '', length] = plain;
  // Lengths may be given by a name of the kernel's source ("TASK_COMM_LEN"): the size says it then.
  const elements = length === undefined ? undefined : Number(length);
  const bare = type.trim();
  return {
    name,
    type: bare,
    elements: elements === undefined || Number.isInteger(elements) ? elements : undefined,
    located: undefined,
    text: length !== undefined && isCharacter(bare),
  };
}

const isCharacter = (type: string): boolean => /^(?:const )?char$/.test(type);
