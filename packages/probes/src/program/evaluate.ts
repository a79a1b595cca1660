/**
 * Expressions to instructions. Every node leaves its value in r8; while the right side is computed, the left one waits
 * in a numbered stack slot. r6 holds the context and is only read; r0-r5 and r9 are scratch.
 *
 * Booleans are 0 or 1. Whatever Go or Delve would panic or fail on jumps to the fault label.
 */
import type { Assembler, Condition } from '@probelens/bpf';
import type { ComparisonOperator, IntegerType, LoweredExpression, Width } from '../plan/expression.js';
import { emitArithmetic, emitCut, emitFloatComparison } from './arithmetic.js';
import type { EmitOperand, Evaluation, EventReads } from './evaluation.js';
import { frame, scratchBytes, temporaries, temporary } from './frame.js';
import { emitInterfaceEquality } from './interface-equality.js';
import { ProgramError } from './program-error.js';
import { goroutineRegister, registerOffset } from './registers.js';
import { emitStringOrder } from './string-order.js';
import { emitStringSearch } from './string-search.js';
import { emitUserRead } from './user-read.js';

const unsigned: Readonly<Record<ComparisonOperator, Condition>> = {
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
};
const signed: Readonly<Record<ComparisonOperator, Condition>> = {
  eq: '==',
  ne: '!=',
  lt: 's<',
  le: 's<=',
  gt: 's>',
  ge: 's>=',
};

/** r8 = the register as the probed instruction found it. Throws ProgramError for one that the context lacks. */
export const emitRegister = (to: Evaluation, register: string): void => {
  if (to.goroutineAt !== undefined && register === goroutineRegister[to.machine]) {
    to.assembler.load('r8', 'r10', to.goroutineAt, 8);
    return;
  }
  if (to.event !== undefined) {
    to.event.emitField(to, register);
    return;
  }
  const offset = registerOffset(to.machine, register);
  if (offset === undefined) throw new ProgramError(`the kernel does not show the register ${register} to a probe`);
  to.assembler.load('r8', 'r6', offset, 8);
};

/** Reads the goroutine's id to its place in the frame; `failed` when there is none to read. Uses r8. */
export const emitGoroutine = (to: Evaluation, failed: string): void => {
  if (to.goidOffset === undefined) throw new ProgramError('the place of the goroutine id in this program is unknown');
  emitRegister(to, goroutineRegister[to.machine]);
  to.assembler.add('r8', to.goidOffset);
  emitUserRead(to, frame.goroutine, 8, failed);
};

const loadScratch = (to: Evaluation, type: IntegerType): void => {
  to.assembler.load('r8', 'r10', frame.scratch, type.width);
  if (type.signed) emitCut(to.assembler, 'r8', type);
};

const isImmediate = (value: bigint): boolean => value >= -(2n ** 31n) && value < 2n ** 31n;

/** r8 = left, r9 = right. */
const emitOperands = (to: Evaluation, left: LoweredExpression, right: LoweredExpression, depth: number): void => {
  const { assembler } = to;
  if (right.kind === 'constant') {
    emitExpression(to, left, depth);
    const value = BigInt(right.value);
    if (isImmediate(value)) assembler.mov('r9', Number(value));
    else assembler.loadImmediate('r9', value);
    return;
  }
  emitExpression(to, left, depth);
  if (depth >= temporaries) throw new ProgramError('the expression is nested too deeply for a kernel program');
  assembler.store('r10', temporary(depth), 'r8', 8);
  emitExpression(to, right, depth + 1);
  assembler.mov('r9', 'r8').load('r8', 'r10', temporary(depth), 8);
};

/** r8 = 1 if `r8 relation r9`, else 0. */
const emitRelation = (assembler: Assembler, relation: Condition): void => {
  const yes = assembler.freshLabel('yes');
  assembler.mov('r1', 1).jumpIf('r8', relation, 'r9', yes).mov('r1', 0).label(yes).mov('r8', 'r1');
};

/** The largest piece that one comparison takes. */
const pieceAt = (left: number): Width => (left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1);

