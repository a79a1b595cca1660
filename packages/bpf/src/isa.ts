/**
 * The eBPF instruction set as numbers. Source: Linux Documentation/bpf/standardization/instruction-set.rst and
 * include/uapi/linux/bpf.h. An instruction is 8 bytes: opcode, dst (low nibble) and src (high nibble), a signed 16-bit
 * offset, a signed 32-bit immediate; little endian on every machine that this package supports.
 */

/** r0 result, r1-r5 arguments and scratch, r6-r9 kept over calls, r10 the frame pointer (read only). */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10';

/** A register, or a signed 32-bit immediate. */
export type Operand = Register | number;

/** Bytes moved by a load, a store or an atomic operation. */
export type Width = 1 | 2 | 4 | 8;

export const instructionBytes = 8;

/** Bytes of stack that a program has below r10. MAX_BPF_STACK, include/linux/filter.h. */
export const stackBytes = 512;

export const registers: readonly Register[] = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8', 'r9', 'r10'];

/** Low three bits of the opcode. */
export const instructionClass = {
  ld: 0x00,
  ldx: 0x01,
  st: 0x02,
  stx: 0x03,
  alu32: 0x04,
  jmp: 0x05,
  jmp32: 0x06,
  alu64: 0x07,
} as const;

/** Bit 3 of an arithmetic or jump opcode: the second operand is a register, not the immediate. */
export const sourceRegister = 0x08;

/** Bits 5-7 of a load or store opcode. */
export const mode = { imm: 0x00, mem: 0x60, memSigned: 0x80, atomic: 0xc0 } as const;

/** Bits 3-4 of a load or store opcode, by bytes. */
export const widthCode: Readonly<Record<Width, number>> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 };

/** Bits 4-7 of an arithmetic opcode. `neg` (0x80) and byte swaps (0xd0) have one operand and methods of their own. */
export const arithmetic = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
} as const;
export type Arithmetic = keyof typeof arithmetic;
export const negate = 0x80;
export const endian = 0xd0;

/** Bits 4-7 of a jump opcode. `s` marks signed comparisons, `&` jumps when the operands share a set bit. */
export const condition = {
  '==': 0x10,
  '>': 0x20,
  '>=': 0x30,
  '&': 0x40,
  '!=': 0x50,
  's>': 0x60,
  's>=': 0x70,
  '<': 0xa0,
  '<=': 0xb0,
  's<': 0xc0,
  's<=': 0xd0,
} as const;
export type Condition = keyof typeof condition;
export const jumpAlways = 0x00;
export const callCode = 0x80;
export const exitCode = 0x90;

/** Immediate of an atomic store. Bit 0 (fetch): the old value comes back in the source register (cmpxchg: in r0). */
export const atomic = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  'fetch-add': 0x01,
  'fetch-or': 0x41,
  'fetch-and': 0x51,
  'fetch-xor': 0xa1,
  xchg: 0xe1,
  cmpxchg: 0xf1,
} as const;
export type AtomicOperation = keyof typeof atomic;

/** Source nibble of a 64-bit immediate load: what the immediate means. BPF_PSEUDO_*, include/uapi/linux/bpf.h. */
export const immediateKind = {
  value: 0,
  mapFd: 1,
  mapValue: 2,
  btfId: 3,
  func: 4,
  mapIndex: 5,
  mapIndexValue: 6,
} as const;

/** Source nibble of a call: helper number, subprogram (relative), kernel function by BTF id. */
export const callKind = { helper: 0, local: 1, kfunc: 2 } as const;

export const isRegister = (operand: Operand): operand is Register => typeof operand === 'string';

export const registerNumber = (register: Register): number => Number(register.slice(1));
