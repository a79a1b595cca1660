/** Whether some bytes are in a string: it goes through two words byte by byte, and the newest bytes are compared. */
import type { Assembler } from '@probelens/bpf';
import type { LoweredExpression } from '../plan/expression.js';
import type { EmitOperand, Evaluation } from './evaluation.js';
import { frame, scratchBytes, temporaries, temporary } from './frame.js';
import { ProgramError } from './program-error.js';
import { emitPieceRead, longestOrdered } from './string-order.js';

type StringSearch = Extract<LoweredExpression, { kind: 'string-search' }>;

/** Two words of eight. */
export const longestSearched = 16;

/** Slots from `depth` on. */
const slots = { pointer: 0, length: 1, newer: 2, older: 3 } as const;
const slotCount = 4;

/** Of an event's text (plan/source-expressions.ts): with its NUL it fills the scratch area. */
const longestText = scratchBytes - 1;

interface Search {
  readonly bytes: Buffer;
  readonly where: StringSearch['where'];
  /** Stack slot with the string's length. */
  readonly length: number;
  readonly found: string;
  readonly absent: string;
}

/** The last `count` bytes of a word, in its upper end. */
const upper = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex').padEnd(16, '0')}`);

/** r3 and r4 = what the newest bytes are compared with. */
const emitWanted = (assembler: Assembler, { bytes }: Search): void => {
  assembler.loadImmediate('r3', upper(bytes.subarray(-8)));
  if (bytes.length > 8) assembler.loadImmediate('r4', upper(bytes.subarray(0, -8)));
};

/** Compares the newest bytes. r8: the last eight of the string so far, the last one lowest; r9: the eight before. */
const emitMatch = (assembler: Assembler, { bytes, found }: Search): void => {
  const newer = Math.min(bytes.length, 8);
  const next = assembler.freshLabel('next');
  const isLong = bytes.length > 8;
  assembler.mov('r2', 'r8').lsh('r2', (8 - newer) * 8);
  assembler.jumpIf('r2', isLong ? '!=' : '==', 'r3', isLong ? next : found);
  if (isLong)
    assembler
      .mov('r2', 'r9')
      .lsh('r2', (16 - bytes.length) * 8)
      .jumpIf('r2', '==', 'r4', found);
  assembler.label(next);
};

/** The string's bytes from `at` on, which are in the scratch area. Keeps r8 and r9. */
const emitPiece = (assembler: Assembler, search: Search, at: number, count: number): void => {
  const { bytes, length, absent, where } = search;
  const isLong = bytes.length > 8;
  assembler.load('r5', 'r10', length, 8);
  if (where === 'anywhere') emitWanted(assembler, search);
  for (let index = 0; index < count; index++) {
    assembler.jumpIf('r5', 's<=', at + index, absent);
    if (isLong) assembler.mov('r2', 'r8').rsh('r2', 56).lsh('r9', 8).or('r9', 'r2');
    assembler
      .load('r1', 'r10', frame.scratch + index, 1)
      .lsh('r8', 8)
      .or('r8', 'r1');
    if (where === 'anywhere' && at + index + 1 >= bytes.length) emitMatch(assembler, search);
  }
};

/** `text`: of an event, whose text is then in the scratch area, at most that much of it. */
export const emitStringSearch = (
  to: Evaluation,
  node: StringSearch,
  depth: number,
  text: (() => void) | undefined,
  emitOperand: EmitOperand,
): void => {
  const { assembler } = to;
  if (depth + slotCount > temporaries)
    throw new ProgramError('the expression is nested too deeply for a kernel program');
  const slot = (index: number): number => temporary(depth + index);
  const [found, absent, end] = ['found', 'absent', 'searched'].map((name) => assembler.freshLabel(name));
  if (found === undefined || absent === undefined || end === undefined) return;
  const bytes = Buffer.from(node.bytes, 'hex');
  const search: Search = { bytes, where: node.where, length: slot(slots.length), found, absent };
  if (text === undefined) {
    emitOperand(node.pointer, depth);
    assembler.store('r10', slot(slots.pointer), 'r8', 8);
    emitOperand(node.length, depth + 1);
  } else text();
  assembler.store('r10', slot(slots.length), 'r8', 8).mov('r8', 0).mov('r9', 0);
  if (text !== undefined) {
    emitPiece(assembler, search, 0, longestText);
    // It may go on.
    assembler.jump(to.fault);
  } else {
    const side = { pointer: slot(slots.pointer), length: slot(slots.length), buffer: frame.scratch };
    for (let at = 0; at < longestOrdered; at += scratchBytes) {
      assembler.store('r10', slot(slots.newer), 'r8', 8).store('r10', slot(slots.older), 'r9', 8);
      emitPieceRead(to, side, at);
      assembler.load('r8', 'r10', slot(slots.newer), 8).load('r9', 'r10', slot(slots.older), 8);
      emitPiece(assembler, search, at, scratchBytes);
    }
    assembler.load('r1', 'r10', slot(slots.length), 8).jumpIf('r1', 's>', longestOrdered, to.fault);
  }
  assembler.label(absent);
  if (node.where === 'end') {
    const short = assembler.freshLabel('short');
    assembler.load('r1', 'r10', slot(slots.length), 8).jumpIf('r1', 's<', bytes.length, short);
    emitWanted(assembler, search);
    emitMatch(assembler, search);
    assembler.label(short);
  }
  assembler.mov('r8', 0).jump(end).label(found).mov('r8', 1).label(end);
};
