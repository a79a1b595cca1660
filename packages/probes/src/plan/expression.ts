/**
 * The lowered form of a Go expression: what the agent accepts and turns into BPF. It is data, it can only read, and
 * every value is 64 bits wide inside; `width` says where Go would have wrapped around.
 */

export type Width = 1 | 2 | 4 | 8;

/** Integer type of Go that a value has: after each operation the value is cut to it. */
export interface IntegerType {
  readonly width: Width;
  readonly signed: boolean;
}

export type ArithmeticOperator =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'rem'
  | 'and'
  | 'or'
  | 'xor'
  | 'and-not'
  | 'shl'
  | 'shr';

export type ComparisonOperator = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

export type StringOperand =
  | { readonly kind: 'string'; readonly pointer: LoweredExpression; readonly length: LoweredExpression }
  | { readonly kind: 'bytes'; readonly bytes: string };

export type LoweredExpression =
  /** Decimal, because JSON has no 64-bit integers. */
  | { readonly kind: 'constant'; readonly value: string }
  /** A general register at the probed instruction. */
  | { readonly kind: 'register'; readonly register: string }
  /** User memory. A failed read makes the whole condition "faulted". */
  | { readonly kind: 'load'; readonly address: LoweredExpression; readonly type: IntegerType }
  | { readonly kind: 'convert'; readonly value: LoweredExpression; readonly type: IntegerType }
  | {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly type: IntegerType;
      readonly left: LoweredExpression;
      readonly right: LoweredExpression;
    }
  | {
      readonly kind: 'compare';
      readonly operator: ComparisonOperator;
      readonly signed: boolean;
      readonly left: LoweredExpression;
      readonly right: LoweredExpression;
    }
  /** `bytes` is hex; `whole` demands equal length, otherwise the string starts with the bytes. */
  | {
      readonly kind: 'string-test';
      readonly pointer: LoweredExpression;
      readonly length: LoweredExpression;
      readonly bytes: string;
      readonly whole: boolean;
    }
  /**
   * Whether the bytes (hex, 1 to 16) are somewhere in a string, or at its end. A string that goes on behind its first 256
   * bytes, where that is not settled by then, is "faulted".
   */
  | {
      readonly kind: 'string-search';
      readonly where: 'anywhere' | 'end';
      readonly pointer: LoweredExpression;
      readonly length: LoweredExpression;
      readonly bytes: string;
    }
  /**
   * Compares two strings byte by byte, by Go's order; strings that are equal in their first 256 bytes and go on are
   * "faulted". The other one is a string of the program, or constant (hex).
   */
  | {
      readonly kind: 'string-order';
      readonly operator: ComparisonOperator;
      readonly pointer: LoweredExpression;
      readonly length: LoweredExpression;
      readonly other: StringOperand;
    }
  /**
   * Whether two interfaces of one dynamic type hold equal values. `type`: address of its descriptor, not 0; `left` and
   * `right`: their second words. Types that are not comparable (a panic in Go) are "faulted", and so are structs and arrays
   * that are not plain memory and have more than four parts, parts of parts, or parts that are equal in more than 64 bytes;
   * 256 where the whole is compared.
   */
  | {
      readonly kind: 'interface-equal';
      readonly type: LoweredExpression;
      readonly left: LoweredExpression;
      readonly right: LoweredExpression;
      /** Descriptors of structs have twice the offset of each field, and a bit for embedded ones (Go < 1.19). */
      readonly doubledOffsets?: true;
    }
  /** Short circuit, as in Go. */
  | {
      readonly kind: 'logical';
      readonly operator: 'and' | 'or';
      readonly left: LoweredExpression;
      readonly right: LoweredExpression;
    }
  | { readonly kind: 'not'; readonly value: LoweredExpression }
  /** `value`, but "faulted" unless `condition` holds: an index in its bounds, a pointer that is not nil. */
  | { readonly kind: 'checked'; readonly condition: LoweredExpression; readonly value: LoweredExpression }
  /** `value`, or 0 when `pointer` is nil: the length of a nil map. */
  | { readonly kind: 'unless-nil'; readonly pointer: LoweredExpression; readonly value: LoweredExpression }
  /**
   * Compares IEEE 754 numbers given by their bits. NaN and infinities: "ieee" compares them as Go does, "fault" leaves
   * them to Delve, which refuses to compute with them (errOperationOnSpecialFloat, pkg/proc/eval.go 1.27).
   */
  | {
      readonly kind: 'compare-float';
      readonly operator: ComparisonOperator;
      readonly width: 4 | 8;
      readonly special: 'ieee' | 'fault';
      readonly left: LoweredExpression;
      readonly right: LoweredExpression;
    }
  /** Id of the goroutine that hit the probe. */
  | { readonly kind: 'goroutine-id' };
