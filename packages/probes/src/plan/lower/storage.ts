/** From places (gosym) to expressions that read them. */
import type { Place } from '@probelens/gosym';
import type { IntegerType, LoweredExpression } from '../expression.js';
import { Refused } from '../refused.js';
import { checked, compare, constant, convert, load, plus, word } from './build.js';

/** What is fixed at one probed instruction. */
export interface Frame {
  /** The frame's canonical address: the stack pointer before the call pushed the return address. */
  readonly cfa: { readonly register: string; readonly offset: number } | undefined;
  /** Package variables have fixed addresses: the program is not position independent. */
  readonly fixedAddresses: boolean;
  /** Registers that the kernel shows to a probe. */
  readonly hasRegister: (name: string) => boolean;
}

export type Storage =
  | { readonly kind: 'memory'; readonly base: LoweredExpression; readonly offset: number; readonly mayBeNil: boolean }
  /** Bits in a register or a constant, lowest first. */
  | { readonly kind: 'bits'; readonly value: LoweredExpression }
  | {
      readonly kind: 'pieces';
      readonly pieces: readonly {
        readonly offset: number;
        readonly size: number;
        readonly storage: Storage | undefined;
      }[];
    };

export const unavailable = (name: string, why: string): never => {
  throw new Refused('unavailable-variable', `${name} cannot be read here: ${why}.`);
};

/** Below this nothing is ever mapped (vm.mmap_min_addr, and Go itself relies on the first page). */
const nilGuard = 4096;

/** Storage of a place. Throws Refused "unavailable-variable" for one that cannot be read at this instruction. */
export const storageOf = (name: string, place: Place, frame: Frame): Storage => {
  switch (place.kind) {
    case 'register':
      if (!frame.hasRegister(place.register)) {
        return unavailable(name, `it is in ${place.register}, which the kernel does not show to a probe`);
      }
      return { kind: 'bits', value: { kind: 'register', register: place.register } };
    case 'memory':
      return { kind: 'memory', base: baseOf(name, place.base, frame), offset: place.offset, mayBeNil: false };
    case 'absolute':
      if (!frame.fixedAddresses) {
        return unavailable(name, 'the program is position independent, so package variables have no fixed address');
      }
      return { kind: 'memory', base: constant(BigInt(place.address)), offset: 0, mayBeNil: false };
    case 'indirect': {
      const pointer = readBits(name, storageOf(name, place.pointer, frame), 0, word);
      return { kind: 'memory', base: pointer, offset: 0, mayBeNil: true };
    }
    case 'pieces':
      return {
        kind: 'pieces',
        pieces: place.pieces.map(({ offset, size, place: inner }) => ({
          offset,
          size,
          storage: inner === undefined || inner.kind === 'absent' ? undefined : pieceOf(name, inner, frame),
        })),
      };
    case 'constant':
      return { kind: 'bits', value: constant(BigInt.asUintN(64, place.value)) };
    case 'absent':
      return unavailable(name, place.reason);
  }
};

/** A piece that cannot be read only matters to who reads it. */
const pieceOf = (name: string, place: Place, frame: Frame): Storage | undefined => {
  try {
    return storageOf(name, place, frame);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
};

const baseOf = (name: string, base: string, frame: Frame): LoweredExpression => {
  if (base !== 'cfa') {
    if (!frame.hasRegister(base)) return unavailable(name, `it is addressed by ${base}`);
    return { kind: 'register', register: base };
  }
  if (frame.cfa === undefined) return unavailable(name, 'the stack frame cannot be located at this instruction');
  return plus({ kind: 'register', register: frame.cfa.register }, BigInt(frame.cfa.offset));
};

/** Address of byte `offset`; undefined for values that are not in memory. */
export const addressOf = (storage: Storage, offset: number): LoweredExpression | undefined =>
  storage.kind === 'memory' ? plus(storage.base, BigInt(storage.offset + offset)) : undefined;

/** Reads an integer at byte `offset` of a value. Throws Refused when that part was optimised away. */
export const readBits = (name: string, storage: Storage, offset: number, type: IntegerType): LoweredExpression => {
  switch (storage.kind) {
    case 'memory': {
      const distance = storage.offset + offset;
      const value = load(plus(storage.base, BigInt(distance)), type);
      // Near address 0 the read itself fails; far from it a nil pointer could meet something that is mapped.
      const isNear = distance >= 0 && distance < nilGuard;
      return storage.mayBeNil && !isNear ? checked(compare('ne', false, storage.base, constant(0n)), value) : value;
    }
    case 'bits': {
      const shifted: LoweredExpression =
        offset === 0
          ? storage.value
          : {
              kind: 'arithmetic',
              operator: 'shr',
              type: word,
              left: storage.value,
              right: constant(BigInt(offset * 8)),
            };
      return convert(shifted, type);
    }
    case 'pieces': {
      const piece = storage.pieces.find(
        (each) => offset >= each.offset && offset + type.width <= each.offset + each.size,
      );
      if (piece?.storage === undefined)
        return unavailable(name, 'this part of it was optimised away or is out of reach');
      return readBits(name, piece.storage, offset - piece.offset, type);
    }
  }
};

/** The part of a value that begins at byte `offset` and is `size` bytes long. */
export const partOf = (storage: Storage, offset: number, size: number): Storage => {
  switch (storage.kind) {
    case 'memory':
      return { ...storage, offset: storage.offset + offset };
    case 'bits':
      return offset === 0
        ? storage
        : {
            kind: 'bits',
            value: {
              kind: 'arithmetic',
              operator: 'shr',
              type: word,
              left: storage.value,
              right: constant(BigInt(offset * 8)),
            },
          };
    case 'pieces': {
      const inside = storage.pieces.filter((each) => each.offset < offset + size && each.offset + each.size > offset);
      return { kind: 'pieces', pieces: inside.map((each) => ({ ...each, offset: each.offset - offset })) };
    }
  }
};
