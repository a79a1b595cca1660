import type { GoType, Place } from '../api.js';
import { alignUp, layoutOf } from './layout.js';
import { joinPieces } from './place.js';
import type { ArgumentRegisters } from './registers.js';

/**
 * Places of parameters as a caller passes them, in order, the receiver first, and then of results as it gets them back.
 * `registers` undefined is ABI0: all on the stack. src/cmd/compile/abi-internal.md, "Function call argument and result passing".
 */
export class ArgumentAssignment {
  #integers = 0;
  #floats = 0;
  #stack: number;

  constructor(
    private readonly registers: ArgumentRegisters | undefined,
    private readonly pointerSize: number,
    stackStart: number,
  ) {
    this.#stack = stackStart;
  }

  /** Undefined for a type whose registers cannot be told; nothing after it can be told either. */
  next(type: GoType): Place | undefined {
    if (type.kind === 'unknown') return undefined;
    return this.#inRegisters(type) ?? this.#onStack(type);
  }

  /** From here on results: registers from the first one again, the stack behind the arguments. */
  startResults(): void {
    this.#integers = 0;
    this.#floats = 0;
    this.#stack = alignUp(this.#stack, this.pointerSize);
  }

  /** A pointer that the source does not show. */
  skipPointer(): void {
    if (this.registers !== undefined && this.#integers < this.registers.integer.length) this.#integers += 1;
    else this.#stack = alignUp(this.#stack, this.pointerSize) + this.pointerSize;
  }

  #onStack(type: GoType): Place {
    const offset = alignUp(this.#stack, layoutOf(type, this.pointerSize).alignment);
    this.#stack = offset + type.size;
    return { kind: 'memory', base: 'cfa', offset };
  }

  #inRegisters(type: GoType): Place | undefined {
    // Values of no size stay on the stack, so that they keep their alignment there.
    if (this.registers === undefined || type.size === 0) return undefined;
    const { components } = layoutOf(type, this.pointerSize);
    if (components === undefined) return undefined;
    let [integers, floats] = [this.#integers, this.#floats];
    const pieces = [];
    for (const { offset, size, class: kind } of components) {
      const register = kind === 'float' ? this.registers.float[floats++] : this.registers.integer[integers++];
      if (register === undefined) return undefined;
      pieces.push({ offset, size, place: { kind: 'register', register } as const });
    }
    [this.#integers, this.#floats] = [integers, floats];
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only.place : joinPieces(pieces, type.size);
  }
}
