/** Instructions for tests: any that the assembler can write, and a way to write a decoded one again. */
import fc from 'fast-check';
import type { Arithmetic, Assembler, AtomicOperation, Condition, Operation, Register } from '../src/index.js';

export const operations: readonly Arithmetic[] = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  'mod',
  'xor',
  'mov',
  'arsh',
];
export const relations: readonly Condition[] = ['==', '>', '>=', '&', '!=', 's>', 's>=', '<', '<=', 's<', 's<='];
export const atomics: readonly AtomicOperation[] = [
  'add',
  'or',
  'and',
  'xor',
  'fetch-add',
  'fetch-or',
  'fetch-and',
  'fetch-xor',
  'xchg',
  'cmpxchg',
];

/** Writes a decoded instruction. Labels are slots: "@7" must be defined where the program has slot 7. */
export function write(assembler: Assembler, operation: Operation): Assembler {
  switch (operation.kind) {
    case 'alu': {
      const { operation: name, bits, dst, src } = operation;
      if (operation.signed) {
        if (name !== 'div' && name !== 'mod') throw new Error(`signed ${name}`);
        return assembler.signedDivision(name, dst, src, bits);
      }
      return bits === 64 ? assembler.alu(name, dst, src) : assembler.alu32(name, dst, src);
    }
    case 'mov-signed': {
      const { bits, dst, src, from } = operation;
      if (bits === 64) return assembler.movSigned(dst, src, from);
      if (from === 32) throw new Error('32 bits to 32 bits');
      return assembler.movSigned32(dst, src, from);
    }
    case 'neg':
      return assembler.neg(operation.dst, operation.bits);
    case 'endian':
      if (operation.order === 'bswap') return assembler.byteSwap(operation.dst, operation.bits);
      return assembler.toEndian(operation.order, operation.dst, operation.bits);
    case 'immediate':
      return assembler.loadImmediate(operation.dst, operation.value);
    case 'map': {
      const { dst, fd, valueOffset } = operation;
      return valueOffset === undefined ? assembler.loadMap(dst, fd) : assembler.loadMapValue(dst, fd, valueOffset);
    }
    case 'function':
      return assembler.loadFunction(operation.dst, `@${operation.target}`);
    case 'load': {
      const { dst, base, offset, width } = operation;
      if (!operation.signed) return assembler.load(dst, base, offset, width);
      if (width === 8) throw new Error('a signed load of 8 bytes');
      return assembler.loadSigned(dst, base, offset, width);
    }
    case 'store':
      return assembler.store(operation.base, operation.offset, operation.src, operation.width);
    case 'atomic':
      return assembler.atomic(operation.operation, operation.base, operation.offset, operation.src, operation.width);
    case 'jump':
      return operation.far ? assembler.jumpFar(`@${operation.target}`) : assembler.jump(`@${operation.target}`);
    case 'jump-if': {
      const { bits, left, relation, right, target } = operation;
      if (bits === 64) return assembler.jumpIf(left, relation, right, `@${target}`);
      return assembler.jumpIf32(left, relation, right, `@${target}`);
    }
    case 'call':
      return assembler.call(operation.helper);
    case 'call-local':
      return assembler.callLocal(`@${operation.target}`);
    case 'exit':
      return assembler.exit();
    case 'call-kernel':
    case 'unknown':
      throw new Error(`the assembler does not write ${operation.kind}`);
  }
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const offset = fc.integer({ min: -32768, max: 32767 });
const bits = fc.constantFrom<32 | 64>(32, 64);
const register = fc.integer({ min: 0, max: 10 }).map((number) => `r${number}` as Register);
const writable = fc.integer({ min: 0, max: 9 }).map((number) => `r${number}` as Register);
const width = fc.constantFrom<1 | 2 | 4 | 8>(1, 2, 4, 8);

const storable = (bytes: 1 | 2 | 4 | 8): fc.Arbitrary<number> =>
  bytes >= 4 ? int32 : fc.integer({ min: -(2 ** (bytes * 8 - 1)), max: 2 ** (bytes * 8) - 1 });

/** Any operation, its targets among `targets`. */
export const anyOperation = (targets: fc.Arbitrary<number>): fc.Arbitrary<Operation> =>
  fc.oneof(
    fc
      .record({
        operation: fc.constantFrom(...operations),
        bits,
        dst: writable,
        src: fc.oneof(register, int32),
        signed: fc.boolean(),
      })
      .map(({ operation, bits: size, dst, src, signed }): Operation => {
        const division = operation === 'div' || operation === 'mod';
        const shift = operation === 'lsh' || operation === 'rsh' || operation === 'arsh';
        const legal = typeof src === 'string' ? src : shift ? (src >>> 0) % size : division && src === 0 ? 1 : src;
        return { kind: 'alu', operation, bits: size, dst, src: legal, signed: signed && division };
      }),
    fc.record({
      kind: fc.constant('mov-signed' as const),
      bits,
      dst: writable,
      src: register,
      from: fc.constantFrom<8 | 16>(8, 16),
    }),
    fc.record({ kind: fc.constant('neg' as const), bits, dst: writable }),
    fc.record({
      kind: fc.constant('endian' as const),
      order: fc.constantFrom<'le' | 'be' | 'bswap'>('le', 'be', 'bswap'),
      bits: fc.constantFrom<16 | 32 | 64>(16, 32, 64),
      dst: writable,
    }),
    fc.record({
      kind: fc.constant('immediate' as const),
      dst: writable,
      value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    }),
    fc.record({
      kind: fc.constant('map' as const),
      dst: writable,
      fd: fc.nat(2 ** 31 - 1),
      valueOffset: fc.option(fc.nat(2 ** 31 - 1), { nil: undefined }),
    }),
    fc.record({ kind: fc.constant('function' as const), dst: writable, target: targets }),
    fc
      .record({ dst: writable, base: register, offset, width, signed: fc.boolean() })
      .map((load): Operation => ({ kind: 'load', ...load, signed: load.signed && load.width !== 8 })),
    width.chain((bytes) =>
      fc.record({
        kind: fc.constant('store' as const),
        base: register,
        offset,
        src: fc.oneof(register, storable(bytes)),
        width: fc.constant(bytes),
      }),
    ),
    fc.record({
      kind: fc.constant('atomic' as const),
      operation: fc.constantFrom(...atomics),
      base: register,
      offset,
      src: register,
      width: fc.constantFrom<4 | 8>(4, 8),
    }),
    fc.record({ kind: fc.constant('jump' as const), target: targets, far: fc.boolean() }),
    fc.record({
      kind: fc.constant('jump-if' as const),
      bits,
      left: register,
      relation: fc.constantFrom(...relations),
      right: fc.oneof(register, int32),
      target: targets,
    }),
    fc.record({ kind: fc.constant('call' as const), helper: fc.nat(300) }),
    fc.record({ kind: fc.constant('call-local' as const), target: targets }),
    fc.constant<Operation>({ kind: 'exit' }),
  );
