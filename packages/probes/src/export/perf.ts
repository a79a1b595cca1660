/** A plan as shell commands with perf: a probe with its arguments, and a filter where perf has one. */
import type { ComparisonOperator, IntegerType, LoweredExpression } from '../plan/expression.js';
import type { PlannedCapture, PlannedSite, ProbePlan } from '../plan/plan.js';
import { formatProbeText } from '../spec/text.js';
import { type Exported, exported, NotExportable, oneLine, requireUnswitched, shellWord } from './exported.js';
import { firstAddress } from './reads.js';

/** Documentation/trace/uprobetracer.rst: FETCHARGS. */
const registers: ReadonlyMap<string, string> = new Map([
  ['rax', '%ax'],
  ['rbx', '%bx'],
  ['rcx', '%cx'],
  ['rdx', '%dx'],
  ['rsi', '%si'],
  ['rdi', '%di'],
  ['rbp', '%bp'],
  ['rsp', '%sp'],
  ...[8, 9, 10, 11, 12, 13, 14, 15].map((number): [string, string] => [`r${number}`, `%r${number}`]),
]);

interface Fetch {
  readonly text: string;
  readonly type: IntegerType;
}

const whole: IntegerType = { width: 8, signed: false };

/** An address as a base that perf can fetch and a constant distance. */
const addressText = (node: LoweredExpression): string => {
  if (node.kind === 'arithmetic' && node.operator === 'add' && node.right.kind === 'constant') {
    const distance = BigInt.asIntN(64, BigInt(node.right.value));
    return `${distance < 0n ? '' : '+'}${distance}(${fetchOf(node.left).text})`;
  }
  return `+0(${fetchOf(node).text})`;
};

/** Registers, memory at a register or at a fetched pointer, and their conversions. */
const fetchOf = (node: LoweredExpression): Fetch => {
  switch (node.kind) {
    case 'register': {
      const text = registers.get(node.register);
      if (text === undefined) throw new NotExportable(`it cannot fetch ${node.register}`);
      return { text, type: whole };
    }
    case 'load':
      return { text: addressText(node.address), type: node.type };
    case 'convert':
      return { text: fetchOf(node.value).text, type: node.type };
    default:
      throw new NotExportable('it fetches registers and memory only, and computes nothing');
  }
};

const argument = (name: string, node: LoweredExpression, type?: IntegerType): string => {
  const fetch = fetchOf(node);
  const { width, signed } = type ?? fetch.type;
  return `${name}=${fetch.text}:${signed ? 's' : 'u'}${width * 8}`;
};

const comparison: Readonly<Record<ComparisonOperator, string>> = {
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
};

const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  eq: 'eq',
  ne: 'ne',
  lt: 'gt',
  le: 'ge',
  gt: 'lt',
  ge: 'le',
};

/** Pointers, as fetched, that lead to what is read, but for the stack's. */
const pointersIn = (node: LoweredExpression): readonly string[] => {
  if (node.kind === 'convert') return pointersIn(node.value);
  if (node.kind !== 'load') return [];
  const { address } = node;
  const base = address.kind === 'arithmetic' && address.right.kind === 'constant' ? address.left : address;
  if (base.kind === 'constant' || (base.kind === 'register' && /^r[sb]p$/.test(base.register))) return pointersIn(base);
  return [...pointersIn(base), fetchOf(base).text];
};

/** perf compares 0 where a read failed, so each pointer is asked about before all else. Throws NotExportable. */
const basesOf = (node: LoweredExpression): ReadonlySet<string> => {
  if (node.kind === 'compare') return new Set([...pointersIn(node.left), ...pointersIn(node.right)]);
  if (node.kind !== 'logical') return new Set();
  const [left, right] = [basesOf(node.left), basesOf(node.right)];
  // Behind "||" a read that fails matters only where the left side is false.
  const isSame = left.size === right.size && [...left].every((each) => right.has(each));
  if (node.operator === 'or' && !isSame && right.size > 0)
    throw new NotExportable('its filters cannot tell a read that failed from 0 behind an "||"');
  return new Set([...left, ...right]);
};

