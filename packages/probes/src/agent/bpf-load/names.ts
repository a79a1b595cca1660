/**
 * Fields whose texts are the names of numbers. In the kernel there are the numbers only, so what a condition says of such a
 * text is worked out for each of them here, and the program compares numbers.
 */
import { attachTypeNames, errnoName, mapTypeNames, programTypeNames } from '@probelens/bpf';
import type { BpfWhat } from '../../bpf-load/call.js';
import { original } from '../../bpf-load/keywords.js';
import type { LoweredExpression } from '../../plan/expression.js';
import { lengthOf } from '../../plan/source-expressions.js';
import { holdsFor } from './condition.js';
import { commands } from './layout.js';

/** Number -> name. */
type Names = ReadonlyMap<number, string>;

const listed = (names: readonly string[]): Names => new Map(names.map((name, number) => [number, name]));

/** EHWPOISON, the last of include/uapi/asm-generic/errno.h; ENOTSUPP is the kernel's own (include/linux/errno.h). */
const [lastErrno, notSupported] = [133, 524];

const errors: Names = new Map([
  [0, ''],
  ...[...Array.from({ length: lastErrno }, (_, index) => index + 1), notSupported].map(
    (errno) => [errno, errnoName(errno)] as const,
  ),
]);

/** What stands for "none" where 0 is a kind of attachment. */
export const noAttachment = -1;
const attachments: Names = new Map([...listed(attachTypeNames), [noAttachment, '']]);

const linkCalls: Names = new Map([
  [commands.linkCreate, 'create'],
  [commands.rawTracepoint, 'raw-tracepoint'],
  [commands.linkUpdate, 'update'],
  [commands.linkDetach, 'detach'],
]);
const attachCalls: Names = new Map([
  [commands.attach, 'attach'],
  [commands.detach, 'detach'],
]);

/** By field. A link's type is known only when the kernel was asked for it. */
const namesOf: Readonly<Record<BpfWhat, ReadonlyMap<string, Names>>> = {
  load: new Map([
    ['type', listed(programTypeNames)],
    ['attach', attachments],
    ['error', errors],
  ]),
  map: new Map([
    ['type', listed(mapTypeNames)],
    ['error', errors],
  ]),
  link: new Map([
    ['call', linkCalls],
    ['attach', attachments],
    ['error', errors],
  ]),
  attach: new Map([
    ['call', attachCalls],
    ['attach', attachments],
    ['error', errors],
  ]),
};

/** Of the number behind a name, as a field of its own. */
export const numberOf = (name: string): string => `number of ${name}`;

const children = (node: LoweredExpression): readonly LoweredExpression[] =>
  Object.values(node).filter((child) => typeof child === 'object' && child !== null && 'kind' in child);

/** The fields below a node, a length as what it is the length of. */
const fieldsOf = (node: LoweredExpression): ReadonlySet<string> => {
  if (node.kind !== 'register') return new Set(children(node).flatMap((child) => [...fieldsOf(child)]));
  const length = lengthOf('');
  const { register } = node;
  return new Set([original(register.startsWith(length) ? register.slice(length.length) : register)]);
};

const isTruth = ({ kind }: LoweredExpression): boolean => ['compare', 'string-test', 'logical', 'not'].includes(kind);

const either = (left: LoweredExpression, right: LoweredExpression): LoweredExpression => ({
  kind: 'logical',
  operator: 'or',
  left,
  right,
});

const equals = (field: string, number: number): LoweredExpression => ({
  kind: 'compare',
  operator: 'eq',
  signed: true,
  left: { kind: 'register', register: numberOf(field) },
  right: { kind: 'constant', value: `${number}` },
});

const byNumber = (node: LoweredExpression, field: string, names: Names): LoweredExpression => {
  const meant = [...names].filter(([, text]) =>
    holdsFor((name) => (original(name) === field ? text : undefined), node),
  );
  return meant
    .map(([number]) => equals(field, number))
    .reduceRight<LoweredExpression>((rest, each) => (rest.kind === 'constant' ? each : either(each, rest)), {
      kind: 'constant',
      value: '0',
    });
};

/** The same condition, on numbers where the kernel has no texts. */
export const onNumbers = (node: LoweredExpression, what: BpfWhat): LoweredExpression => {
  const [field = '', ...others] = fieldsOf(node);
  const names = others.length === 0 ? namesOf[what].get(field) : undefined;
  if (names !== undefined && isTruth(node)) return byNumber(node, field, names);
  const changed = Object.entries(node).map(([key, child]) =>
    typeof child === 'object' && child !== null && 'kind' in child ? [key, onNumbers(child, what)] : [key, child],
  );
  return Object.fromEntries(changed);
};
