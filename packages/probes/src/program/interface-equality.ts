/**
 * == of what two interfaces hold, by the descriptor of the type that both have: runtime.efaceeq (src/runtime/alg.go),
 * with the type's own function for equality left out. Of a struct or an array that is not plain memory the parts are
 * looked at one by one, and no parts of those.
 */
import type { LoweredExpression } from '../plan/expression.js';
import { emitFloatComparison } from './arithmetic.js';
import type { EmitOperand, Evaluation } from './evaluation.js';
import { frame, scratchBytes, temporaries, temporary } from './frame.js';
import { ProgramError } from './program-error.js';
import { emitPieceRead, longestOrdered } from './string-order.js';
import { emitUserRead } from './user-read.js';

type InterfaceEqual = Extract<LoweredExpression, { kind: 'interface-equal' }>;

/**
 * abi.Type, internal/abi/type.go; the same from Go 1.17 to 1.27 on 64-bit machines. What is specific to structs (their
 * PkgPath, then a slice of fields) and to arrays (element, slice, length) follows it.
 */
const abiType = { size: 0, flags: 20, kind: 23, equal: 24, bytes: 48 } as const;
const headerBytes = 32;
const structFields = abiType.bytes + 8;
const arrayType = { element: abiType.bytes, length: abiType.bytes + 16 } as const;

/** abi.StructField (the offset: see `doubledOffsets`); its name is one byte of flags, a varint length, the text (abi.Name). */
const structField = { name: 0, type: 8, offset: 16, bytes: 24 } as const;

/** The two bytes behind the flags of the name "_". */
const blankName = 0x5f01;

/** TFlagRegularMemory: values are equal when their bytes are. */
const regularMemory = 1 << 3;

/** TFlagDirectIface since Go 1.26, KindDirectIface before: the word is the value itself. The other byte has no such bit. */
const directInterface = 1 << 5;

const kindMask = 31;
const kinds = {
  uintptr: 12,
  float32: 13,
  float64: 14,
  complex64: 15,
  complex128: 16,
  array: 17,
  string: 24,
  struct: 25,
} as const;

/** Each is some 300 instructions: conditions may have a dozen such comparisons, and jumps reach 32,767. */
const mostParts = 4;

/** Bytes that are compared of a value, and of each of its parts; what is equal so far and goes on is a fault. */
const longest = { whole: longestOrdered, part: scratchBytes } as const;

/** Slots from `depth` on: what is compared, then what walks over its parts, then room for a piece of the second value. */
const slots = {
  type: 0,
  left: 1,
  right: 2,
  wholeLeft: 3,
  wholeRight: 4,
  kind: 5,
  parts: 6,
  count: 7,
  length: 8,
  form: 9,
  piece: 10,
} as const;
const slotCount = slots.piece + scratchBytes / 8;

interface Comparison {
  readonly to: Evaluation;
  /** Offset from r10. */
  readonly slot: (name: keyof typeof slots) => number;
  readonly buffer: number;
  readonly different: string;
  /** Bytes that are looked at. */
  readonly longest: number;
  readonly doubledOffsets: boolean;
}

/** The scratch area = `bytes` at the slot's address and `offset`. */
const emitReadAt = ({ to, slot }: Comparison, name: keyof typeof slots, offset: number, bytes: number): void => {
  to.assembler.load('r8', 'r10', slot(name), 8).add('r8', offset);
  emitUserRead(to, frame.scratch, bytes, to.fault);
};

/** Bytes of both, as many as the slot says: falls through when they are the same. */
const emitSameBytes = (comparison: Comparison, same: string): void => {
  const { to, slot, buffer, different } = comparison;
  const { assembler } = to;
  for (let at = 0; at < comparison.longest; at += scratchBytes) {
    assembler.load('r8', 'r10', slot('length'), 8).jumpIf('r8', '<=', at, same);
    emitPieceRead(to, { pointer: slot('left'), length: slot('length'), buffer: frame.scratch }, at);
    emitPieceRead(to, { pointer: slot('right'), length: slot('length'), buffer }, at);
    for (let byte = 0; byte < scratchBytes; byte += 8) {
      assembler.load('r8', 'r10', frame.scratch + byte, 8).load('r9', 'r10', buffer + byte, 8);
      assembler.jumpIf('r8', '!=', 'r9', different);
    }
  }
  assembler.load('r8', 'r10', slot('length'), 8).jumpIf('r8', '>', comparison.longest, to.fault).jump(same);
};

