import type { GoType } from '../api.js';

/** Alignment of a type, bytes. src/cmd/compile/abi-internal.md, "Memory layout". */
export const alignmentOf = (type: GoType, pointerSize: number): number => {
  switch (type.kind) {
    case 'bool':
    case 'int':
    case 'uint':
    case 'float':
      return Math.min(Math.max(type.size, 1), pointerSize);
    case 'complex':
      return Math.min(type.size / 2, pointerSize);
    case 'struct':
      return type.fields.reduce((most, field) => Math.max(most, alignmentOf(field.type, pointerSize)), 1);
    case 'array':
      return alignmentOf(type.element(), pointerSize);
    default:
      return pointerSize;
  }
};

export const alignUp = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;
