import type { Place } from '../../src/api.js';

/** A stopped program, as far as reading places needs it. */
export interface Machine {
  readonly registers: ReadonlyMap<string, Uint8Array>;
  readonly cfa: number;
  memory(address: number, size: number): Promise<Uint8Array>;
}

/** The bytes of a value at its place; undefined where it has none. Lost pieces read as zero, as Delve shows them. */
export const readPlace = async (machine: Machine, place: Place, size: number): Promise<Uint8Array | undefined> => {
  switch (place.kind) {
    case 'register': {
      const bytes = machine.registers.get(place.register);
      if (bytes === undefined) throw new Error(`no register ${place.register}`);
      const padded = new Uint8Array(Math.max(size, bytes.length));
      padded.set(bytes);
      return padded.subarray(0, size);
    }
    case 'memory':
      return machine.memory(base(machine, place.base) + place.offset, size);
    case 'absolute':
      return machine.memory(place.address, size);
    case 'indirect': {
      const pointer = await readPlace(machine, place.pointer, 8);
      return pointer && machine.memory(unsigned(pointer, 0), size);
    }
    case 'pieces': {
      const value = new Uint8Array(size);
      for (const piece of place.pieces) {
        const bytes = piece.place && (await readPlace(machine, piece.place, piece.size));
        if (bytes !== undefined) value.set(bytes, piece.offset);
      }
      return value;
    }
    case 'constant': {
      const value = Buffer.alloc(8);
      value.writeBigUInt64LE(BigInt.asUintN(64, place.value));
      return value.subarray(0, size);
    }
    case 'absent':
      return undefined;
    default:
      return place satisfies never;
  }
};

const base = (machine: Machine, name: string): number => {
  if (name === 'cfa') return machine.cfa;
  const bytes = machine.registers.get(name);
  if (bytes === undefined) throw new Error(`no register ${name}`);
  return unsigned(bytes, 0);
};

export const unsigned = (bytes: Uint8Array, offset: number): number => {
  const padded = Buffer.alloc(8);
  Buffer.from(bytes).copy(padded, 0, offset, offset + 8);
  return Number(padded.readBigUInt64LE());
};
