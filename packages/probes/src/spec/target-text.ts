/** The first part of a probe's text: what is probed. */
import { crashWhats } from '../crash/what.js';
import { writeLiteral } from './go-literal.js';
import type { Scanner } from './scanner.js';
import type { ProbeTarget } from './spec.js';

const fileAndLine = /^(.+):([0-9]+)$/s;
const tracepoint = /^tracepoint:([A-Za-z0-9_-]+):([A-Za-z0-9_-]+)$/;
const bpfCall = /^bpf:(load|map|link|attach)$/;
const perfEvent = /^perf:([A-Za-z][A-Za-z0-9_-]*)(?::([0-9]+))?$/;

const positive = (scanner: Scanner, digits: string, what: string, position: number): number => {
  const value = Number(digits);
  if (!Number.isSafeInteger(value) || value < 1)
    scanner.fail(`Expected ${what} of at least 1, found ${digits}`, position);
  return value;
};

/** What other tracers call things, and what is written here instead. */
const habits: readonly (readonly [prefix: RegExp, instead: string])[] = [
  [/^(?:uprobe|u|usdt|U):/, 'name the function alone, as in main.price'],
  [/^(?:uretprobe|ur):/, 'name the function with "return", as in "main.price return"'],
  [/^(?:kprobe|kretprobe|k|kr|fentry|fexit|kfunc|kretfunc):/, 'use a tracepoint, as in tracepoint:sched:sched_switch'],
  [/^(?:t|rawtracepoint|rt):/, 'write tracepoint:CATEGORY:NAME'],
  [/^(?:software|s|hardware|h):/, 'write perf:EVENT or perf:EVENT:PERIOD, as in perf:page-faults:100'],
  [/^(?:profile|p|interval|i):/, 'write perf:cpu-clock:PERIOD in nanoseconds, as in perf:cpu-clock:10000000'],
  [/^(?:syscalls|sched|signal|raw_syscalls|net|block|task):/, 'begin it with tracepoint:'],
];

const unquoted = (scanner: Scanner, start: number): ProbeTarget => {
  const name = scanner.takeUntilSpace();
  // With one colon and a number it is a line of a file that happens to be called so.
  const isLine = /^[^:]*:[0-9]+$/.test(name);
  const [, instead] = isLine ? [] : (habits.find(([prefix]) => prefix.test(name)) ?? []);
  if (instead !== undefined) return scanner.fail(`${name} is how another tracer says it; ${instead}`, start);
  if (name.startsWith('tracepoint:')) {
    const [, category, event] = tracepoint.exec(name) ?? [];
    if (category === undefined || event === undefined) {
      return scanner.fail('Expected tracepoint:CATEGORY:NAME, like tracepoint:sched:sched_switch', start);
    }
    return { kind: 'tracepoint', category, name: event };
  }
  if (name.startsWith('bpf:')) {
    const [, what] = bpfCall.exec(name) ?? [];
    if (what !== 'load' && what !== 'map' && what !== 'link' && what !== 'attach')
      return scanner.fail('Expected bpf:load, bpf:map, bpf:link or bpf:attach', start);
    return { kind: 'bpf', what };
  }
  if (name.startsWith('crash:')) {
    const what = crashWhats.find((each) => name === `crash:${each}`);
    return what === undefined
      ? scanner.fail(`Expected ${crashWhats.map((each) => `crash:${each}`).join(', ')}`, start)
      : { kind: 'crash', what };
  }
  if (name.startsWith('perf:')) {
    const [, event, period] = perfEvent.exec(name) ?? [];
    if (event === undefined)
      return scanner.fail('Expected perf:EVENT or perf:EVENT:PERIOD, like perf:page-faults:100', start);
    return {
      kind: 'perf-event',
      name: event,
      period: period === undefined ? undefined : positive(scanner, period, 'a period', start),
    };
  }
  const [, file, line] = fileAndLine.exec(name) ?? [];
  if (file !== undefined && line !== undefined) {
    return { kind: 'line', file, line: positive(scanner, line, 'a line number', start) };
  }
  if (name.endsWith('/...') && name.length > 4) return { kind: 'package', pattern: name };
  if (name.endsWith('.*') && name.length > 2) return { kind: 'package', pattern: name.slice(0, -2) };
  return { kind: 'function', name };
};

const quoted = (scanner: Scanner): ProbeTarget => {
  const position = scanner.position;
  const name = scanner.takeLiteral();
  if (name === '') scanner.fail('Expected a name between the quotes', position);
  if (!scanner.takeExact(':')) return { kind: 'function', name };
  return {
    kind: 'line',
    file: name,
    line: positive(scanner, scanner.takeDigits('a line number'), 'a line number', position),
  };
};

/** Reads the target with its `return` or `inlined`. */
export const readTarget = (scanner: Scanner): ProbeTarget => {
  if (scanner.atEnd)
    scanner.fail('Expected a function, FILE:LINE, PACKAGE/..., tracepoint:CATEGORY:NAME, perf:EVENT or bpf:load');
  const start = scanner.position;
  const target = scanner.atLiteral() ? quoted(scanner) : unquoted(scanner, start);
  for (const kind of ['return', 'inlined'] as const) {
    const position = scanner.position;
    if (!scanner.takeWord(kind)) continue;
    if (target.kind !== 'function') return scanner.fail(`"${kind}" needs the name of a function before it`, position);
    return { kind, name: target.name };
  }
  return target;
};

/** Names that would be read as something else, or would not end where they end, go between quotes. */
const nameText = (name: string): string => {
  const plain =
    !/^["'`]|[:\s]|\/\.\.\.$|\.\*$/.test(name.replace(/\[[^\]]*\]/g, '')) &&
    !/^(?:tracepoint|perf|bpf|crash):/.test(name);
  return plain && balanced(name) ? name : writeLiteral(name);
};

const balanced = (name: string): boolean => {
  const open: string[] = [];
  for (const character of name) {
    if (character === '(') open.push(')');
    else if (character === '[') open.push(']');
    else if (character === '{') open.push('}');
    else if (')]}'.includes(character) && open.pop() !== character) return false;
  }
  return open.length === 0;
};

const fileText = (file: string): string =>
  /^["'`]|[\s:()[\]{}]/.test(file) || file === '' ? writeLiteral(file) : file;

export const targetText = (target: ProbeTarget): string => {
  switch (target.kind) {
    case 'function':
      return nameText(target.name);
    case 'return':
    case 'inlined':
      return `${nameText(target.name)} ${target.kind}`;
    case 'line':
      return `${fileText(target.file)}:${target.line}`;
    case 'package':
      return target.pattern.endsWith('/...') ? target.pattern : `${target.pattern}.*`;
    case 'tracepoint':
      return `tracepoint:${target.category}:${target.name}`;
    case 'bpf':
      return `bpf:${target.what}`;
    case 'crash':
      return `crash:${target.what}`;
    case 'perf-event':
      return `perf:${target.name}${target.period === undefined ? '' : `:${target.period}`}`;
  }
};
