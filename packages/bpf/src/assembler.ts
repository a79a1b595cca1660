import type { ProgramFunction } from './btf/function-types.js';
import { type HelperName, helperNumber } from './helper-functions.js';
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
  isRegister,
  jumpAlways,
  instructionClass as klass,
  mode,
  negate,
  type Operand,
  type Register,
  registerNumber,
  sourceRegister,
  type Width,
  widthCode,
} from './isa.js';

/** Something that has a map's descriptor: a BpfMap, or the bare number. */
export type MapReference = { readonly fd: number } | number;

/** A program that cannot be encoded: a value that does not fit its field, a label missing, twice, or too far away. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
  constructor(
    /** Index of the 8-byte slot. */
    readonly slot: number,
    reason: string,
  ) {
    super(`BPF instruction ${slot}: ${reason}`);
  }
}

/** The program is too long for it: a jump has 16 bits for its distance. */
export class JumpTooLong extends AssemblyError {}

interface Fixup {
  readonly slot: number;
  readonly label: string;
  /** Where the distance goes: the 16-bit offset of a jump, the 32-bit immediate of a call or a long jump. */
  readonly field: 'offset' | 'immediate';
  /** Slots between the instruction and what the distance counts from. */
  readonly base: number;
}

/**
 * Builds one BPF program. Methods append one instruction (64-bit immediates take two slots) and return the assembler.
 * Jumps name labels, defined before or after them; `assemble()` resolves and range-checks them.
 *
 * Every method throws AssemblyError when an operand does not fit its field: nothing is truncated silently.
 */
export class Assembler {
  #bytes = new Uint8Array(64 * instructionBytes);
  #view = new DataView(this.#bytes.buffer);
  #slots = 0;
  readonly #labels = new Map<string, number>();
  readonly #fixups: Fixup[] = [];
  #anonymous = 0;

  /** Slots so far: a 64-bit immediate counts twice. */
  get length(): number {
    return this.#slots;
  }

