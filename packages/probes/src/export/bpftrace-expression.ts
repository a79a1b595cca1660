/** Lowered expressions in bpftrace's language. Written for bpftrace 0.17 (Debian 12), and valid in later ones. */
import type { ComparisonOperator, IntegerType, LoweredExpression } from '../plan/expression.js';
import { NotExportable } from './exported.js';

/** bpftrace's names of the registers that x86-64 passes to a program. */
const registers: ReadonlyMap<string, string> = new Map([
  ['rax', 'ax'],
  ['rbx', 'bx'],
  ['rcx', 'cx'],
  ['rdx', 'dx'],
  ['rsi', 'si'],
  ['rdi', 'di'],
  ['rbp', 'bp'],
  ['rsp', 'sp'],
  ...[8, 9, 10, 11, 12, 13, 14, 15].map((number): [string, string] => [`r${number}`, `r${number}`]),
]);

const typeName = ({ width, signed }: IntegerType): string => `${signed ? '' : 'u'}int${width * 8}`;

const comparison: Readonly<Record<ComparisonOperator, string>> = {
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
};

const arithmetic: Readonly<Partial<Record<string, string>>> = {
  add: '+',
  sub: '-',
  mul: '*',
  and: '&',
  or: '|',
  xor: '^',
  shl: '<<',
  shr: '>>',
};

export const registerText = (register: string): string => {
  const name = registers.get(register);
  if (name === undefined) throw new NotExportable(`it has no name for the register ${register}`);
  return `reg("${name}")`;
};

const cast = (type: IntegerType, text: string): string => `((${typeName(type)})${text})`;

/** At an event of the kernel, where registers are fields by name. Both throw NotExportable. */
export interface EventNames {
  readonly number: (name: string) => string;
  readonly text: (name: string) => string;
}

/** offsetof(runtime.g, goid), where it is known; or the fields of an event. */
export type Reads = number | undefined | EventNames;

const isEvent = (reads: Reads): reads is EventNames => typeof reads === 'object';

/** It divides unsigned numbers only, so the divisor must be a positive constant. */
const division = (node: Extract<LoweredExpression, { kind: 'arithmetic' }>, reads: Reads): string => {
  const operator = node.operator === 'div' ? '/' : '%';
  if (node.right.kind !== 'constant' || BigInt(node.right.value) <= 0n) {
    throw new NotExportable('it divides by positive constants only');
  }
  const left = expressionText(node.left, reads);
  const right = node.right.value;
  if (!node.type.signed) return cast(node.type, `((uint64)${left} ${operator} ${right})`);
  return cast(node.type, `(${left} < 0 ? 0 - ((0 - ${left}) ${operator} ${right}) : ${left} ${operator} ${right})`);
};

const arithmeticText = (node: Extract<LoweredExpression, { kind: 'arithmetic' }>, reads: Reads): string => {
  if (node.operator === 'div' || node.operator === 'rem') return division(node, reads);
  const left = expressionText(node.left, reads);
  const right = expressionText(node.right, reads);
  if (node.operator === 'and-not') return cast(node.type, `(${left} & ~${right})`);
  const isShift = node.operator === 'shl' || node.operator === 'shr';
  if (isShift && (node.right.kind !== 'constant' || BigInt(node.right.value) >= BigInt(node.type.width * 8))) {
    throw new NotExportable('it shifts by constants below the width only');
  }
  if (node.operator === 'shr' && node.type.signed) throw new NotExportable('it shifts unsigned numbers only');
  return cast(node.type, `(${left} ${arithmetic[node.operator]} ${right})`);
};

/** BPFTRACE_STRLEN is 64 unless set, the terminating zero included. */
const longestString = 63;

/** A string as its language reads it, of a length that is computed. */
export const stringText = (pointer: string, length: string): string => `str(${pointer}, ${length})`;

const stringTest = (node: Extract<LoweredExpression, { kind: 'string-test' }>, reads: Reads): string => {
  const bytes = Buffer.from(node.bytes, 'hex');
  const literal = bytes.toString('latin1');
  if (bytes.length > longestString) throw new NotExportable(`it compares at most ${longestString} bytes`);
  if (!/^[ -~]*$/.test(literal) || /["\\%]/.test(literal)) throw new NotExportable('it compares plain ASCII only');
  const length = cast({ width: 8, signed: true }, expressionText(node.length, reads));
  const enough = `${length} ${node.whole ? '==' : '>='} ${bytes.length}`;
  if (bytes.length === 0) return `(${enough})`;
  // A constant length counts the terminating zero.
  const start = `str(${expressionText(node.pointer, reads)}, ${bytes.length + 1})`;
  return `(${enough} && strncmp(${start}, "${literal}", ${bytes.length}) == 0)`;
};

/** As `name == "text"` and `name[:3] == "tex"` are lowered; other ways to look at a text it has not. */
const eventTextTest = (node: Extract<LoweredExpression, { kind: 'string-test' }>, names: EventNames): string => {
  const bytes = Buffer.from(node.bytes, 'hex');
  const literal = bytes.toString('latin1');
  if (!/^[ -~]*$/.test(literal) || /["\\%]/.test(literal)) throw new NotExportable('it compares plain ASCII only');
  if (node.pointer.kind !== 'register') throw new NotExportable('it compares texts from their first byte on');
  const text = names.text(node.pointer.register);
  if (node.length.kind === 'register') return `(${text} == "${literal}")`;
  const prefix = node.length.kind === 'checked' ? node.length.value : node.length;
  if (prefix.kind !== 'constant' || Number(prefix.value) !== bytes.length)
    throw new NotExportable('it compares a text or the whole of a prefix');
  return `(strncmp(${text}, "${literal}", ${bytes.length}) == 0)`;
};

/** Throws NotExportable for what the language lacks. */
export const expressionText = (node: LoweredExpression, reads: Reads): string => {
  const text = (inner: LoweredExpression): string => expressionText(inner, reads);
  switch (node.kind) {
    case 'constant':
      return BigInt(node.value) < 0n ? `(${node.value})` : node.value;
    case 'register':
      return isEvent(reads) ? reads.number(node.register) : registerText(node.register);
    case 'load':
      // A space, or the parser sees the beginning of a comment behind a "/".
      return `( *(${typeName(node.type)} *)(${text(node.address)}))`;
    case 'convert':
      return cast(node.type, text(node.value));
    case 'arithmetic':
      return arithmeticText(node, reads);
    case 'compare': {
      const type: IntegerType = { width: 8, signed: node.signed };
      return `(${cast(type, text(node.left))} ${comparison[node.operator]} ${cast(type, text(node.right))})`;
    }
    case 'string-test':
      return isEvent(reads) ? eventTextTest(node, reads) : stringTest(node, reads);
    case 'logical':
      return `(${text(node.left)} ${node.operator === 'and' ? '&&' : '||'} ${text(node.right)})`;
    case 'not':
      return `(${text(node.value)} == 0)`;
    case 'checked':
      return `(${text(node.condition)} ? ${text(node.value)} : 0)`;
    case 'unless-nil':
      return `(${text(node.pointer)} == 0 ? 0 : ${text(node.value)})`;
    case 'goroutine-id':
      if (reads === undefined || isEvent(reads)) throw new NotExportable('it knows no goroutines');
      return `( *(uint64 *)(reg("r14") + ${reads}))`;
    case 'string-search':
      throw new NotExportable('it does not search strings');
    case 'string-order':
      throw new NotExportable('it compares strings with each other in constants only');
    case 'interface-equal':
      throw new NotExportable('it compares no interfaces');
    case 'compare-float':
      throw new NotExportable('it has no floating-point numbers');
  }
};
