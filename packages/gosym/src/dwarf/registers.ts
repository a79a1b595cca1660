import type { Machine, RegisterName } from '../api.js';

const numbered = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** System V psABI for x86-64, figure 3.36. Its first eight are not in encoding order. */
const AMD64: readonly string[] = [
  ...['rax', 'rdx', 'rcx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip'],
  ...numbered('xmm', 16),
];

/** ABI for the Arm 64-bit Architecture, DWARF: x0-x30, sp; v0-v31 begin at 64. */
const ARM64: readonly (string | undefined)[] = [
  ...numbered('x', 31),
  'sp',
  ...Array.from({ length: 32 }, () => undefined),
  ...numbered('v', 32),
];

const I386: readonly string[] = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'];

/** A register's name from its DWARF number; "r<n>" on machines whose values nothing here reads. */
export const registerName = (machine: Machine, number: number): RegisterName => {
  const table = machine === 'amd64' ? AMD64 : machine === 'arm64' ? ARM64 : machine === '386' ? I386 : [];
  return table[number] ?? `r${number}`;
};

export interface ArgumentRegisters {
  readonly integer: readonly RegisterName[];
  readonly float: readonly RegisterName[];
  /** Bytes between the CFA and the first argument on the stack: the saved link register on arm64. */
  readonly stackStart: number;
  /** Holds the closure object while a closure is entered. */
  readonly closure: RegisterName;
}

/** Go's ABIInternal, src/cmd/compile/abi-internal.md ("Architecture specifics"). Other machines are not probed. */
export const argumentRegisters = (machine: Machine): ArgumentRegisters | undefined => {
  switch (machine) {
    case 'amd64':
      return {
        integer: ['rax', 'rbx', 'rcx', 'rdi', 'rsi', 'r8', 'r9', 'r10', 'r11'],
        float: numbered('xmm', 15),
        stackStart: 0,
        closure: 'rdx',
      };
    case 'arm64':
      return { integer: numbered('x', 16), float: numbered('v', 16), stackStart: 8, closure: 'x26' };
    default:
      return undefined;
  }
};
