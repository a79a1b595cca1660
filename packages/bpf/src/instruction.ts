import {
  type Arithmetic,
  type AtomicOperation,
  arithmetic,
  atomic,
  type Condition,
  callCode,
  callKind,
  condition,
  endian,
  exitCode,
  immediateKind,
  instructionBytes,
  jumpAlways,
  instructionClass as klass,
  mode,
  negate,
  type Operand,
  type Register,
  registers,
  sourceRegister,
  type Width,
} from './isa.js';

/** What one instruction does. Targets are slots of the program. */
export type Operation =
  /** `signed` only for div and mod. */
  | {
      readonly kind: 'alu';
      readonly operation: Arithmetic;
      readonly bits: 32 | 64;
      readonly dst: Register;
      readonly src: Operand;
      readonly signed: boolean;
    }
  | {
      readonly kind: 'mov-signed';
      readonly bits: 32 | 64;
      readonly dst: Register;
      readonly src: Register;
      readonly from: 8 | 16 | 32;
    }
  | { readonly kind: 'neg'; readonly bits: 32 | 64; readonly dst: Register }
  | {
      readonly kind: 'endian';
      readonly order: 'le' | 'be' | 'bswap';
      readonly bits: 16 | 32 | 64;
      readonly dst: Register;
    }
  | { readonly kind: 'immediate'; readonly dst: Register; readonly value: bigint }
  /** With a value offset: the address inside the map's value, else the map itself. */
  | { readonly kind: 'map'; readonly dst: Register; readonly fd: number; readonly valueOffset: number | undefined }
  | { readonly kind: 'function'; readonly dst: Register; readonly target: number }
  | {
      readonly kind: 'load';
      readonly dst: Register;
      readonly base: Register;
      readonly offset: number;
      readonly width: Width;
      readonly signed: boolean;
    }
  | {
      readonly kind: 'store';
      readonly base: Register;
      readonly offset: number;
      readonly src: Operand;
      readonly width: Width;
    }
  | {
      readonly kind: 'atomic';
      readonly operation: AtomicOperation;
      readonly base: Register;
      readonly offset: number;
      readonly src: Register;
      readonly width: 4 | 8;
    }
  | { readonly kind: 'jump'; readonly target: number; readonly far: boolean }
  | {
      readonly kind: 'jump-if';
      readonly bits: 32 | 64;
      readonly left: Register;
      readonly relation: Condition;
      readonly right: Operand;
      readonly target: number;
    }
  | { readonly kind: 'call'; readonly helper: number }
  | { readonly kind: 'call-local'; readonly target: number }
  | { readonly kind: 'call-kernel'; readonly btfId: number; readonly module: number }
  | { readonly kind: 'exit' }
  /** Nothing that this package's assembler would write: an unknown opcode, or fields that no kernel accepts. */
  | { readonly kind: 'unknown'; readonly opcode: number };

export interface Instruction {
  /** Index of its first 8-byte slot. */
  readonly slot: number;
  /** 2 for 64-bit immediates, else 1. */
  readonly slots: 1 | 2;
  readonly opcode: number;
  readonly operation: Operation;
}

/** One slot, its fields taken apart. */
interface Fields {
  readonly slot: number;
  readonly opcode: number;
  readonly dst: Register;
  readonly dstNumber: number;
  readonly srcNumber: number;
  readonly src: Register;
  readonly offset: number;
  readonly immediate: number;
}

