/** The code of one function with what the program around it tells: lines, statements, jump tables, calls that change nothing. */
import { type GoBinary, type GoFunction, type LineAddress, virtualAddress } from '@probelens/gosym';
import { runAt } from './first-line.js';
import { type Code, codeOf } from './x86/code.js';
import type { X86 } from './x86/decode.js';
import { tableTargets } from './x86/jump-tables.js';
import { yieldingPlaces } from './yielding-places.js';

/**
 * Calls that the compiler puts into a line and that always return once, run nothing of the user's and store to nothing
 * that the program could already see: allocation, boxing of a value, clearing of what is new, the race detector, the write
 * barrier, look-ups in maps whose keys cannot panic (cmd/compile/internal/typecheck/builtin.go).
 */
const silent =
  /^runtime\.(?:newobject|convT(?:16|32|64|string|slice|noptr)?|duffzero|racefuncenter|race(?:read|write)(?:range)?|gcWriteBarrier\d*|mapaccess[12]_fast\w+|memequal\w*)$/;

export interface FunctionCode {
  readonly code: Code;
  readonly runs: readonly LineAddress[];
  /** Undefined without DWARF. */
  readonly statements: readonly number[] | undefined;
  /** Where a debugger may plant a breakpoint of its own. */
  readonly isStart: (address: number) => boolean;
  /** Of those: none that it needs for anything but steps in this function (yielding-places.ts). */
  readonly mayYield: (address: number) => boolean;
}

export const functionCode = (binary: GoBinary, x86: X86, fn: GoFunction): FunctionCode => {
  const instructions = x86.decode(binary.code(fn), fn.entry);
  const targets = tableTargets(instructions, (address, count) => binary.pointersAt(virtualAddress(address), count));
  const isSilent = (target: number): boolean => {
    const called = binary.functionAt(virtualAddress(target));
    return called !== undefined && silent.test(called.name);
  };
  const runs = binary.linesOf(fn);
  const statements = binary.statementsOf(fn);
  const starts: ReadonlySet<number> = new Set(statements);
  const code = codeOf(instructions, targets, isSilent);
  return {
    code,
    runs,
    statements,
    isStart: (address) => starts.has(address) || runAt(runs, address)?.address === address,
    mayYield: yieldingPlaces(binary, fn, code, runs),
  };
};
