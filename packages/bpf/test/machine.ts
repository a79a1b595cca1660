/** What eBPF instructions compute, by the instruction-set document, over bigints: nothing of the package is used. */
import type { Operand, Operation, Register } from '../src/index.js';

type Registers = Map<Register, bigint>;

const unsigned = (bits: number, value: bigint): bigint => BigInt.asUintN(bits, value);
const signedValue = (bits: number, value: bigint): bigint => BigInt.asIntN(bits, value);

function compute(operation: string, bits: 32 | 64, left: bigint, right: bigint, isSigned: boolean): bigint {
  const [a, b] = [unsigned(bits, left), unsigned(bits, right)];
  const [sa, sb] = [signedValue(bits, left), signedValue(bits, right)];
  const shift = b & BigInt(bits - 1);
  switch (operation) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return b === 0n ? 0n : isSigned ? sa / sb : a / b;
    case 'mod':
      return b === 0n ? a : isSigned ? sa % sb : a % b;
    case 'or':
      return a | b;
    case 'and':
      return a & b;
    case 'xor':
      return a ^ b;
    case 'lsh':
      return a << shift;
    case 'rsh':
      return a >> shift;
    case 'arsh':
      return sa >> shift;
    case 'mov':
      return b;
    default:
      throw new Error(`no such operation: ${operation}`);
  }
}

const swap = (value: bigint, bits: number): bigint => {
  const bytes = Array.from({ length: bits / 8 }, (_, index) => (value >> BigInt(index * 8)) & 0xffn);
  return bytes.reduce((whole, byte) => (whole << 8n) | byte, 0n);
};

/** Carries out one instruction that only touches registers. */
export function execute(registers: Registers, operation: Operation): void {
  const read = (operand: Operand): bigint =>
    typeof operand === 'number' ? unsigned(64, BigInt(operand)) : (registers.get(operand) ?? 0n);
  const set = (register: Register, bits: number, value: bigint): void => {
    registers.set(register, unsigned(bits, value));
  };
  switch (operation.kind) {
    case 'alu': {
      const { operation: name, bits, dst, src, signed } = operation;
      set(dst, bits, compute(name, bits, read(dst), read(src), signed));
      return;
    }
    case 'mov-signed':
      set(operation.dst, operation.bits, signedValue(operation.from, read(operation.src)));
      return;
    case 'neg':
      set(operation.dst, operation.bits, -read(operation.dst));
      return;
    case 'endian': {
      const { order, bits, dst } = operation;
      // x86-64 and arm64 are little endian: "le" only cuts.
      set(dst, bits, order === 'le' ? read(dst) : swap(read(dst), bits));
      return;
    }
    case 'immediate':
      set(operation.dst, 64, operation.value);
      return;
    default:
      throw new Error(`${operation.kind} touches more than registers`);
  }
}

/** Whether a conditional jump is taken. */
export function taken(relation: string, bits: 32 | 64, left: bigint, right: bigint): boolean {
  const [a, b] = [unsigned(bits, left), unsigned(bits, right)];
  const [sa, sb] = [signedValue(bits, left), signedValue(bits, right)];
  switch (relation) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case 's>':
      return sa > sb;
    case 's>=':
      return sa >= sb;
    case 's<':
      return sa < sb;
    case 's<=':
      return sa <= sb;
    case '&':
      return (a & b) !== 0n;
    default:
      throw new Error(`no such relation: ${relation}`);
  }
}
