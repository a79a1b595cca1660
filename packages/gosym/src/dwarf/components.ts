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
 * Gives pieces their true offsets. In optimised code Go's compiler lists the parts of a struct without the padding
 * between them (cmd/compile/internal/ssa/debug.go, as of 1.27), so offsets summed from sizes would be wrong behind it.
 * Undefined where the pieces do not fall on the parts from the first to the last.
 */
export const alignPieces = (
  pieces: readonly Piece[],
  components: readonly Component[] | undefined,
): readonly Piece[] | undefined => {
  if (components === undefined) return undefined;
  const aligned: Piece[] = [];
  let next = 0;
  for (const piece of pieces) {
    if (piece.size === 0) continue;
    const first = components[next];
    if (first === undefined) return undefined;
    const end = first.offset + piece.size;
    while ((components[next]?.offset ?? end) < end) next += 1;
    const last = components[next - 1];
    if (last === undefined || last.offset + last.size !== end) return undefined;
    aligned.push({ ...piece, offset: first.offset });
  }
  return next === components.length ? aligned : undefined;
};