/** The strings' own bytes in the place of their headers. */
const emitStringHeaders = (comparison: Comparison): void => {
  const { to, slot, different } = comparison;
  const { assembler } = to;
  emitReadAt(comparison, 'left', 0, 16);
  assembler.load('r1', 'r10', frame.scratch, 8).store('r10', slot('left'), 'r1', 8);
  assembler.load('r1', 'r10', frame.scratch + 8, 8).store('r10', slot('length'), 'r1', 8);
  emitReadAt(comparison, 'right', 0, 16);
  assembler.load('r1', 'r10', frame.scratch, 8).store('r10', slot('right'), 'r1', 8);
  assembler.load('r1', 'r10', frame.scratch + 8, 8).load('r2', 'r10', slot('length'), 8);
  assembler.jumpIf('r1', '!=', 'r2', different);
};

/** One number of `width` bytes, or two of a complex one, whose kind is `pair`. */
const emitSameFloats = (comparison: Comparison, width: 4 | 8, pair: number, same: string): void => {
  const { to, slot, different } = comparison;
  const { assembler } = to;
  for (const offset of [0, width]) {
    emitReadAt(comparison, 'right', offset, width);
    assembler.load('r1', 'r10', frame.scratch, width).store('r10', slot('length'), 'r1', 8);
    emitReadAt(comparison, 'left', offset, width);
    assembler.load('r8', 'r10', frame.scratch, width).load('r9', 'r10', slot('length'), 8);
    emitFloatComparison(assembler, { operator: 'eq', width, special: 'ieee' }, '==', to.fault);
    assembler.jumpIf('r8', '==', 0, different);
    if (offset === 0) assembler.load('r1', 'r10', slot('form'), 8).jumpIf('r1', '!=', pair, same);
  }
  assembler.jump(same);
};

/** Compares what has no parts; the head of its type is in the scratch area. Goes to `composite` for the rest. */
const emitPlain = (comparison: Comparison, labels: { readonly same: string; readonly composite: string }): void => {
  const { to, slot } = comparison;
  const { assembler } = to;
  const label = (name: string): string => assembler.freshLabel(name);
  const [bytes, string, wide, narrow] = [label('bytes'), label('text'), label('wide'), label('narrow')];
  assembler.load('r1', 'r10', frame.scratch + abiType.kind, 1).and('r1', kindMask);
  assembler.store('r10', slot('form'), 'r1', 8);
  assembler.load('r2', 'r10', frame.scratch + abiType.size, 8).store('r10', slot('length'), 'r2', 8);
  assembler.jumpIf('r1', '==', kinds.string, string).jumpIf('r1', '<=', kinds.uintptr, bytes);
  assembler.load('r2', 'r10', frame.scratch + abiType.flags, 1).and('r2', regularMemory);
  assembler.jumpIf('r2', '!=', 0, bytes);
  for (const kind of [kinds.float32, kinds.complex64]) assembler.jumpIf('r1', '==', kind, narrow);
  for (const kind of [kinds.float64, kinds.complex128]) assembler.jumpIf('r1', '==', kind, wide);
  assembler.jump(labels.composite).label(narrow);
  emitSameFloats(comparison, 4, kinds.complex64, labels.same);
  assembler.label(wide);
  emitSameFloats(comparison, 8, kinds.complex128, labels.same);
  assembler.label(string);
  emitStringHeaders(comparison);
  assembler.label(bytes);
  emitSameBytes(comparison, labels.same);
};

/** Both values' addresses = those of the whole ones and the distance in r1. */
const emitMoveTo = ({ to, slot }: Comparison): void => {
  for (const [part, whole] of [
    ['left', 'wholeLeft'],
    ['right', 'wholeRight'],
  ] as const)
    to.assembler.load('r2', 'r10', slot(whole), 8).add('r2', 'r1').store('r10', slot(part), 'r2', 8);
};

/** What the parts are, from the head of the whole one's type; goes to the fault label for what has none. */
const emitPartsOf = (comparison: Comparison): void => {
  const { to, slot } = comparison;
  const { assembler } = to;
  const array = assembler.freshLabel('array');
  const known = assembler.freshLabel('parts');
  for (const [whole, part] of [
    ['wholeLeft', 'left'],
    ['wholeRight', 'right'],
  ] as const)
    assembler.load('r2', 'r10', slot(part), 8).store('r10', slot(whole), 'r2', 8);
  assembler.load('r1', 'r10', frame.scratch + abiType.kind, 1).and('r1', kindMask);
  assembler.store('r10', slot('kind'), 'r1', 8).jumpIf('r1', '==', kinds.array, array);
  assembler.jumpIf('r1', '!=', kinds.struct, to.fault);
  emitReadAt(comparison, 'type', structFields, 16);
  assembler
    .load('r2', 'r10', frame.scratch + 8, 8)
    .jump(known)
    .label(array);
  emitReadAt(comparison, 'type', arrayType.element, arrayType.length + 8 - arrayType.element);
  assembler.load('r2', 'r10', frame.scratch + arrayType.length - arrayType.element, 8).label(known);
  assembler.jumpIf('r2', '>', mostParts, to.fault).store('r10', slot('count'), 'r2', 8);
  assembler.load('r1', 'r10', frame.scratch, 8).store('r10', slot('parts'), 'r1', 8);
};

