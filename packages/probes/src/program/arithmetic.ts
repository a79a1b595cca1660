/** Go's integer arithmetic and IEEE comparisons on r8 and r9, result in r8. Uses r0-r5; nothing here calls a helper. */
import type { Assembler, Condition } from '@probelens/bpf';
import type { ArithmeticOperator, ComparisonOperator, IntegerType } from '../plan/expression.js';

/** Cuts a register to a type's width and extends it back to 64 bits: Go's wrap-around. */
export const emitCut = (assembler: Assembler, register: 'r8' | 'r9', type: IntegerType): void => {
  if (type.width === 8) return;
  const unused = 64 - type.width * 8;
  assembler.lsh(register, unused);
  if (type.signed) assembler.arsh(register, unused);
  else assembler.rsh(register, unused);
};

/**
 * Truncated signed division by way of the unsigned one, which every kernel has. The smallest integer divided by -1 wraps
 * around, as in Go: its magnitude, taken as unsigned, is right.
 */
const emitSignedDivision = (assembler: Assembler, operator: 'div' | 'rem'): void => {
  const positive = assembler.freshLabel('dividend');
  const nonNegative = assembler.freshLabel('divisor');
  const done = assembler.freshLabel('quotient');
  // r1: whether the result is negative. A remainder has the dividend's sign.
  assembler.mov('r1', 0);
  assembler.jumpIf('r8', 's>=', 0, positive).neg('r8').xor('r1', 1).label(positive);
  assembler.jumpIf('r9', 's>=', 0, nonNegative).neg('r9');
  if (operator === 'div') assembler.xor('r1', 1);
  assembler.label(nonNegative);
  if (operator === 'div') assembler.div('r8', 'r9');
  else assembler.mod('r8', 'r9');
  assembler.jumpIf('r1', '==', 0, done).neg('r8').label(done);
};

/** Go shifts by any count: all bits leave, and BPF would take the count modulo 64. */
const emitShift = (assembler: Assembler, operator: 'shl' | 'shr', type: IntegerType): void => {
  const bits = type.width * 8;
  const inRange = assembler.freshLabel('shift');
  const done = assembler.freshLabel('shifted');
  assembler.jumpIf('r9', '<', bits, inRange);
  if (operator === 'shr' && type.signed) assembler.mov('r9', 63);
  else assembler.mov('r8', 0).jump(done);
  assembler.label(inRange);
  if (operator === 'shl') assembler.lsh('r8', 'r9');
  else if (type.signed) assembler.arsh('r8', 'r9');
  else assembler.rsh('r8', 'r9');
  assembler.label(done);
};

/** r8 = r8 operator r9 in the given type; a division by zero goes to `fault`. */
export const emitArithmetic = (
  assembler: Assembler,
  operator: ArithmeticOperator,
  type: IntegerType,
  fault: string,
): void => {
  switch (operator) {
    case 'add':
    case 'sub':
    case 'mul':
    case 'and':
    case 'or':
    case 'xor':
      assembler.alu(operator, 'r8', 'r9');
      break;
    case 'and-not':
      assembler.xor('r9', -1).and('r8', 'r9');
      break;
    case 'div':
    case 'rem':
      assembler.jumpIf('r9', '==', 0, fault);
      if (type.signed) emitSignedDivision(assembler, operator);
      else assembler.alu(operator === 'div' ? 'div' : 'mod', 'r8', 'r9');
      break;
    case 'shl':
    case 'shr':
      emitShift(assembler, operator, type);
      break;
  }
  emitCut(assembler, 'r8', type);
};

interface FloatComparison {
  readonly operator: ComparisonOperator;
  readonly width: 4 | 8;
  readonly special: 'ieee' | 'fault';
}

/** Goes to `special` when the bits are a NaN, and with `infinities` an infinity as well. Uses r1 and r2. */
const emitSpecialTest = (
  assembler: Assembler,
  register: 'r8' | 'r9',
  width: 4 | 8,
  infinities: boolean,
  special: string,
): void => {
  const infinity = width === 8 ? 0x7ff0000000000000n : 0x7f800000n;
  assembler
    .mov('r1', register)
    .lsh('r1', 65 - width * 8)
    .rsh('r1', 65 - width * 8);
  assembler.loadImmediate('r2', infinity);
  assembler.jumpIf('r1', infinities ? '>=' : '>', 'r2', special);
};

/**
 * Bits to a signed integer of the same order: a negative number n (as an integer) becomes the smallest integer minus n,
 * so that both zeros become 0.
 */
const emitOrder = (assembler: Assembler, register: 'r8' | 'r9', width: 4 | 8): void => {
  const done = assembler.freshLabel('ordered');
  emitCut(assembler, register, { width, signed: true });
  assembler.jumpIf(register, 's>=', 0, done);
  assembler.loadImmediate('r1', width === 8 ? -(2n ** 63n) : -(2n ** 31n)).sub('r1', register);
  assembler.mov(register, 'r1').label(done);
};

/** r8 = 1 if the numbers whose bits are in r8 and r9 compare as asked, else 0. */
export const emitFloatComparison = (
  assembler: Assembler,
  node: FloatComparison,
  relation: Condition,
  fault: string,
): void => {
  const yes = assembler.freshLabel('yes');
  const done = assembler.freshLabel('compared');
  const unordered = assembler.freshLabel('unordered');
  const special = node.special === 'fault' ? fault : unordered;
  for (const register of ['r8', 'r9'] as const) {
    emitSpecialTest(assembler, register, node.width, node.special === 'fault', special);
    emitOrder(assembler, register, node.width);
  }
  assembler.jumpIf('r8', relation, 'r9', yes);
  assembler.mov('r8', 0).jump(done);
  // NaN is unequal to everything, itself included, and in no other relation. The verifier wants no unreachable code.
  if (special === unordered)
    assembler
      .label(unordered)
      .mov('r8', node.operator === 'ne' ? 1 : 0)
      .jump(done);
  assembler.label(yes).mov('r8', 1).label(done);
};