  /** Names the next instruction. */
  label(name: string): this {
    if (this.#labels.has(name)) throw this.#error(`label "${name}" is defined twice`);
    this.#labels.set(name, this.#slots);
    return this;
  }

  /** A label name that nothing else in this program uses, for code that is emitted more than once. */
  freshLabel(hint = 'L'): string {
    return `${hint}#${this.#anonymous++}`;
  }

  /** dst = dst op src, 64 bits; an immediate is sign extended. Division by zero gives 0, modulo by zero leaves dst. */
  alu(operation: Arithmetic, dst: Register, src: Operand): this {
    return this.#arithmetic(klass.alu64, operation, dst, src, 0);
  }

  /** The same in 32 bits; the upper half of dst becomes zero. */
  alu32(operation: Arithmetic, dst: Register, src: Operand): this {
    return this.#arithmetic(klass.alu32, operation, dst, src, 0);
  }

  mov = (dst: Register, src: Operand): this => this.alu('mov', dst, src);
  add = (dst: Register, src: Operand): this => this.alu('add', dst, src);
  sub = (dst: Register, src: Operand): this => this.alu('sub', dst, src);
  mul = (dst: Register, src: Operand): this => this.alu('mul', dst, src);
  /** Unsigned. */
  div = (dst: Register, src: Operand): this => this.alu('div', dst, src);
  /** Unsigned. */
  mod = (dst: Register, src: Operand): this => this.alu('mod', dst, src);
  or = (dst: Register, src: Operand): this => this.alu('or', dst, src);
  and = (dst: Register, src: Operand): this => this.alu('and', dst, src);
  xor = (dst: Register, src: Operand): this => this.alu('xor', dst, src);
  lsh = (dst: Register, src: Operand): this => this.alu('lsh', dst, src);
  /** Logical shift right. */
  rsh = (dst: Register, src: Operand): this => this.alu('rsh', dst, src);
  /** Arithmetic shift right. */
  arsh = (dst: Register, src: Operand): this => this.alu('arsh', dst, src);
  mov32 = (dst: Register, src: Operand): this => this.alu32('mov', dst, src);

  /** Signed division or modulo (Linux >= 6.6): truncates toward zero, as C and Go do. */
  signedDivision(operation: 'div' | 'mod', dst: Register, src: Operand, bits: 32 | 64 = 64): this {
    return this.#arithmetic(bits === 64 ? klass.alu64 : klass.alu32, operation, dst, src, 1);
  }

  /** dst = src sign extended from `from` bits to 64 (Linux >= 6.6). Elsewhere: lsh, then arsh. */
  movSigned(dst: Register, src: Register, from: 8 | 16 | 32): this {
    return this.#emit(klass.alu64 | arithmetic.mov | sourceRegister, dst, registerNumber(src), from, 0);
  }

  /** The same to 32 bits; the upper half becomes zero (Linux >= 6.6). */
  movSigned32(dst: Register, src: Register, from: 8 | 16): this {
    return this.#emit(klass.alu32 | arithmetic.mov | sourceRegister, dst, registerNumber(src), from, 0);
  }

  /** dst = -dst. */
  neg(dst: Register, bits: 32 | 64 = 64): this {
    return this.#emit((bits === 64 ? klass.alu64 : klass.alu32) | negate, dst, 0, 0, 0);
  }

  /** Keeps the low bits of dst as a little or big endian number and zeroes the rest. */
  toEndian(order: 'le' | 'be', dst: Register, bits: 16 | 32 | 64): this {
    return this.#emit(klass.alu32 | endian | (order === 'be' ? sourceRegister : 0), dst, 0, 0, bits);
  }

  /** Swaps the low bytes of dst whatever the machine's order, and zeroes the rest (Linux >= 6.6). */
  byteSwap(dst: Register, bits: 16 | 32 | 64): this {
    return this.#emit(klass.alu64 | endian, dst, 0, 0, bits);
  }

  /** dst = a 64-bit value; numbers must be safe integers. Accepts [-2^63, 2^64). Two slots. */
  loadImmediate(dst: Register, value: bigint | number): this {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw this.#error(`${value} is no safe integer; pass a bigint`);
    }
    const wide = BigInt(value);
    if (wide < -(2n ** 63n) || wide >= 2n ** 64n) throw this.#error(`${wide} does not fit 64 bits`);
    return this.#wide(dst, immediateKind.value, wide);
  }

  /** dst = the map, as helpers want it. Two slots. */
  loadMap(dst: Register, map: MapReference): this {
    return this.#wide(dst, immediateKind.mapFd, BigInt(this.#descriptor(map)));
  }

  /** dst = address of byte `offset` in the value of an array map of one entry: no look-up, no null check. Two slots. */
  loadMapValue(dst: Register, map: MapReference, offset = 0): this {
    if (!Number.isInteger(offset) || offset < 0 || offset > 0x7fffffff) throw this.#error(`bad value offset ${offset}`);
    return this.#wide(dst, immediateKind.mapValue, (BigInt(offset) << 32n) | BigInt(this.#descriptor(map)));
  }

  /**
   * dst = the subprogram at `label`, for helpers that take a callback ("loop", "for_each_map_elem"). Two slots. The
   * program must be loaded with its `functions()`.
   */
  loadFunction(dst: Register, label: string): this {
    this.#fixups.push({ slot: this.#slots, label, field: 'immediate', base: 1 });
    return this.#wide(dst, immediateKind.func, 0n);
  }

  /** dst = zero-extended memory at base + offset. */
  load(dst: Register, base: Register, offset: number, width: Width = 8): this {
    return this.#emit(klass.ldx | mode.mem | widthCode[width], dst, registerNumber(base), offset, 0);
  }

  /** dst = sign-extended memory at base + offset (Linux >= 6.6). */
  loadSigned(dst: Register, base: Register, offset: number, width: 1 | 2 | 4): this {
    return this.#emit(klass.ldx | mode.memSigned | widthCode[width], dst, registerNumber(base), offset, 0);
  }