/** Collects the arguments that a filter names. */
class Filter {
  readonly arguments: string[] = [];

  /** The filter; where a read fails it holds nowhere. Throws NotExportable. */
  whole(node: LoweredExpression): string {
    const text = this.text(node);
    const tests = [...basesOf(node)].map((base) => {
      const name = `c${this.arguments.length}`;
      this.arguments.push(`${name}=${base}:u64`);
      return `${name} >= ${firstAddress}`;
    });
    return tests.length === 0 ? text : [...tests, `(${text})`].join(' && ');
  }

  text(node: LoweredExpression): string {
    if (node.kind === 'logical') {
      return `(${this.text(node.left)}) ${node.operator === 'and' ? '&&' : '||'} (${this.text(node.right)})`;
    }
    if (node.kind !== 'compare') throw new NotExportable('its filters only compare numbers');
    const [value, operator, constant] =
      node.left.kind === 'constant'
        ? [node.right, mirrored[node.operator], node.left]
        : [node.left, node.operator, node.right];
    if (constant.kind !== 'constant') throw new NotExportable('its filters compare with constants only');
    const name = `c${this.arguments.length}`;
    const { type } = fetchOf(value);
    this.arguments.push(
      argument(name, value, { width: type.width, signed: node.signed && (type.signed || type.width === 8) }),
    );
    return `${name} ${comparison[operator]} ${constant.value}`;
  }
}

const captured = (capture: PlannedCapture, index: number): readonly string[] => {
  const { value, shape } = capture;
  if (value === undefined || shape.kind === 'string' || shape.kind === 'float' || shape.kind === 'bool') return [];
  const type: IntegerType = shape.kind === 'integer' ? shape : whole;
  const word = capture.name.replace(/\W/g, '_').slice(0, 20);
  try {
    return [argument(`${word}_${index}`, value, type)];
  } catch (error) {
    // A value that perf cannot fetch is left out of the record; the count is still right.
    if (error instanceof NotExportable) return [];
    throw error;
  }
};

const eventName = (site: PlannedSite, index: number): string => {
  const word = site.function.slice(site.function.lastIndexOf('/') + 1).replace(/\W+/g, '_');
  return `${word.replace(/^_|_$/g, '').slice(0, 40)}_${index}`;
};

const group = 'probelens';

/** Commands for a POSIX shell, to be run as root with the program and its arguments as "$@". */
export const exportPerf = (plan: ProbePlan): Exported =>
  exported('perf', () => {
    const { spec, binary, sites, condition } = plan;
    if (spec.action.kind === 'stop') throw new NotExportable('it cannot stop a program for a debugger');
    requireUnswitched(spec);
    if (spec.scope.kind !== 'process') throw new NotExportable('it knows no goroutines');
    const filter = new Filter();
    const test = condition && filter.whole(condition);
    const values = spec.action.kind === 'count' ? [] : plan.captures.flatMap(captured);
    const fetched = [...filter.arguments, ...values].map((each) => ` ${each}`).join('');
    const names = sites.map(eventName);
    const adds = sites.map(
      (site, index) =>
        `perf probe -q -x ${shellWord(binary.path)} --add ${shellWord(`${group}:${names[index]}=${site.offset}${fetched}`)}`,
    );
    const filtered = test === undefined ? '' : ` --filter ${shellWord(test)}`;
    const events = names.map((name) => `-e ${group}:${name}${filtered}`).join(' ');
    const command = spec.action.kind === 'count' ? 'perf stat' : 'perf trace --no-syscalls';
    return [
      '#!/bin/sh',
      `# ${oneLine(formatProbeText(spec))}`,
      '# Usage: sh SCRIPT PROGRAM [ARGUMENT]...',
      ...adds,
      `${command} ${events} -- "$@"`,
      'status=$?',
      ...names.map((name) => `perf probe -q --del ${group}:${name}`),
      'exit $status',
      '',
    ].join('\n');
  });