/** Compares the piece of user memory in the scratch area with constant bytes. */
const emitPieces = (to: Evaluation, bytes: Uint8Array, different: string): void => {
  const { assembler } = to;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const width = pieceAt(bytes.length - at);
    let value = 0n;
    for (let byte = width - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(view.getUint8(at + byte));
    assembler.load('r1', 'r10', frame.scratch + at, width).loadImmediate('r2', value);
    assembler.jumpIf('r1', '!=', 'r2', different);
    at += width;
  }
};

/** At an event of the kernel: what brings its text, whole, to the scratch area. */
const eventText = (
  to: Evaluation,
  { pointer }: Extract<LoweredExpression, { kind: 'string-search' }>,
): (() => void) | undefined => {
  const { event } = to;
  if (event === undefined) return undefined;
  if (pointer.kind !== 'register') throw new ProgramError('a text of an event is searched as a whole');
  return () => event.emitText(to, pointer.register);
};

type StringTest = Extract<LoweredExpression, { kind: 'string-test' }>;

/** Of a text in an event: which one, and from which of its bytes on. */
const textOf = ({ pointer }: StringTest): { readonly name: string; readonly from: number } => {
  if (pointer.kind === 'register') return { name: pointer.register, from: 0 };
  if (pointer.kind === 'arithmetic' && pointer.operator === 'add' && pointer.left.kind === 'register') {
    const { left, right } = pointer;
    if (right.kind === 'constant' && BigInt(right.value) < BigInt(scratchBytes))
      return { name: left.register, from: Number(right.value) };
  }
  throw new ProgramError('a text of an event is compared from one of its first bytes on');
};

const emitEventText = (to: Evaluation, event: EventReads, test: StringTest, depth: number): void => {
  const { assembler } = to;
  const bytes = Buffer.from(test.bytes, 'hex');
  const { name, from } = textOf(test);
  if (from < 0 || from + bytes.length >= scratchBytes) throw new ProgramError('the literal is longer than a text');
  const different = assembler.freshLabel('different');
  const end = assembler.freshLabel('compared');
  emitExpression(to, test.length, depth);
  assembler.jumpIf('r8', test.whole ? '!=' : 's<', bytes.length, different);
  event.emitText(to, name);
  assembler.jumpIf('r8', 's<', from + bytes.length, different);
  for (const [index, byte] of bytes.entries())
    assembler.load('r1', 'r10', frame.scratch + from + index, 1).jumpIf('r1', '!=', byte, different);
  assembler.mov('r8', 1).jump(end).label(different).mov('r8', 0).label(end);
};

const emitStringTest = (to: Evaluation, test: StringTest, depth: number): void => {
  if (to.event !== undefined) {
    emitEventText(to, to.event, test, depth);
    return;
  }
  const { assembler } = to;
  const bytes = Uint8Array.from(Buffer.from(test.bytes, 'hex'));
  const different = assembler.freshLabel('different');
  const end = assembler.freshLabel('compared');
  if (depth >= temporaries) throw new ProgramError('the expression is nested too deeply for a kernel program');
  // Pointer first: when it cannot be read the length cannot either, and Delve reads both before it compares.
  emitExpression(to, test.pointer, depth);
  assembler.store('r10', temporary(depth), 'r8', 8);
  emitExpression(to, test.length, depth + 1);
  assembler.jumpIf('r8', test.whole ? '!=' : 's<', bytes.length, different);
  for (let at = 0; at < bytes.length; at += scratchBytes) {
    const piece = bytes.subarray(at, at + scratchBytes);
    assembler.load('r8', 'r10', temporary(depth), 8).add('r8', at);
    emitUserRead(to, frame.scratch, piece.length, to.fault);
    emitPieces(to, piece, different);
  }
  assembler.mov('r8', 1).jump(end).label(different).mov('r8', 0).label(end);
};

const operandsOf =
  (to: Evaluation): EmitOperand =>
  (value, depth) =>
    emitExpression(to, value, depth);