  /** Memory at base + offset = src. An immediate is sign extended to 8 bytes, else must fit the width. */
  store(base: Register, offset: number, src: Operand, width: Width = 8): this {
    if (isRegister(src))
      return this.#emit(klass.stx | mode.mem | widthCode[width], base, registerNumber(src), offset, 0);
    const bits = width === 8 ? 31 : width * 8;
    const top = width === 8 ? 2 ** 31 : 2 ** bits;
    if (!Number.isInteger(src) || src < -(2 ** (width === 8 ? 31 : bits - 1)) || src >= top) {
      throw this.#error(`${src} does not fit a store of ${width} bytes`);
    }
    return this.#emit(klass.st | mode.mem | widthCode[width], base, 0, offset, src | 0);
  }

  /**
   * Atomic read-modify-write of 4 or 8 bytes at base + offset. With fetch and xchg the old value lands in src; cmpxchg
   * compares with r0, stores src when equal, and leaves the old value in r0. All but "add" need Linux >= 5.12.
   */
  atomic(operation: AtomicOperation, base: Register, offset: number, src: Register, width: 4 | 8 = 8): this {
    const code = klass.stx | mode.atomic | widthCode[width];
    return this.#emit(code, base, registerNumber(src), offset, atomic[operation]);
  }

  /** Jumps within 32,767 instructions. */
  jump(label: string): this {
    this.#fixups.push({ slot: this.#slots, label, field: 'offset', base: 1 });
    return this.#emit(klass.jmp | jumpAlways, 'r0', 0, 0, 0);
  }

  /** Jumps any distance (Linux >= 6.6). */
  jumpFar(label: string): this {
    this.#fixups.push({ slot: this.#slots, label, field: 'immediate', base: 1 });
    return this.#emit(klass.jmp32 | jumpAlways, 'r0', 0, 0, 0);
  }

  /** Jumps when `left relation right` over 64 bits; an immediate is sign extended, also for unsigned relations. */
  jumpIf(left: Register, relation: Condition, right: Operand, label: string): this {
    return this.#conditional(klass.jmp, left, relation, right, label);
  }

  /** The same over the low 32 bits (Linux >= 5.1). */
  jumpIf32(left: Register, relation: Condition, right: Operand, label: string): this {
    return this.#conditional(klass.jmp32, left, relation, right, label);
  }

  /** r0 = helper(r1 ... r5); r1-r5 are lost. */
  call(helper: HelperName | number): this {
    const number = typeof helper === 'number' ? helper : helperNumber(helper);
    return this.#emit(klass.jmp | callCode, 'r0', callKind.helper, 0, number);
  }

  /** r0 = the subprogram at `label`, which gets r1-r5 and a stack frame of its own. */
  callLocal(label: string): this {
    this.#fixups.push({ slot: this.#slots, label, field: 'immediate', base: 1 });
    return this.#emit(klass.jmp | callCode, 'r0', callKind.local, 0, 0);
  }

  exit(): this {
    return this.#emit(klass.jmp | exitCode, 'r0', 0, 0, 0);
  }

  /** Appends encoded instructions as they are. */
  raw(instructions: Uint8Array): this {
    if (instructions.length % instructionBytes !== 0) throw this.#error('raw bytes are not whole instructions');
    for (let at = 0; at < instructions.length; at += instructionBytes) {
      this.#grow();
      this.#bytes.set(instructions.subarray(at, at + instructionBytes), this.#slots * instructionBytes);
      this.#slots++;
    }
    return this;
  }

  /** The program itself and its subprograms (what callLocal and loadFunction name), by slot: for `loadProgram`. */
  functions(name = 'main'): readonly ProgramFunction[] {
    const called = this.#fixups.filter(({ slot, field }) => field === 'immediate' && this.#entersFunction(slot));
    const labels = new Set(called.map(({ label }) => label));
    const functions = [...labels].map((label) => {
      const slot = this.#labels.get(label);
      if (slot === undefined) throw this.#error(`label "${label}" is not defined`);
      return { slot, name: label };
    });
    return [{ slot: 0, name }, ...functions.toSorted((a, b) => a.slot - b.slot)];
  }

