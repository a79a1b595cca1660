/** Types of the running kernel. */
export interface Btf {
  /**
   * Byte offset of a member, "prev_state" or "thread.fsbase"; members of nested anonymous structs and unions count as
   * members of the outer one. Throws BtfError for a struct or member that is not there, or a bit-field.
   */
  offsetOf(struct: string, member: string): number;
  /** Bytes of a struct, union, enum or integer type. Throws BtfError. */
  sizeOf(type: string): number;
  /** Whether offsetOf would answer. */
  hasMember(struct: string, member: string): boolean;
}

export function kernelBtf(): Btf {
  throw new Error('not built yet');
}
