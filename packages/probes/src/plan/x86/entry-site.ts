/** The tier 1 site of a function: the one-byte instruction that every call passes once, before anything was changed. */
import { type Decoded, isPushFrame } from './decode.js';

/**
 * Only the stack check uses these before the frame is set up (cmd/internal/obj/x86, stacksplit). r14 is g already, except
 * in functions that take their arguments on the stack, as those of cgo: they load it first.
 */
const stackCheckRegisters = new Set(['r12', 'r13', 'r14']);

const stackCheckMnemonics = new Set(['cmp', 'lea', 'mov', 'sub', 'add', 'test']);

const belongsToStackCheck = (instruction: Decoded): boolean => {
  if (instruction.flow === 'conditional') return true;
  return (
    instruction.flow === 'next' &&
    stackCheckMnemonics.has(instruction.mnemonic) &&
    !instruction.writesMemory &&
    instruction.written.every((register) => stackCheckRegisters.has(register))
  );
};

/** g.stackguard0 (offset 16) and stackguard1 (24), in r14 since Go 1.17 and in rcx before. */
const comparesStackGuard = (instruction: Decoded): boolean =>
  (instruction.memoryBase === 'r14' || instruction.memoryBase === 'rcx') &&
  (instruction.displacement === 16 || instruction.displacement === 24);

export interface EntrySite {
  readonly instruction: Decoded;
  /** The entry instruction itself: the function checks no stack (nosplit). */
  readonly first: boolean;
}

/**
 * `push %rbp` after the stack check, or at the entry of functions without one. Until there the arguments are where the
 * caller put them, and growing the stack restarts the function before it, so each call passes it once. Undefined for
 * frameless functions and for toolchains that set the frame up in another way (Go < 1.21).
 */
export const entrySite = (instructions: readonly Decoded[]): EntrySite | undefined => {
  for (const [index, instruction] of instructions.entries()) {
    if (isPushFrame(instruction)) return { instruction, first: index === 0 };
    if (!belongsToStackCheck(instruction)) return undefined;
    // Jumps to `morestack` go forward, beyond the body; a loop back to here would pass the site more than once.
    if (instruction.flow === 'conditional' && (instruction.target ?? 0) <= instruction.address) return undefined;
  }
  return undefined;
};

/**
 * Position of the first instruction after the stack check, which each call passes once with its arguments still in place;
 * 0 for functions that check nothing. Undefined when something jumps back to it.
 */
export const afterStackCheck = (instructions: readonly Decoded[]): number | undefined => {
  const first = instructions[0];
  if (first === undefined) return undefined;
  const check = instructions.findIndex((each) => each.flow === 'conditional');
  const isChecked =
    check >= 0 &&
    instructions.slice(0, check).every(belongsToStackCheck) &&
    instructions.slice(0, check).some((each) => each.mnemonic === 'cmp' && comparesStackGuard(each));
  const position = isChecked ? check + 1 : 0;
  const address = instructions[position]?.address;
  // Growing the stack restarts the function at its entry, before the check.
  const isTarget = instructions.some((each) => each.flow !== 'call' && each.target === address);
  return address === undefined || isTarget ? undefined : position;
};
