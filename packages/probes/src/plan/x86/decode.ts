/** x86-64 instructions, as far as choosing a site needs them. Decoded by iced-x86 (WebAssembly, loaded when planning starts). */
import type * as Iced from 'iced-x86';

export type IcedModule = typeof Iced;

/** Where control goes after an instruction. */
export type Flow = 'next' | 'jump' | 'conditional' | 'call' | 'return' | 'other';

export interface Decoded {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly flow: Flow;
  /** Of direct jumps and calls. */
  readonly target: number | undefined;
  readonly writesMemory: boolean;
  /** Base register of a memory operand, "" without one. */
  readonly memoryBase: string;
  /** Index register of a memory operand, "" without one. */
  readonly memoryIndex: string;
  /** Displacement of a memory operand, signed; where it is relative to the instruction pointer, the address. */
  readonly displacement: number;
  /** Address of a memory operand relative to the instruction pointer. */
  readonly pcRelative: boolean;
  /** Full names ("rax" for eax too) of the general registers that are written. */
  readonly written: readonly string[];
  readonly mnemonic: string;
}

export interface X86 {
  /** Every instruction of `code`, which begins at `address`. Bytes that are none end the list. */
  decode(code: Uint8Array, address: number): readonly Decoded[];
}

const push = 0x55;

export const isPushFrame = (instruction: Decoded): boolean =>
  instruction.bytes.length === 1 && instruction.bytes[0] === push;

export const isNop = (instruction: Decoded): boolean => instruction.bytes.length === 1 && instruction.bytes[0] === 0x90;

/** nopl 0x0(%rax,%rax,1): the one that the kernel rewrites to a call (arch/x86/kernel/uprobes.c, Linux 6.18). */
const fiveByteNop = [0x0f, 0x1f, 0x44, 0x00, 0x00];

export const isNop5 = (instruction: Decoded): boolean =>
  instruction.bytes.length === 5 && fiveByteNop.every((byte, index) => instruction.bytes[index] === byte);

/**
 * Emulated in place of the probed instruction, so a hit costs one trap: nop, push of a register, call rel32, jmp, jcc
 * (branch_setup_xol_ops and push_setup_xol_ops, arch/x86/kernel/uprobes.c). Prefixed forms are left out.
 */
export const isEmulated = (instruction: Decoded): boolean => {
  const [first = 0, second = 0] = instruction.bytes;
  if (isNop(instruction) || isNop5(instruction)) return true;
  if (first >= 0x50 && first <= 0x57) return true;
  if (first === 0xe8 || first === 0xe9 || first === 0xeb) return true;
  return (first >= 0x70 && first <= 0x7f) || (first === 0x0f && second >= 0x80 && second <= 0x8f);
};

const lower = (name: string | undefined): string => (name === undefined || name === 'None' ? '' : name.toLowerCase());

/** 64-bit names of the general registers. */
const general = /^(?:r[abcd]x|r[sd]i|r[bs]p|r(?:8|9|1[0-5]))$/;

/** The instruction decoder, on the loaded module. */
export const createX86 = (iced: IcedModule): X86 => {
  const { Decoder, DecoderOptions, FlowControl, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register } = iced;
  const flows: ReadonlyMap<number, Flow> = new Map([
    [FlowControl.Next, 'next'],
    [FlowControl.UnconditionalBranch, 'jump'],
    [FlowControl.IndirectBranch, 'jump'],
    [FlowControl.ConditionalBranch, 'conditional'],
    [FlowControl.Call, 'call'],
    [FlowControl.IndirectCall, 'call'],
    [FlowControl.Return, 'return'],
  ]);
  const writes: ReadonlySet<number> = new Set([
    OpAccess.Write,
    OpAccess.CondWrite,
    OpAccess.ReadWrite,
    OpAccess.ReadCondWrite,
  ]);
  const factory = new InstructionInfoFactory();

  const describe = (instruction: Iced.Instruction, bytes: Uint8Array): Decoded => {
    const info = factory.info(instruction);
    const registers: Iced.UsedRegister[] = info.usedRegisters();
    const memory: Iced.UsedMemory[] = info.usedMemory();
    const written = registers
      .filter((each) => writes.has(each.access))
      .map((each) => lower(Register[iced.RegisterExt.fullRegister(each.register)]))
      .filter((name) => general.test(name));
    const writesMemory = memory.some((each) => writes.has(each.access));
    for (const each of [...registers, ...memory, info]) each.free();
    const base = instruction.memoryBase;
    return {
      address: Number(instruction.ip),
      bytes,
      flow: flows.get(instruction.flowControl) ?? 'other',
      target: instruction.op0Kind === OpKind.NearBranch64 ? Number(instruction.nearBranchTarget) : undefined,
      writesMemory,
      memoryBase: lower(Register[base]),
      memoryIndex: lower(Register[instruction.memoryIndex]),
      displacement: Number(BigInt.asIntN(64, instruction.memoryDisplacement)),
      pcRelative: base === Register.RIP,
      written,
      mnemonic: lower(Mnemonic[instruction.mnemonic]),
    };
  };

  return {
    decode(code, address) {
      const decoder = new Decoder(64, code, DecoderOptions.None);
      const instruction = new iced.Instruction();
      decoder.ip = BigInt(address);
      const all: Decoded[] = [];
      try {
        while (decoder.canDecode) {
          decoder.decodeOut(instruction);
          if (instruction.isInvalid) break;
          const start = Number(instruction.ip) - address;
          all.push(describe(instruction, code.subarray(start, start + instruction.length)));
        }
        return all;
      } finally {
        instruction.free();
        decoder.free();
      }
    },
  };
};
