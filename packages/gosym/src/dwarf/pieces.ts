import type { Component } from './layout.js';
import type { Piece } from './place.js';

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