/** The scratch area = the head of part `index`'s type, and both addresses that part's; goes to `skipped` for a field _. */
const emitPart = (comparison: Comparison, index: number, skipped: string): void => {
  const { to, slot } = comparison;
  const { assembler } = to;
  const array = assembler.freshLabel('element');
  const found = assembler.freshLabel('part');
  assembler.load('r1', 'r10', slot('kind'), 8).jumpIf('r1', '==', kinds.array, array);
  emitReadAt(comparison, 'parts', index * structField.bytes, structField.bytes);
  assembler.load('r1', 'r10', frame.scratch + structField.type, 8).store('r10', slot('type'), 'r1', 8);
  assembler.load('r1', 'r10', frame.scratch + structField.offset, 8);
  if (comparison.doubledOffsets) assembler.rsh('r1', 1);
  emitMoveTo(comparison);
  assembler.load('r8', 'r10', frame.scratch + structField.name, 8).add('r8', 1);
  emitUserRead(to, frame.scratch, 2, to.fault);
  assembler.load('r1', 'r10', frame.scratch, 2).jumpIf('r1', '==', blankName, skipped);
  emitReadAt(comparison, 'type', 0, headerBytes);
  assembler.jump(found).label(array);
  emitReadAt(comparison, 'parts', 0, headerBytes);
  assembler.load('r1', 'r10', frame.scratch + abiType.size, 8).mul('r1', index);
  emitMoveTo(comparison);
  assembler.label(found);
};

/** r8 = 1 if the two values are equal, else 0; a panic of Go's, and what is not looked at, goes to the fault label. */
export const emitInterfaceEquality = (
  to: Evaluation,
  node: InterfaceEqual,
  depth: number,
  emitOperand: EmitOperand,
): void => {
  const { assembler } = to;
  if (to.event !== undefined) throw new ProgramError('events of the kernel hold no interfaces');
  if (depth + slotCount > temporaries)
    throw new ProgramError('the expression is nested too deeply for a kernel program');
  const [different, same] = [assembler.freshLabel('unequal'), assembler.freshLabel('equal')];
  const [done, composite] = [assembler.freshLabel('compared'), assembler.freshLabel('composite')];
  const slot = (name: keyof typeof slots): number => temporary(depth + slots[name]);
  const comparison: Comparison = {
    to,
    slot,
    buffer: temporary(depth + slotCount - 1),
    different,
    longest: longest.whole,
    doubledOffsets: node.doubledOffsets === true,
  };
  for (const name of ['type', 'left', 'right'] as const) {
    emitOperand(node[name], depth + slots[name]);
    assembler.store('r10', slot(name), 'r8', 8);
  }
  emitReadAt(comparison, 'type', 0, headerBytes);
  // No function: values of this type are not comparable.
  assembler.load('r1', 'r10', frame.scratch + abiType.equal, 8).jumpIf('r1', '==', 0, to.fault);
  const indirect = assembler.freshLabel('indirect');
  assembler.load('r1', 'r10', frame.scratch + abiType.kind, 1).load('r2', 'r10', frame.scratch + abiType.flags, 1);
  assembler.or('r1', 'r2').and('r1', directInterface).jumpIf('r1', '==', 0, indirect);
  assembler.load('r1', 'r10', slot('left'), 8).load('r2', 'r10', slot('right'), 8);
  assembler.jumpIf('r1', '!=', 'r2', different).jump(same).label(indirect);
  emitPlain(comparison, { same, composite });
  assembler.label(composite);
  emitPartsOf(comparison);
  for (let index = 0; index < mostParts; index++) {
    const next = assembler.freshLabel('next');
    assembler.load('r1', 'r10', slot('count'), 8).jumpIf('r1', '<=', index, same);
    emitPart(comparison, index, next);
    emitPlain({ ...comparison, longest: longest.part }, { same: next, composite: to.fault });
    assembler.label(next);
  }
  assembler.label(same).mov('r8', 1).jump(done).label(different).mov('r8', 0).label(done);
};
