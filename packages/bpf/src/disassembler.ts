import { helperName } from './helper-functions.js';
import { decode, type Instruction, type Operation } from './instruction.js';
import { type Arithmetic, isRegister, type Operand, type Register, type Width } from './isa.js';

/** One instruction as text. */
export interface DisassembledInstruction extends Instruction {
  /** In the words of the kernel's verifier log (kernel/bpf/disasm.c): "r0 = *(u64 *)(r1 +8)", "if r0 == 0x0 goto pc+3". */
  readonly text: string;
}

const symbols: Readonly<Record<Arithmetic, string>> = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
};

/** Every instruction of a program, in the order of its slots. Throws RangeError for half an instruction. */
export const disassemble = (program: Uint8Array): readonly DisassembledInstruction[] =>
  decode(program).map((instruction) => ({ ...instruction, text: format(instruction.operation, instruction.slot) }));

/** A listing of one line each: slot, opcode, text. */
export const listing = (program: Uint8Array): string =>
  disassemble(program)
    .map(({ slot, opcode, text }) => `${String(slot).padStart(4)}: (${opcode.toString(16).padStart(2, '0')}) ${text}\n`)
    .join('');

const named = (register: Register, bits: 32 | 64): string => (bits === 64 ? register : register.replace('r', 'w'));
const value = (operand: Operand, bits: 32 | 64): string => (isRegister(operand) ? named(operand, bits) : `${operand}`);
const signed = (number: number): string => (number < 0 ? `${number}` : `+${number}`);
const place = (base: Register, offset: number, width: Width, letter = 'u'): string =>
  `(${letter}${width * 8} *)(${base} ${signed(offset)})`;

function format(operation: Operation, slot: number): string {
  const distance = (target: number): string => signed(target - slot - 1);
  switch (operation.kind) {
    case 'alu': {
      const { operation: name, bits, dst, src } = operation;
      return `${named(dst, bits)} ${operation.signed ? 's' : ''}${symbols[name]} ${value(src, bits)}`;
    }
    case 'mov-signed': {
      const { bits, dst, src, from } = operation;
      return `${named(dst, bits)} = (s${from})${named(src, bits)}`;
    }
    case 'neg':
      return `${named(operation.dst, operation.bits)} = -${named(operation.dst, operation.bits)}`;
    case 'endian':
      return `${operation.dst} = ${operation.order}${operation.bits} ${operation.dst}`;
    case 'immediate':
      return `${operation.dst} = 0x${operation.value.toString(16)}`;
    case 'map': {
      const { dst, fd, valueOffset } = operation;
      return `${dst} = map[fd:${fd}]${valueOffset === undefined ? '' : `[0]+${valueOffset}`}`;
    }
    case 'function':
      return `${operation.dst} = subprog[${distance(operation.target)}]`;
    case 'load': {
      const { dst, base, offset, width } = operation;
      return `${dst} = *${place(base, offset, width, operation.signed ? 's' : 'u')}`;
    }
    case 'store':
      return `*${place(operation.base, operation.offset, operation.width)} = ${operation.src}`;
    case 'atomic':
      return formatAtomic(operation);
    case 'jump':
      return `${operation.far ? 'gotol' : 'goto'} pc${distance(operation.target)}`;
    case 'jump-if': {
      const { bits, left, relation, right, target } = operation;
      const other = isRegister(right) ? named(right, bits) : `0x${(right >>> 0).toString(16)}`;
      return `if ${named(left, bits)} ${relation} ${other} goto pc${distance(target)}`;
    }
    case 'call': {
      const name = operation.helper === 0 ? undefined : helperName(operation.helper);
      return `call ${name === undefined ? 'unknown' : `bpf_${name}`}#${operation.helper}`;
    }
    case 'call-local':
      return `call pc${distance(operation.target)}`;
    case 'call-kernel':
      return `call kernel-function#${operation.btfId}`;
    case 'exit':
      return 'exit';
    case 'unknown':
      return `unknown opcode ${operation.opcode.toString(16).padStart(2, '0')}`;
  }
}

function formatAtomic({ operation, base, offset, src, width }: Operation & { readonly kind: 'atomic' }): string {
  const memory = place(base, offset, width);
  const name = `atomic${width === 8 ? '64' : ''}`;
  switch (operation) {
    case 'add':
    case 'or':
    case 'and':
    case 'xor':
      return `lock *${memory} ${symbols[operation]} ${src}`;
    case 'xchg':
      return `${src} = ${name}_xchg(${memory}, ${src})`;
    case 'cmpxchg':
      return `r0 = ${name}_cmpxchg(${memory}, r0, ${src})`;
    default:
      return `${src} = ${name}_${operation.replace('-', '_')}(${memory}, ${src})`;
  }
}
