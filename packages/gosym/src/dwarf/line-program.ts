/**
 * The marks of .debug_line (DWARF 5, 6.2): the addresses that a debugger takes for the beginning of a statement (is_stmt)
 * and for the end of a function's prologue. Files and lines are not decoded: pclntab has them for every address.
 */
import type { ByteCursor } from './byte-cursor.js';
import type { Sections } from './sections.js';
import { readInitialLength } from './units.js';

/** DW_LNS_*: standard opcodes with a meaning of their own here. */
const Standard = {
  copy: 1,
  advancePc: 2,
  negateStatement: 6,
  constAddPc: 8,
  fixedAdvancePc: 9,
  setPrologueEnd: 10,
} as const;

/** DW_LNE_*: extended opcodes. */
const Extended = { endSequence: 1, setAddress: 2 } as const;

interface LineHeader {
  readonly minimumLength: number;
  readonly startsAsStatement: boolean;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Operands (LEB128) of the standard opcodes, by opcode. */
  readonly operands: readonly number[];
  readonly end: number;
}

const readHeader = (cursor: ByteCursor): LineHeader => {
  const { offsetSize, end } = readInitialLength(cursor);
  const version = cursor.u16();
  if (version < 2 || version > 5) cursor.fail(`has the line table version ${version}`);
  // Address size and segment selector size.
  if (version === 5) cursor.take(2);
  const headerLength = cursor.unsigned(offsetSize);
  const program = cursor.position + headerLength;
  const minimumLength = cursor.u8();
  // Operations of one instruction: always 1 outside VLIW machines.
  if (version >= 4) cursor.take(1);
  const startsAsStatement = cursor.u8() !== 0;
  // The line base.
  cursor.take(1);
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0) cursor.fail('has a line table without special opcodes');
  const operands = [0, ...Array.from({ length: opcodeBase - 1 }, () => cursor.u8())];
  cursor.seek(program);
  return { minimumLength, startsAsStatement, lineRange, opcodeBase, operands, end };
};

/** Addresses of marked rows, ascending. */
export interface LineMarks {
  readonly statements: Float64Array;
  readonly prologueEnds: Float64Array;
}

/** Of the unit whose line table is at `offset`. */
export const lineMarks = (sections: Sections, offset: number): LineMarks => {
  const cursor = sections.cursor('.debug_line', offset);
  const header = readHeader(cursor);
  const statements: number[] = [];
  const prologueEnds: number[] = [];
  let address = 0;
  let isStatement = header.startsAsStatement;
  let endsPrologue = false;
  const row = (): void => {
    if (isStatement) statements.push(address);
    if (endsPrologue) prologueEnds.push(address);
    endsPrologue = false;
  };
  const advance = (opcode: number): void => {
    address += Math.floor((opcode - header.opcodeBase) / header.lineRange) * header.minimumLength;
  };
  const extended = (): void => {
    const length = cursor.uleb();
    const next = cursor.position + length;
    const opcode = length === 0 ? 0 : cursor.u8();
    if (opcode === Extended.setAddress) address = cursor.unsigned(length - 1);
    if (opcode === Extended.endSequence) {
      address = 0;
      isStatement = header.startsAsStatement;
      endsPrologue = false;
    }
    cursor.seek(next);
  };
  while (cursor.position < header.end) {
    const opcode = cursor.u8();
    if (opcode >= header.opcodeBase) {
      advance(opcode);
      row();
    } else if (opcode === 0) extended();
    else if (opcode === Standard.copy) row();
    else if (opcode === Standard.advancePc) address += cursor.uleb() * header.minimumLength;
    else if (opcode === Standard.negateStatement) isStatement = !isStatement;
    else if (opcode === Standard.constAddPc) advance(255);
    else if (opcode === Standard.fixedAdvancePc) address += cursor.u16();
    else if (opcode === Standard.setPrologueEnd) endsPrologue = true;
    else for (let operand = 0; operand < (header.operands[opcode] ?? 0); operand++) cursor.skipLeb();
  }
  const ascending = (addresses: readonly number[]): Float64Array => Float64Array.from(new Set(addresses)).sort();
  return { statements: ascending(statements), prologueEnds: ascending(prologueEnds) };
};