const emitStringComparison = (
  to: Evaluation,
  node: Extract<LoweredExpression, { kind: 'string-order' }>,
  depth: number,
): void => {
  const { assembler } = to;
  const { operator } = node;
  if (operator !== 'eq' && operator !== 'ne') {
    emitStringOrder(to, node, depth, undefined, operandsOf(to));
    emitRelation(assembler, unsigned[operator]);
    return;
  }
  const unequal = assembler.freshLabel('unequal');
  const end = assembler.freshLabel('compared');
  emitStringOrder(to, node, depth, unequal, operandsOf(to));
  emitRelation(assembler, unsigned[operator]);
  assembler
    .jump(end)
    .label(unequal)
    .mov('r8', operator === 'ne' ? 1 : 0)
    .label(end);
};

const emitLogical = (to: Evaluation, node: Extract<LoweredExpression, { kind: 'logical' }>, depth: number): void => {
  const end = to.assembler.freshLabel('logical');
  emitExpression(to, node.left, depth);
  to.assembler.jumpIf('r8', node.operator === 'and' ? '==' : '!=', 0, end);
  emitExpression(to, node.right, depth);
  to.assembler.label(end);
};

/** r8 = the expression's value. Throws ProgramError when it does not fit a program. */
export const emitExpression = (to: Evaluation, node: LoweredExpression, depth = 0): void => {
  const { assembler } = to;
  switch (node.kind) {
    case 'constant': {
      const value = BigInt(node.value);
      if (isImmediate(value)) assembler.mov('r8', Number(value));
      else assembler.loadImmediate('r8', value);
      return;
    }
    case 'register':
      emitRegister(to, node.register);
      return;
    case 'load':
      emitExpression(to, node.address, depth);
      emitUserRead(to, frame.scratch, node.type.width, to.fault);
      loadScratch(to, node.type);
      return;
    case 'convert':
      emitExpression(to, node.value, depth);
      emitCut(assembler, 'r8', node.type);
      return;
    case 'arithmetic':
      emitOperands(to, node.left, node.right, depth);
      emitArithmetic(assembler, node.operator, node.type, to.fault);
      return;
    case 'compare':
      emitOperands(to, node.left, node.right, depth);
      emitRelation(assembler, (node.signed ? signed : unsigned)[node.operator]);
      return;
    case 'compare-float':
      emitOperands(to, node.left, node.right, depth);
      emitFloatComparison(assembler, node, signed[node.operator], to.fault);
      return;
    case 'string-test':
      emitStringTest(to, node, depth);
      return;
    case 'string-order':
      emitStringComparison(to, node, depth);
      return;
    case 'string-search':
      emitStringSearch(to, node, depth, eventText(to, node), operandsOf(to));
      return;
    case 'interface-equal':
      emitInterfaceEquality(to, node, depth, operandsOf(to));
      return;
    case 'logical':
      emitLogical(to, node, depth);
      return;
    case 'not':
      emitExpression(to, node.value, depth);
      assembler.xor('r8', 1);
      return;
    case 'checked':
      emitExpression(to, node.condition, depth);
      assembler.jumpIf('r8', '==', 0, to.fault);
      emitExpression(to, node.value, depth);
      return;
    case 'unless-nil': {
      const end = assembler.freshLabel('nil');
      emitExpression(to, node.pointer, depth);
      assembler.jumpIf('r8', '==', 0, end);
      emitExpression(to, node.value, depth);
      assembler.label(end);
      return;
    }
    case 'goroutine-id':
      // At events of the kernel it is in the frame before anything else is read, and 0 is an answer.
      if (to.event !== undefined) {
        assembler.load('r8', 'r10', frame.goroutine, 8);
        return;
      }
      emitGoroutine(to, to.fault);
      // 0 is the scheduler's own stack, where Delve answers with another goroutine (pkg/proc/variables.go, GetG).
      assembler.load('r8', 'r10', frame.goroutine, 8).jumpIf('r8', '==', 0, to.fault);
      return;
  }
};
