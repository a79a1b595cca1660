/** Two strings compared in the kernel, piece by piece: both in user memory, or one of them constant. */
import type { Assembler } from '@probelens/bpf';
import type { LoweredExpression } from '../plan/expression.js';
import type { EmitOperand, Evaluation } from './evaluation.js';
import { frame, scratchBytes, temporaries, temporary } from './frame.js';
import { ProgramError } from './program-error.js';

type StringOrder = Extract<LoweredExpression, { kind: 'string-order' }>;

/** Longer strings that are equal so far are left to who judges faults. */
const pieces = 4;

/** Bytes of a constant at most: what is compared. */
export const longestOrdered = pieces * scratchBytes;

/** Slots from `depth` on: both pointers and lengths, then room for a piece of the second string. */
const slots = { pointer: 0, length: 1, otherPointer: 2, otherLength: 3, piece: 4 } as const;
const slotCount = slots.piece + scratchBytes / 8;

interface Side {
  readonly pointer: number;
  readonly length: number;
  readonly buffer: number;
}

/** Reads what there is of a piece, at most `scratchBytes`; the rest of the buffer is zero. */
export const emitPieceRead = (to: Evaluation, { pointer, length, buffer }: Side, at: number): void => {
  const { assembler } = to;
  const done = assembler.freshLabel('piece_read');
  const fits = assembler.freshLabel('piece_fits');
  for (let byte = 0; byte < scratchBytes; byte += 8) assembler.store('r10', buffer + byte, 0, 8);
  assembler.load('r9', 'r10', length, 8);
  if (at > 0) assembler.add('r9', -at);
  assembler.jumpIf('r9', 's<=', 0, done).jumpIf('r9', '<=', scratchBytes, fits).mov('r9', scratchBytes).label(fits);
  assembler.load('r8', 'r10', pointer, 8).add('r8', at);
  const read = (helper: 'probe_read_user' | 'copy_from_user'): void => {
    assembler.mov('r1', 'r10').add('r1', buffer).mov('r2', 'r9').mov('r3', 'r8').call(helper);
  };
  read('probe_read_user');
  if (to.sleepable) {
    assembler.jumpIf('r0', '==', 0, done);
    read('copy_from_user');
  }
  assembler.jumpIf('r0', '!=', 0, to.fault).label(done);
};

const emitConstant = (assembler: Assembler, bytes: Buffer, buffer: number, at: number): void => {
  const piece = Buffer.alloc(scratchBytes);
  piece.set(bytes.subarray(at, at + scratchBytes));
  for (let byte = 0; byte < scratchBytes; byte += 8)
    assembler.loadImmediate('r1', piece.readBigUInt64LE(byte)).store('r10', buffer + byte, 'r1', 8);
};

/** r8 and r9 = two numbers that compare, unsigned, as the strings do; goes to `unequal` for lengths that settle it. */
export const emitStringOrder = (
  to: Evaluation,
  node: StringOrder,
  depth: number,
  unequal: string | undefined,
  emitOperand: EmitOperand,
): void => {
  const { assembler } = to;
  if (to.event !== undefined) throw new ProgramError('texts of an event are compared with literals only');
  if (depth + slotCount > temporaries)
    throw new ProgramError('the expression is nested too deeply for a kernel program');
  const slot = (index: number): number => temporary(depth + index);
  const keep = (index: number, value: LoweredExpression): void => {
    emitOperand(value, depth + index);
    assembler.store('r10', slot(index), 'r8', 8);
  };
  keep(slots.pointer, node.pointer);
  keep(slots.length, node.length);
  const { other } = node;
  const bytes = other.kind === 'bytes' ? Buffer.from(other.bytes, 'hex') : undefined;
  if (other.kind === 'bytes') assembler.store('r10', slot(slots.otherLength), other.bytes.length / 2, 8);
  else {
    keep(slots.otherPointer, other.pointer);
    keep(slots.otherLength, other.length);
  }
  const left: Side = { pointer: slot(slots.pointer), length: slot(slots.length), buffer: frame.scratch };
  const right: Side = {
    pointer: slot(slots.otherPointer),
    length: slot(slots.otherLength),
    buffer: temporary(depth + slotCount - 1),
  };
  const lengths = (): void => {
    assembler.load('r8', 'r10', left.length, 8).load('r9', 'r10', right.length, 8);
  };
  if (unequal !== undefined) {
    lengths();
    assembler.jumpIf('r8', '!=', 'r9', unequal);
  }
  const differ = assembler.freshLabel('differ');
  const same = assembler.freshLabel('same');
  const done = assembler.freshLabel('ordered');
  for (let at = 0; at < longestOrdered; at += scratchBytes) {
    emitPieceRead(to, left, at);
    if (bytes === undefined) emitPieceRead(to, right, at);
    else emitConstant(assembler, bytes, right.buffer, at);
    for (let byte = 0; byte < scratchBytes; byte += 8) {
      assembler.load('r8', 'r10', left.buffer + byte, 8).load('r9', 'r10', right.buffer + byte, 8);
      assembler.jumpIf('r8', '!=', 'r9', differ);
    }
    const more = assembler.freshLabel('more');
    lengths();
    assembler
      .jumpIf('r8', 's>', at + scratchBytes, more)
      .jumpIf('r9', 's<=', at + scratchBytes, same)
      .label(more);
  }
  // The first byte of memory is the one that counts most. Where all are equal, zeros behind the shorter one included, the
  // lengths decide.
  assembler.jump(to.fault).label(differ).toEndian('be', 'r8', 64).toEndian('be', 'r9', 64).jump(done);
  assembler.label(same);
  lengths();
  assembler.label(done);
};
