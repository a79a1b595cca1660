/**
 * Where a general register lies in the context of a uprobe program, bytes.
 * x86-64: struct pt_regs, arch/x86/include/asm/ptrace.h; arm64: struct user_pt_regs, arch/arm64/include/uapi/asm/ptrace.h.
 */
import type { Machine } from '@probelens/gosym';

export type ProgramMachine = Extract<Machine, 'amd64' | 'arm64'>;

const amd64: ReadonlyMap<string, number> = new Map(
  Object.entries({
    r15: 0,
    r14: 8,
    r13: 16,
    r12: 24,
    rbp: 32,
    rbx: 40,
    r11: 48,
    r10: 56,
    r9: 64,
    r8: 72,
    rax: 80,
    rcx: 88,
    rdx: 96,
    rsi: 104,
    rdi: 112,
    rip: 128,
    rsp: 152,
  }),
);

const arm64: ReadonlyMap<string, number> = new Map([
  ...Array.from({ length: 31 }, (_, index): [string, number] => [`x${index}`, index * 8]),
  ['sp', 248],
  ['pc', 256],
]);

/** The register that holds the current g in Go code (ABIInternal). */
export const goroutineRegister: Readonly<Record<ProgramMachine, string>> = { amd64: 'r14', arm64: 'x28' };

export const stackPointer: Readonly<Record<ProgramMachine, string>> = { amd64: 'rsp', arm64: 'sp' };

/** Undefined for a register that the context does not have (floating point ones, for example). */
export const registerOffset = (machine: ProgramMachine, register: string): number | undefined =>
  (machine === 'amd64' ? amd64 : arm64).get(register);
