/** The tier 1 site of a function: the one-byte instruction that every call passes once, before anything was changed. */
import { type Decoded, isPushFrame } from './decode.js';

/** Only the stack check uses these before the frame is set up (cmd/internal/obj/x86, stacksplit). */
const stackCheckRegisters = new Set(['r12', 'r13']);

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