const widths: readonly Width[] = [4, 2, 1, 8];
const byCode = <Name extends string>(table: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> =>
  new Map((Object.keys(table) as Name[]).map((name) => [table[name], name]));
const arithmeticByCode = byCode(arithmetic);
const conditionByCode = byCode(condition);
const atomicByCode = byCode(atomic);
const frameNumber = 10;

/** Decodes a program. Never throws for bytes of whole slots: what it does not know is "unknown". */
export function decode(program: Uint8Array): readonly Instruction[] {
  if (program.length % instructionBytes !== 0)
    throw new RangeError(`${program.length} bytes are not whole instructions`);
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const instructions: Instruction[] = [];
  const total = program.length / instructionBytes;
  for (let slot = 0; slot < total; ) {
    const fields = fieldsAt(view, slot);
    const wide = slot + 1 < total ? decodeWide(fields, fieldsAt(view, slot + 1)) : undefined;
    const operation = wide ?? decodeOne(fields) ?? { kind: 'unknown', opcode: fields.opcode };
    const slots = wide === undefined ? 1 : 2;
    instructions.push({ slot, slots, opcode: fields.opcode, operation });
    slot += slots;
  }
  return instructions;
}

function fieldsAt(view: DataView, slot: number): Fields {
  const at = slot * instructionBytes;
  const pair = view.getUint8(at + 1);
  const [dstNumber, srcNumber] = [pair & 0x0f, pair >> 4];
  return {
    slot,
    opcode: view.getUint8(at),
    dstNumber,
    srcNumber,
    // Numbers above 10 are refused by decodeOne before these are used.
    dst: registers[dstNumber] ?? 'r0',
    src: registers[srcNumber] ?? 'r0',
    offset: view.getInt16(at + 2, true),
    immediate: view.getInt32(at + 4, true),
  };
}

function decodeWide(first: Fields, second: Fields): Operation | undefined {
  const { opcode, dst, dstNumber, srcNumber, offset, immediate } = first;
  if (opcode !== (klass.ld | mode.imm | 0x18) || offset !== 0 || dstNumber >= frameNumber) return undefined;
  if (second.opcode !== 0 || second.dstNumber !== 0 || second.srcNumber !== 0 || second.offset !== 0) return undefined;
  switch (srcNumber) {
    case immediateKind.value:
      return { kind: 'immediate', dst, value: (BigInt(second.immediate >>> 0) << 32n) | BigInt(immediate >>> 0) };
    case immediateKind.mapFd:
      if (immediate < 0 || second.immediate !== 0) return undefined;
      return { kind: 'map', dst, fd: immediate, valueOffset: undefined };
    case immediateKind.mapValue:
      if (immediate < 0 || second.immediate < 0) return undefined;
      return { kind: 'map', dst, fd: immediate, valueOffset: second.immediate };
    case immediateKind.func:
      return second.immediate === 0 ? { kind: 'function', dst, target: first.slot + 1 + immediate } : undefined;
    default:
      return undefined;
  }
}

function decodeOne(fields: Fields): Operation | undefined {
  if (fields.dstNumber > frameNumber) return undefined;
  const of = fields.opcode & 0x07;
  switch (of) {
    case klass.alu32:
    case klass.alu64:
      return fields.dstNumber === frameNumber ? undefined : decodeArithmetic(fields, of === klass.alu64 ? 64 : 32);
    case klass.jmp:
    case klass.jmp32:
      return decodeJump(fields, of === klass.jmp ? 64 : 32);
    case klass.ldx:
      return decodeLoad(fields);
    case klass.st:
    case klass.stx:
      return decodeStore(fields, of === klass.stx);
    default:
      return undefined;
  }
}

function decodeArithmetic(fields: Fields, bits: 32 | 64): Operation | undefined {
  const { opcode, dst, srcNumber, src, offset, immediate } = fields;
  const code = opcode & 0xf0;
  const fromRegister = (opcode & sourceRegister) !== 0;
  if (code === negate) {
    return !fromRegister && srcNumber === 0 && offset === 0 && immediate === 0 ? { kind: 'neg', bits, dst } : undefined;
  }
  if (code === endian) {
    if (srcNumber !== 0 || offset !== 0 || (immediate !== 16 && immediate !== 32 && immediate !== 64)) return undefined;
    if (bits === 64) return fromRegister ? undefined : { kind: 'endian', order: 'bswap', bits: immediate, dst };
    return { kind: 'endian', order: fromRegister ? 'be' : 'le', bits: immediate, dst };
  }
  const operation = arithmeticByCode.get(code);
  if (operation === undefined || (fromRegister ? immediate !== 0 || srcNumber > frameNumber : srcNumber !== 0))
    return undefined;
  if (operation === 'mov' && offset !== 0) {
    if (!fromRegister || (offset !== 8 && offset !== 16 && (offset !== 32 || bits === 32))) return undefined;
    return { kind: 'mov-signed', bits, dst, src, from: offset };
  }
  const division = operation === 'div' || operation === 'mod';
  if (offset !== 0 && !(division && offset === 1)) return undefined;
  if (fromRegister) return { kind: 'alu', operation, bits, dst, src, signed: offset === 1 };
  const shift = operation === 'lsh' || operation === 'rsh' || operation === 'arsh';
  if ((shift && (immediate < 0 || immediate >= bits)) || (division && immediate === 0)) return undefined;
  return { kind: 'alu', operation, bits, dst, src: immediate, signed: offset === 1 };
}

function decodeJump(fields: Fields, bits: 32 | 64): Operation | undefined {
  const { slot, opcode, dst, dstNumber, srcNumber, src, offset, immediate } = fields;
  const code = opcode & 0xf0;
  const fromRegister = (opcode & sourceRegister) !== 0;
  if (code === jumpAlways) {
    if (fromRegister || dstNumber !== 0 || srcNumber !== 0) return undefined;
    if (bits === 64) return immediate === 0 ? { kind: 'jump', target: slot + 1 + offset, far: false } : undefined;
    return offset === 0 ? { kind: 'jump', target: slot + 1 + immediate, far: true } : undefined;
  }
  if (code === callCode) return bits === 64 && !fromRegister && dstNumber === 0 ? decodeCall(fields) : undefined;
  if (code === exitCode) {
    const plain = bits === 64 && !fromRegister && dstNumber === 0 && srcNumber === 0 && offset === 0 && immediate === 0;
    return plain ? { kind: 'exit' } : undefined;
  }
  const relation = conditionByCode.get(code);
  if (relation === undefined || (fromRegister ? immediate !== 0 || srcNumber > frameNumber : srcNumber !== 0))
    return undefined;
  return {
    kind: 'jump-if',
    bits,
    left: dst,
    relation,
    right: fromRegister ? src : immediate,
    target: slot + 1 + offset,
  };
}

function decodeCall({ slot, srcNumber, offset, immediate }: Fields): Operation | undefined {
  switch (srcNumber) {
    case callKind.helper:
      return offset === 0 ? { kind: 'call', helper: immediate } : undefined;
    case callKind.local:
      return offset === 0 ? { kind: 'call-local', target: slot + 1 + immediate } : undefined;
    case callKind.kfunc:
      return { kind: 'call-kernel', btfId: immediate, module: offset };
    default:
      return undefined;
  }
}

function decodeLoad({ opcode, dst, dstNumber, srcNumber, src, offset, immediate }: Fields): Operation | undefined {
  const width = widths[(opcode >> 3) & 3] ?? 8;
  const how = opcode & 0xe0;
  if (dstNumber === frameNumber || srcNumber > frameNumber || immediate !== 0) return undefined;
  if (how === mode.mem) return { kind: 'load', dst, base: src, offset, width, signed: false };
  if (how === mode.memSigned && width !== 8) return { kind: 'load', dst, base: src, offset, width, signed: true };
  return undefined;
}

function decodeStore(fields: Fields, fromRegister: boolean): Operation | undefined {
  const { opcode, dst, srcNumber, src, offset, immediate } = fields;
  const width = widths[(opcode >> 3) & 3] ?? 8;
  const how = opcode & 0xe0;
  if (how === mode.mem && !fromRegister) {
    if (srcNumber !== 0) return undefined;
    // A narrow store of more than its bits is legal and keeps the low ones; written by nobody, so shown as unknown.
    const limit = width === 8 ? 2 ** 31 : 2 ** (width * 8 - 1);
    const fits = immediate >= -limit && (width === 8 || immediate < limit * 2);
    return fits ? { kind: 'store', base: dst, offset, src: immediate, width } : undefined;
  }
  if (!fromRegister || srcNumber > frameNumber) return undefined;
  if (how === mode.mem) return immediate === 0 ? { kind: 'store', base: dst, offset, src, width } : undefined;
  const operation = atomicByCode.get(immediate);
  if (how !== mode.atomic || operation === undefined || (width !== 4 && width !== 8)) return undefined;
  return { kind: 'atomic', operation, base: dst, offset, src, width };
}
