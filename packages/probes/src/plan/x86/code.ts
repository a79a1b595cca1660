/** The machine code of one function: what follows what, where the frame is, and what can be reached from where. */
import type { Decoded } from './decode.js';

export interface FrameAddress {
  readonly register: string;
  readonly offset: number;
}

export interface Code {
  readonly instructions: readonly Decoded[];
  /** Position in `instructions`; undefined between instructions. */
  indexAt(address: number): number | undefined;
  /** Jumps of the function land here. */
  isTarget(address: number): boolean;
  /** Some jump goes where nobody knows. */
  readonly hasUnknownJump: boolean;
  /** A call that always returns once and changes nothing that could be seen, but for registers. */
  isSilentCall(instruction: Decoded): boolean;
  /** Where the frame's canonical address is found at an instruction of the body; undefined where that is not certain. */
  frameAt(index: number): FrameAddress | undefined;
}

export const endOf = (instruction: Decoded): number => instruction.address + instruction.bytes.length;

const setsFrame = (instruction: Decoded): boolean =>
  (instruction.mnemonic === 'mov' || instruction.mnemonic === 'lea') &&
  instruction.written.includes('rbp') &&
  !instruction.pcRelative;

const popsFrame = (instruction: Decoded): boolean =>
  instruction.mnemonic === 'pop' && instruction.written.includes('rbp');

/**
 * Go's frames keep the caller's rbp right below the return address, and point rbp there for the whole body: the canonical
 * address is rbp + 16 (cmd/internal/obj/x86, preprocess). A function without a frame that never moves the stack pointer
 * has it at rsp + 8.
 */
const frames = (instructions: readonly Decoded[]): ((index: number) => FrameAddress | undefined) => {
  const set = instructions.findIndex(setsFrame);
  const moves = instructions.some((each) => each.written.includes('rsp') && each.flow !== 'return');
  if (set < 0) return () => (moves ? undefined : { register: 'rsp', offset: 8 });
  return (index) => {
    if (index <= set) return undefined;
    // Between `pop %rbp` and the end of its block the frame is gone.
    for (let before = index - 1; before > set; before--) {
      const instruction = instructions[before];
      if (instruction === undefined || instruction.flow === 'return' || instruction.flow === 'jump') break;
      if (popsFrame(instruction)) return undefined;
    }
    return { register: 'rbp', offset: 16 };
  };
};

/** `tableTargets`: where indirect jumps may go; undefined when that is not known. */
export const codeOf = (
  instructions: readonly Decoded[],
  tableTargets: ReadonlySet<number> | undefined,
  isSilent: (target: number) => boolean,
): Code => {
  const index = new Map(instructions.map((each, position) => [each.address, position]));
  const targets = new Set(
    instructions.flatMap((each) => (each.flow === 'call' || each.target === undefined ? [] : [each.target])),
  );
  const frameAt = frames(instructions);
  return {
    instructions,
    indexAt: (address) => index.get(address),
    isTarget: (address) => targets.has(address) || tableTargets?.has(address) === true,
    hasUnknownJump: tableTargets === undefined,
    isSilentCall: ({ flow, target }) => flow === 'call' && target !== undefined && isSilent(target),
    frameAt,
  };
};

/**
 * Positions that are executed whenever the instruction at `start` is, right after it, without a call between that anybody
 * could notice: up to the first branch or other call (included) or the first instruction that something else jumps to
 * (excluded).
 */
export const blockFrom = (code: Code, start: number): readonly number[] => {
  const block: number[] = [];
  for (let index = start; index < code.instructions.length; index++) {
    const instruction = code.instructions[index];
    if (instruction === undefined || (index > start && code.isTarget(instruction.address))) break;
    block.push(index);
    if (instruction.flow !== 'next' && !code.isSilentCall(instruction)) break;
  }
  return block;
};
