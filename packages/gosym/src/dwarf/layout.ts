import type { GoType } from '../api.js';

/** One machine word (or less) of a value: what the compiler keeps in one register. */
export interface Component {
  readonly offset: number;
  readonly size: number;
  readonly class: 'integer' | 'float';
}

/** How a value lies in memory and in registers. src/cmd/compile/abi-internal.md, "Memory layout" and what follows. */
export interface Layout {
  /** Bytes. */
  readonly alignment: number;
  /**
   * The parts in memory order; undefined where the value is never broken up (arrays of two and more, unknown types, more
   * parts than there are registers).
   */
  readonly components: readonly Component[] | undefined;
  /**
   * Whether the compiler keeps the parts in registers (ssa.CanSSA: at most four words, four fields a struct). The others
   * have one home in memory, filled by the prologue even where they arrive in registers.
   */
  readonly livesInRegisters: boolean;
}

/** More parts than any value that the compiler breaks up: ABIInternal has 9 + 15 or 16 + 16 registers. */
const MOST_COMPONENTS = 64;

/** Arrays of arrays of one element: only a damaged file goes on. */
const NESTING = 64;

/** Each type once: in a damaged file values may contain each other so that unfolding them would never end. */
const known = new WeakMap<GoType, Layout>();

export const layoutOf = (type: GoType, pointerSize: number): Layout => nested(type, pointerSize, 0);

export const alignUp = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;

const nested = (type: GoType, pointerSize: number, depth: number): Layout => {
  const before = known.get(type);
  if (before !== undefined) return before;
  const opaque: Layout = { alignment: pointerSize, components: undefined, livesInRegisters: false };
  // Stands in while the parts are looked at, in case one of them is the value itself.
  known.set(type, opaque);
  const layout = depth > NESTING ? opaque : compute(type, pointerSize, depth);
  known.set(type, layout);
  return layout;
};

const compute = (type: GoType, pointerSize: number, depth: number): Layout => {
  const words = (count: number): Layout => ({
    alignment: pointerSize,
    components: Array.from({ length: count }, (_, word) => integer(word * pointerSize, pointerSize)),
    livesInRegisters: true,
  });
  switch (type.kind) {
    case 'bool':
    case 'int':
    case 'uint':
      if (type.size > 2 * pointerSize)
        return { alignment: pointerSize, components: undefined, livesInRegisters: false };
      if (type.size > pointerSize) return words(2);
      return { alignment: Math.max(type.size, 1), components: [integer(0, type.size)], livesInRegisters: true };
    case 'float':
      return { alignment: Math.min(type.size, pointerSize), components: floats(1, type.size), livesInRegisters: true };
    case 'complex': {
      const half = type.size / 2;
      return { alignment: Math.min(half, pointerSize), components: floats(2, half), livesInRegisters: true };
    }
    case 'string':
    case 'interface':
      return words(2);
    case 'slice':
      return words(3);
    case 'struct':
      return ofStruct(type, pointerSize, depth);
    case 'array': {
      const { alignment, components, livesInRegisters } = nested(type.element(), pointerSize, depth + 1);
      if (type.count === 0) return { alignment, components: [], livesInRegisters: true };
      return type.count === 1
        ? { alignment, components, livesInRegisters }
        : { alignment, components: undefined, livesInRegisters: false };
    }
    case 'unknown':
      return { alignment: pointerSize, components: undefined, livesInRegisters: false };
    default:
      return words(1);
  }
};

const integer = (offset: number, size: number): Component => ({ offset, size, class: 'integer' });

const floats = (count: number, size: number): readonly Component[] =>
  Array.from({ length: count }, (_, index) => ({ offset: index * size, size, class: 'float' }));

const ofStruct = (type: GoType & { kind: 'struct' }, pointerSize: number, depth: number): Layout => {
  let alignment = 1;
  let components: Component[] | undefined = [];
  let livesInRegisters = type.fields.length <= 4 && type.size <= 4 * pointerSize;
  for (const field of type.fields) {
    const inner = nested(field.type, pointerSize, depth + 1);
    alignment = Math.max(alignment, inner.alignment);
    livesInRegisters &&= inner.livesInRegisters;
    const parts = inner.components;
    if (parts === undefined || components === undefined || components.length + parts.length > MOST_COMPONENTS)
      components = undefined;
    else for (const part of parts) components.push({ ...part, offset: field.offset + part.offset });
  }
  return { alignment, components, livesInRegisters };
};
