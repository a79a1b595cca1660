import type { GoType } from '../api.js';
import type { Piece } from './place.js';

/** One machine word (or less) of a value: what the compiler keeps in one register. */
export interface Component {
  readonly offset: number;
  readonly size: number;
  readonly class: 'integer' | 'float';
}

/** More than any value that the compiler breaks up: ABIInternal has 9 + 15 or 16 + 16 registers. */
const MOST_COMPONENTS = 64;

/**
 * The components of a value in memory order; undefined where the value is never broken up (arrays of two and more,
 * unknown types, more components than there are registers). src/cmd/compile/abi-internal.md, "register-assignment".
 */
export const componentsOf = (type: GoType, pointerSize: number): readonly Component[] | undefined => {
  const found: Component[] = [];
  return collect(type, 0, pointerSize, found) ? found : undefined;
};

const collect = (type: GoType, offset: number, pointerSize: number, into: Component[]): boolean => {
  if (into.length > MOST_COMPONENTS) return false;
  const words = (count: number): boolean => {
    for (let word = 0; word < count; word += 1)
      into.push({ offset: offset + word * pointerSize, size: pointerSize, class: 'integer' });
    return true;
  };
  switch (type.kind) {
    case 'bool':
    case 'int':
    case 'uint':
      if (type.size > pointerSize) return words(type.size / pointerSize);
      into.push({ offset, size: type.size, class: 'integer' });
      return true;
    case 'float':
      into.push({ offset, size: type.size, class: 'float' });
      return true;
    case 'complex':
      into.push({ offset, size: type.size / 2, class: 'float' });
      into.push({ offset: offset + type.size / 2, size: type.size / 2, class: 'float' });
      return true;
    case 'pointer':
    case 'unsafe-pointer':
    case 'map':
    case 'chan':
    case 'func':
      return words(1);
    case 'string':
    case 'interface':
      return words(2);
    case 'slice':
      return words(3);
    case 'struct':
      return type.fields.every((field) => collect(field.type, offset + field.offset, pointerSize, into));
    case 'array':
      if (type.count === 0) return true;
      return type.count === 1 && collect(type.element(), offset, pointerSize, into);
    case 'unknown':
      return false;
    default:
      return type satisfies never;
  }
};

/**
 * Gives pieces their true offsets in a value of `size` bytes. Go's compilers disagree about the padding inside structs:
 * optimised code lists the parts without it (cmd/compile/internal/ssa/debug.go, to 1.27), code without optimisation has
 * it as empty pieces, too long ones up to Go 1.25 (ComputePadding in cmd/compile/internal/abi added up wrongly). So only
 * a reading counts that puts every piece on parts of the type, from the first to the last. Undefined where none does.
 */
export const alignPieces = (
  pieces: readonly Piece[],
  size: number,
  components: readonly Component[] | undefined,
): readonly Piece[] | undefined => {
  const last = pieces.at(-1);
  const total = last === undefined ? 0 : last.offset + last.size;
  if (components === undefined) return total === size ? pieces : undefined;
  const end = components.at(-1);
  const isComplete = total === size || (end !== undefined && total === end.offset + end.size);
  if (isComplete && pieces.every((piece) => isOnParts(piece, components))) return pieces;
  const located = pieces.filter(({ place }) => place !== undefined);
  return inSequence(pieces, components) ?? inSequence(located, components);
};

/** A piece without a place may as well be padding. */
const isOnParts = (piece: Piece, components: readonly Component[]): boolean =>
  piece.place === undefined ||
  (components.some(({ offset }) => offset === piece.offset) &&
    components.some((component) => component.offset + component.size === piece.offset + piece.size));

/** The pieces one after another on the parts, whatever lies between these; undefined unless they end together. */
const inSequence = (pieces: readonly Piece[], components: readonly Component[]): readonly Piece[] | undefined => {
  const aligned: Piece[] = [];
  let next = 0;
  for (const piece of pieces) {
    const first = components[next];
    if (first === undefined) return undefined;
    const until = first.offset + piece.size;
    while ((components[next]?.offset ?? until) < until) next += 1;
    const covered = components[next - 1];
    if (covered === undefined || covered.offset + covered.size !== until) return undefined;
    aligned.push({ ...piece, offset: first.offset });
  }
  return next === components.length ? aligned : undefined;
};
