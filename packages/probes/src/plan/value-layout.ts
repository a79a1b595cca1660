/**
 * How the parts of a structured capture make up one value: what the reader of an event goes by. It is data, it comes
 * over the wire, and the agent checks it (program/validate-layout.ts).
 */

/** A position in what one part holds, bytes. */
export interface PartPosition {
  readonly part: number;
  readonly offset: number;
}

export type ValueLayout =
  | { readonly kind: 'integer'; readonly signed: boolean; readonly width: 1 | 2 | 4 | 8; readonly at: PartPosition }
  | { readonly kind: 'bool'; readonly at: PartPosition }
  | { readonly kind: 'float'; readonly width: 4 | 8; readonly at: PartPosition }
  | { readonly kind: 'complex'; readonly real: ValueLayout; readonly imaginary: ValueLayout }
  /** An address that is not followed: unsafe pointers, functions, pointers behind the first. */
  | { readonly kind: 'address'; readonly at: PartPosition }
  | { readonly kind: 'string'; readonly part: number }
  | {
      readonly kind: 'struct';
      readonly typeName: string;
      readonly fields: readonly { readonly name: string; readonly value: ValueLayout }[];
      /** Fields that are left out behind those. */
      readonly more: number;
      /** What they are beyond: "256 bytes". */
      readonly limit?: string;
    }
  /** The first elements of `count`. */
  | {
      readonly kind: 'array';
      readonly count: number;
      readonly elements: readonly ValueLayout[];
      /** What the others are beyond, where that is not the number of elements. */
      readonly limit?: string;
    }
  /** `part` holds the first elements, of `size` bytes each. */
  | {
      readonly kind: 'slice';
      readonly length: PartPosition;
      readonly capacity: PartPosition;
      readonly part: number;
      readonly size: number;
      readonly elements: readonly ValueLayout[];
      readonly limit?: string;
    }
  | { readonly kind: 'pointer'; readonly at: PartPosition; readonly target: ValueLayout }
  /**
   * `type`: address of the dynamic type, 0 for nil. `name`: its name as the runtime keeps it, one byte of flags, a varint
   * length, the text (internal/abi/type.go, Go >= 1.17); `flags` is abi.Type.TFlag, and the kind is three bytes behind it.
   * Absent where it is out of reach. `value`: block with the value, of numbers; `text`: of strings and of errors that are
   * made of one.
   */
  | {
      readonly kind: 'interface';
      readonly type: PartPosition;
      readonly data: PartPosition;
      readonly name: number | undefined;
      readonly flags: PartPosition | undefined;
      readonly value?: number;
      readonly text?: number;
    }
  | { readonly kind: 'map'; readonly typeName: string; readonly at: PartPosition; readonly length: PartPosition }
  | {
      readonly kind: 'chan';
      readonly typeName: string;
      readonly at: PartPosition;
      readonly length: PartPosition;
      readonly capacity: PartPosition;
    }
  /** `limit`: where it is left out for what it would take; else it cannot be had. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly limit?: string };

/** Bytes of one part at most. */
export const partLimit = 256;

/** Parts of one capture: one bit each in its fault word, and a read of user memory each. */
export const mostParts = 24;