  /** The program's bytes, a copy. Throws AssemblyError for a label that is missing or out of reach. */
  assemble(): Uint8Array {
    const program = this.#bytes.slice(0, this.#slots * instructionBytes);
    const view = new DataView(program.buffer);
    for (const { slot, label, field, base } of this.#fixups) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new AssemblyError(slot, `label "${label}" is not defined`);
      if (target >= this.#slots) throw new AssemblyError(slot, `label "${label}" has no instruction after it`);
      const distance = target - slot - base;
      if (field === 'immediate') view.setInt32(slot * instructionBytes + 4, distance, true);
      else if (distance >= -32768 && distance <= 32767) view.setInt16(slot * instructionBytes + 2, distance, true);
      else throw new JumpTooLong(slot, `label "${label}" is ${distance} instructions away, a jump reaches 32767`);
    }
    return program;
  }

  /** Far jumps have 32-bit distances too. */
  #entersFunction(slot: number): boolean {
    return this.#bytes[slot * instructionBytes] !== (klass.jmp32 | jumpAlways);
  }

  #arithmetic(of: number, operation: Arithmetic, dst: Register, src: Operand, offset: number): this {
    const code = of | arithmetic[operation];
    if (isRegister(src)) return this.#emit(code | sourceRegister, dst, registerNumber(src), offset, 0);
    const bits = of === klass.alu64 ? 64 : 32;
    const shift = operation === 'lsh' || operation === 'rsh' || operation === 'arsh';
    if (shift && (src < 0 || src >= bits)) throw this.#error(`a shift by ${src} in ${bits} bits`);
    if ((operation === 'div' || operation === 'mod') && src === 0) throw this.#error('division by the constant 0');
    return this.#emit(code, dst, 0, offset, this.#immediate(src, bits));
  }

  #conditional(of: number, left: Register, relation: Condition, right: Operand, label: string): this {
    this.#fixups.push({ slot: this.#slots, label, field: 'offset', base: 1 });
    const code = of | condition[relation];
    if (isRegister(right)) return this.#emit(code | sourceRegister, left, registerNumber(right), 0, 0);
    return this.#emit(code, left, 0, 0, this.#immediate(right, of === klass.jmp ? 64 : 32));
  }

  /** In 32 bits the immediate's upper half does not exist, so 0xffffffff is as good as -1; in 64 bits it is not. */
  #immediate(value: number, bits: 32 | 64): number {
    if (Number.isInteger(value) && value >= -(2 ** 31) && value < (bits === 64 ? 2 ** 31 : 2 ** 32)) return value | 0;
    throw this.#error(`immediate ${value} does not fit 32 bits; use loadImmediate into a register`);
  }

  #descriptor(map: MapReference): number {
    const fd = typeof map === 'number' ? map : map.fd;
    if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fffffff) throw this.#error(`${fd} is no map descriptor`);
    return fd;
  }

  #wide(dst: Register, kind: number, value: bigint): this {
    const low = Number(BigInt.asIntN(32, value));
    const high = Number(BigInt.asIntN(32, value >> 32n));
    this.#emit(klass.ld | mode.imm | widthCode[8], dst, kind, 0, low);
    return this.#emit(0, 'r0', 0, 0, high);
  }

  #emit(code: number, dst: Register, src: number, offset: number, immediate: number): this {
    if (!Number.isInteger(offset) || offset < -32768 || offset > 32767) {
      throw this.#error(`offset ${offset} does not fit 16 bits`);
    }
    if (dst === 'r10' && writesDestination(code)) throw this.#error('r10, the frame pointer, is read only');
    this.#grow();
    const at = this.#slots * instructionBytes;
    this.#bytes[at] = code;
    this.#bytes[at + 1] = (src << 4) | registerNumber(dst);
    this.#view.setInt16(at + 2, offset, true);
    this.#view.setInt32(at + 4, immediate, true);
    this.#slots++;
    return this;
  }

  #grow(): void {
    if ((this.#slots + 1) * instructionBytes <= this.#bytes.length) return;
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #error(reason: string): AssemblyError {
    return new AssemblyError(this.#slots, reason);
  }
}

/** Loads and arithmetic change dst; stores and jumps only read it. */
const writesDestination = (code: number): boolean => {
  const of = code & 0x07;
  return of === klass.ld || of === klass.ldx || of === klass.alu32 || of === klass.alu64;
};
