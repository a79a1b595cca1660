/**
 * Variables whose recorded register may hold something else. Go's location lists (to 1.27) run on over blocks that were
 * laid out behind the one that they belong to; no register of Go's outlives a call, so a record with a call in it that
 * began before the call is not to be believed after it.
 */
import type { GoBinary, GoVariable, Place } from '@probelens/gosym';
import { virtualAddress } from '@probelens/gosym';
import type { Code } from './x86/code.js';

/** These point to the frame and to the current g in every block. */
const fixedRegisters: ReadonlySet<string> = new Set(['cfa', 'rsp', 'rbp', 'r14']);

const isInRegister = (place: Place): boolean => {
  switch (place.kind) {
    case 'register':
      return true;
    case 'memory':
      return !fixedRegisters.has(place.base);
    case 'indirect':
      return isInRegister(place.pointer);
    case 'pieces':
      return place.pieces.some((piece) => piece.place !== undefined && isInRegister(piece.place));
    default:
      return false;
  }
};

/**
 * Calls that leave the registers as they were (the write barrier, runtime/asm_amd64.s) or do not come back
 * (runtime/panic.go). The stack check's call is the last thing in a function.
 */
const harmless = /^runtime\.(?:gcWriteBarrier\d*|(?:go)?[pP]anic\w*|gopanic|throw|fatal\w*|morestack\w*)$/;

/** Those of `variables`, asked for at `address`, that are in doubt there. */
export const doubtedAt = (
  binary: GoBinary,
  code: Code,
  variables: readonly GoVariable[],
  address: number,
): ReadonlySet<GoVariable> => {
  const calls = code.instructions.filter((each) => {
    if (each.flow !== 'call') return false;
    const called = each.target === undefined ? undefined : binary.functionAt(virtualAddress(each.target));
    return called === undefined || !harmless.test(called.name);
  });
  const hasCall = (since: number): boolean => calls.some((call) => call.address >= since && call.address < address);
  return new Set(variables.filter(({ since, place }) => since !== undefined && isInRegister(place) && hasCall(since)));
};
