/** Returns: every `ret` of a function. A uretprobe would rewrite the return address, which kills Go programs. */
import type { GoFunction } from '@probelens/gosym';
import { virtualAddress } from '@probelens/gosym';
import { functionsCalled } from './functions.js';
import { Refused } from './refused.js';
import { decodeFunction, type Place, plannedSite, type Request } from './request.js';
import { variablesAtReturn } from './results.js';
import { scopeFor } from './scope-at.js';
import type { Decoded } from './x86/decode.js';

/** At `ret` the stack pointer is at the return address; at `pop %rbp` one word below. */
const frameAt = (isPop: boolean): { readonly register: string; readonly offset: number } => ({
  register: 'rsp',
  offset: isPop ? 16 : 8,
});

/** `pop %rbp`, one byte, right before a `ret`: there a trap leaves the byte before the program counter a trap byte. */
const popBefore = (instructions: readonly Decoded[], index: number): Decoded | undefined => {
  const before = instructions[index - 1];
  return before?.bytes.length === 1 && before.bytes[0] === 0x5d ? before : undefined;
};

const exits = (request: Request, fn: GoFunction, instructions: readonly Decoded[]): readonly Decoded[] => {
  const found = instructions.flatMap((instruction, index) => {
    if (instruction.flow !== 'return') return [];
    if (request.use === 'log') return [instruction];
    const pop = popBefore(instructions, index);
    if (pop !== undefined) return [pop];
    throw new Refused(
      'no-return-site',
      `${fn.name} returns without restoring a frame, so it cannot be stopped there; log its returns instead.`,
    );
  });
  if (found.length === 0) throw new Refused('no-return', `${fn.name} never returns.`);
  return found;
};

const noteOtherExits = (request: Request, fn: GoFunction, instructions: readonly Decoded[]): void => {
  const leaves = (each: Decoded): boolean =>
    each.flow === 'jump' && each.target !== undefined && (each.target < fn.entry || each.target >= fn.entry + fn.size);
  if (instructions.some(leaves)) {
    request.notes.push({
      code: 'tail-jump',
      message: `${fn.name} also leaves by jumping to another function; those exits are not seen.`,
    });
  }
  const deferred = request.binary.functionsNamed('runtime.deferreturn');
  if (instructions.some((each) => each.flow === 'call' && deferred.some((target) => target.entry === each.target))) {
    request.notes.push({
      code: 'deferred-exits',
      message: `${fn.name} has deferred calls: a return after a recovered panic is seen, a panic that leaves the function is not.`,
    });
  }
};

const placesOf = (request: Request, fn: GoFunction): readonly Place[] => {
  const { binary, use } = request;
  const instructions = decodeFunction(request, fn);
  noteOtherExits(request, fn, instructions);
  const scope = scopeFor(binary, fn, variablesAtReturn(binary, fn), 'go', frameAt(use === 'stop'));
  return exits(request, fn, instructions).map((instruction) => ({
    function: fn.name,
    scope,
    start: undefined,
    choose: () =>
      plannedSite(request, {
        fn,
        instruction,
        tier: 'stepped',
        use: use === 'stop' ? 'stop' : 'return',
        file: fn.file,
        line: binary.positionsAt(virtualAddress(instruction.address)).at(-1)?.line ?? fn.line,
        reason: `${use === 'stop' ? 'pop %rbp before' : 'at'} the return: single-stepped, because the kernel does not emulate it.`,
      }),
  }));
};

export const returnPlaces = (request: Request, name: string): readonly Place[] =>
  functionsCalled(request.binary, name).flatMap((fn) => placesOf(request, fn));
