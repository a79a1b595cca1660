import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import { Assembler, type BpfMap, createMap, loadProgram, type Operation, type Register, u32 } from '../src/index.js';
import { anyOperation, atomics, relations, write } from './instructions.js';
import { execute, taken } from './machine.js';

/** A socket filter is run with a packet; an Ethernet header is the least. */
const packet = new Uint8Array(64);
const resultRegisters: readonly Register[] = ['r6', 'r7', 'r8', 'r9'];

/** Numbers around which arithmetic goes wrong. */
const edges = [
  0n,
  1n,
  2n,
  31n,
  32n,
  63n,
  64n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const word = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

/** Operations on r6 ... r9 alone. */
const arithmetic: fc.Arbitrary<Operation> = anyOperation(fc.constant(0))
  .filter(
    ({ kind }) =>
      kind === 'alu' || kind === 'mov-signed' || kind === 'neg' || kind === 'endian' || kind === 'immediate',
  )
  .map((operation) => {
    const within = (register: Register): Register => `r${6 + (Number(register.slice(1)) % 4)}` as Register;
    const changed = { ...operation } as Record<string, unknown>;
    for (const name of ['dst', 'src'])
      if (typeof changed[name] === 'string') changed[name] = within(changed[name] as Register);
    return changed as unknown as Operation;
  });

describe.skipIf(requirement('kernel').missing)(
  'assembled programs compute in the kernel what the document says',
  () => {
    let results: BpfMap;
    beforeAll(() => {
      results = createMap({ type: 'array', name: 'results', valueSize: 8 * resultRegisters.length, maxEntries: 1 });
    });
    afterAll(() => results.close());

    /** Runs the program with r6-r9 set, and gives what it leaves in them. */
    const run = (
      start: readonly bigint[],
      body: (assembler: Assembler) => void,
      subprograms: (assembler: Assembler) => void = () => undefined,
    ): readonly bigint[] => {
      const assembler = new Assembler();
      for (const [index, register] of resultRegisters.entries()) assembler.loadImmediate(register, start[index] ?? 0n);
      body(assembler);
      assembler.loadMapValue('r1', results);
      for (const [index, register] of resultRegisters.entries()) assembler.store('r1', index * 8, register);
      subprograms(assembler.mov('r0', 0).exit());
      const instructions = assembler.assemble();
      const program = loadProgram({ type: 'socket-filter', name: 'machine', instructions });
      program.testRun(packet);
      program.close();
      const value = results.lookup(u32(0)) ?? new Uint8Array(0);
      return [...new BigUint64Array(value.buffer)];
    };

    const start = fc.tuple(word, word, word, word);

    it('arithmetic of both widths and signs, shifts, moves, byte orders', () => {
      fc.assert(
        fc.property(start, fc.array(arithmetic, { minLength: 1, maxLength: 40 }), (values, operations) => {
          const expected = new Map(resultRegisters.map((register, index) => [register, values[index] ?? 0n]));
          for (const operation of operations) execute(expected, operation);
          const actual = run(values, (assembler) => {
            for (const operation of operations) write(assembler, operation);
          });
          expect(actual).toEqual(resultRegisters.map((register) => expected.get(register)));
        }),
        { numRuns: 300 },
      );
    });

    it('every comparison, of registers and immediates, in 32 and 64 bits', () => {
      const comparison = fc.record({
        relation: fc.constantFrom(...relations),
        bits: fc.constantFrom<32 | 64>(32, 64),
        immediate: fc.option(fc.oneof(fc.constantFrom(0, -1, 1, 2 ** 31 - 1, -(2 ** 31)), fc.integer()), {
          nil: undefined,
        }),
      });
      fc.assert(
        fc.property(
          word,
          fc.oneof(word, fc.constant(undefined)),
          fc.array(comparison, { minLength: 1, maxLength: 40 }),
          (left, other, all) => {
            const right = other ?? left;
            let expected = 0n;
            for (const { relation, bits, immediate } of all) {
              const against = immediate === undefined ? right : BigInt.asUintN(64, BigInt(immediate));
              expected = (expected << 1n) | (taken(relation, bits, left, against) ? 1n : 0n);
            }
            const [actual] = run([0n, left, right], (assembler) => {
              for (const { relation, bits, immediate } of all) {
                const yes = assembler.freshLabel();
                const source = immediate ?? 'r8';
                assembler.lsh('r6', 1).or('r6', 1);
                if (bits === 64) assembler.jumpIf('r7', relation, source, yes);
                else assembler.jumpIf32('r7', relation, source, yes);
                assembler.xor('r6', 1).label(yes);
              }
            });
            expect(actual).toBe(expected);
          },
        ),
        { numRuns: 200 },
      );
    });

    it.each(atomics.flatMap((operation) => [[operation, 4] as const, [operation, 8] as const]))(
      'atomic %s of %i bytes',
      (operation, width) => {
        const bits = width * 8;
        const cut = (value: bigint): bigint => BigInt.asUintN(bits, value);
        fc.assert(
          fc.property(word, word, word, (memory, operand, compare) => {
            const plain = operation.replace('fetch-', '');
            const fetches = plain !== operation || plain === 'xchg';
            let after = memory;
            if (plain === 'add') after = memory + operand;
            else if (plain === 'or') after = memory | operand;
            else if (plain === 'and') after = memory & operand;
            else if (plain === 'xor') after = memory ^ operand;
            else if (plain === 'xchg') after = operand;
            else if (cut(memory) === cut(compare)) after = operand;
            const [inMemory, inSource, inResult] = run([operand, compare, memory], (assembler) => {
              assembler.store('r10', -8, 'r8').mov('r0', 'r7').atomic(operation, 'r10', -8, 'r6', width);
              assembler.mov('r7', 'r6').mov('r8', 'r0').load('r6', 'r10', -8);
            });
            // A 4-byte operation leaves the upper half of the memory.
            expect(inMemory).toBe(width === 8 ? cut(after) : (memory & ~0xffffffffn) | cut(after));
            expect(inSource).toBe(fetches ? cut(memory) : operand);
            expect(inResult).toBe(plain === 'cmpxchg' ? cut(memory) : compare);
          }),
          { numRuns: 25 },
        );
      },
    );

    it('loads and stores of every width and sign', () => {
      fc.assert(
        fc.property(
          word,
          fc.constantFrom<1 | 2 | 4 | 8>(1, 2, 4, 8),
          fc.integer({ min: -128, max: 127 }),
          (value, width, immediate) => {
            const bits = width * 8;
            const [unsigned, signed, stored] = run([0n, 0n, 0n, value], (assembler) => {
              assembler.store('r10', -8, 0).store('r10', -8, 'r9', width).load('r6', 'r10', -8, width);
              if (width === 8) assembler.load('r7', 'r10', -8);
              else assembler.loadSigned('r7', 'r10', -8, width);
              assembler.store('r10', -8, immediate, width).load('r8', 'r10', -8, width);
            });
            expect(unsigned).toBe(BigInt.asUintN(bits, value));
            expect(signed).toBe(BigInt.asUintN(64, BigInt.asIntN(bits, value)));
            expect(stored).toBe(BigInt.asUintN(bits, BigInt(immediate)));
          },
        ),
        { numRuns: 60 },
      );
    });

    it('subprograms and far jumps', () => {
      const [sum] = run(
        [0n, 10n],
        (assembler) => {
          assembler.jumpFar('again').label('never').mov('r6', 0);
          assembler.label('again').mov('r1', 'r7').callLocal('double').add('r6', 'r0');
          assembler.jumpIf('r7', '==', 0, 'never').sub('r7', 1).jumpIf('r7', '!=', 0, 'again');
        },
        (assembler) => assembler.label('double').mov('r0', 'r1').add('r0', 'r1').exit(),
      );
      expect(sum).toBe(110n);
    });

    it('a subprogram as the body of the helper "loop", with its name', () => {
      const assembler = new Assembler();
      assembler.store('r10', -8, 0).mov('r1', 1000).loadFunction('r2', 'add_index').mov('r3', 'r10').add('r3', -8);
      assembler.mov('r4', 0).call('loop').load('r1', 'r10', -8).loadMapValue('r2', results).store('r2', 0, 'r1');
      assembler.mov('r0', 0).exit();
      assembler.label('add_index').load('r3', 'r2', 0).add('r3', 'r1').store('r2', 0, 'r3').mov('r0', 0).exit();
      const functions = assembler.functions('sum_indexes');
      expect(functions.map(({ name }) => name)).toEqual(['sum_indexes', 'add_index']);
      const options = { type: 'socket-filter', name: 'loop', functions, instructions: assembler.assemble() } as const;
      const program = loadProgram(options);
      program.testRun(packet);
      expect(results.sum(u32(0))).toBe((999n * 1000n) / 2n);
      const bpftool = findProgram('bpftool');
      if (bpftool !== undefined) {
        const dump = spawnSync(bpftool, ['prog', 'dump', 'xlated', 'id', `${program.id}`], { encoding: 'utf8' });
        expect(dump.stdout).toMatch(/^int sum_indexes\((void)?\):$/m);
        expect(dump.stdout).toMatch(/^int add_index\((void)?\):$/m);
      }
      program.close();
    });
  },
);
