import type { Place } from '../api.js';

/** Bytes of a value and the simple place that holds them. */
interface Part {
  readonly offset: number;
  readonly size: number;
  readonly place: Place;
}

const partsOf = (place: Place, size: number): readonly Part[] => {
  if (place.kind !== 'pieces') return [{ offset: 0, size, place }];
  return place.pieces.flatMap((piece) => (piece.place === undefined ? [] : [{ ...piece, place: piece.place }]));
};

const sameStart = (a: Part, b: Part): boolean => {
  if (a.place.kind === 'register' && b.place.kind === 'register')
    return a.offset === b.offset && a.place.register === b.place.register;
  if (a.place.kind === 'memory' && b.place.kind === 'memory')
    return a.place.base === b.place.base && a.place.offset - a.offset === b.place.offset - b.offset;
  return false;
};

/** Whether every recorded part lies where the computed place has it; parts that are not recorded say nothing. */
export const agree = (computed: Place, recorded: Place, size: number): boolean => {
  const expected = partsOf(computed, size);
  return partsOf(recorded, size).every((part) => {
    const around = expected.find((other) => part.offset >= other.offset && part.offset < other.offset + other.size);
    return size === 0 || (around !== undefined && sameStart(around, part));
  });
};
