/** Code addresses as people read them, inlined calls included. */
import { type GoBinary, type SourcePosition, virtualAddress } from '@probelens/gosym';

/** x86-64 `call rel32`: one byte of opcode, four of distance from the next instruction. */
const CALL_OPCODE = 0xe8;
const CALL_BYTES = 5;

/** Whether the instruction before `address` is a direct call of the function that starts at `entry`. */
export const returnsFrom = (binary: GoBinary, address: number, entry: number): boolean => {
  const caller = address > CALL_BYTES ? binary.functionAt(virtualAddress(address - CALL_BYTES)) : undefined;
  if (caller === undefined) return false;
  const code = binary.code(caller);
  const at = address - CALL_BYTES - caller.entry;
  if (at < 0 || at + CALL_BYTES > code.length || code[at] !== CALL_OPCODE) return false;
  const distance = new DataView(code.buffer, code.byteOffset + at + 1, 4).getInt32(0, true);
  return address + distance === entry;
};

const parse = (text: string): number | undefined => {
  const address = Number(text);
  return Number.isSafeInteger(address) && address >= 0 ? address : undefined;
};

/**
 * A function without a frame leaves its caller out of the chain of frame pointers; the return address is then at the top
 * of the stack. Any other word there is told from it by the call before it: it must be of this very function.
 */
const withFramelessCaller = (binary: GoBinary, stack: readonly string[], top: string): readonly string[] => {
  const [here, caller] = stack;
  const address = parse(top);
  const place = here === undefined ? undefined : parse(here);
  if (here === undefined || place === undefined || address === undefined || caller === top) return stack;
  const fn = binary.functionAt(virtualAddress(place));
  return fn !== undefined && returnsFrom(binary, address, fn.entry) ? [here, top, ...stack.slice(1)] : stack;
};

/** End of what a process can map with four levels of page tables (Documentation/arch/x86/x86_64/mm.rst); arm64 has twice that. */
const USER_END = 2 ** 48;

/**
 * C code keeps no frame pointers unless it is asked to: behind Go's frames the kernel follows whatever the register holds
 * (seen in a host that calls a c-shared library). What no process can map is no caller, and nothing behind it is.
 */
const isUserAddress = (text: string): boolean => {
  const address = Number(text);
  return Number.isNaN(address) || address < USER_END;
};

/** One level of a stack: several of them share an address where calls were inlined. */
export interface StackPosition {
  /** Code address as linked, "0x..."; a return address for all levels but those of the innermost address. */
  readonly address: string;
  /** Undefined where the address is outside the program's own code. */
  readonly position: SourcePosition | undefined;
}

/**
 * Innermost first, inlined calls included. A return address belongs to the call before it: the last byte of the call
 * instruction is looked up, except for the innermost address, which is the probed instruction itself.
 */
export const stackPositions = (binary: GoBinary, stack: readonly string[], top?: string): readonly StackPosition[] => {
  const chain = top === undefined ? stack : withFramelessCaller(binary, stack, top);
  const end = chain.findIndex((text) => !isUserAddress(text));
  const whole = end < 0 ? chain : chain.slice(0, end);
  return whole.flatMap((text, index): readonly StackPosition[] => {
    const address = parse(text);
    const positions =
      address === undefined || address === 0
        ? []
        : binary.positionsAt(virtualAddress(index === 0 ? address : address - 1));
    if (positions.length === 0) return [{ address: text, position: undefined }];
    return positions.map((position) => ({ address: text, position }));
  });
};

/** "main.price (order.go:19)" for each level, innermost first. */
export const symboliseStack = (binary: GoBinary, stack: readonly string[], top?: string): readonly string[] =>
  stackPositions(binary, stack, top).map(({ address, position }) =>
    position === undefined ? address : `${position.function} (${position.file.split('/').at(-1)}:${position.line})`,
  );
