/** One instruction as text, as `bpftool prog dump xlated` writes it. */
export interface DisassembledInstruction {
  /** Index of its first 8-byte slot. */
  readonly slot: number;
  readonly text: string;
}

export function disassemble(_program: Uint8Array): readonly DisassembledInstruction[] {
  throw new Error('not built yet');
}
