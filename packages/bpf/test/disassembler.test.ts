import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import {
  Assembler,
  createMap,
  type DisassembledInstruction,
  decode,
  disassemble,
  listing,
  loadProgram,
  VerifierError,
} from '../src/index.js';
import { anyOperation, atomics, operations, relations, write } from './instructions.js';

/** Every byte that is an opcode with some fields. */
const opcodes = Array.from({ length: 256 }, (_, opcode) => opcode).filter((opcode) =>
  [0, 1, 0x10, 0xdb].some(
    (byte) => decode(Uint8Array.of(opcode, byte, 0, 0, 0, 0, 0, 0))[0]?.operation.kind !== 'unknown',
  ),
);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('round trip', () => {
  it('decodes every operation that the assembler writes back to itself', () => {
    fc.assert(
      fc.property(fc.array(anyOperation(fc.nat(30)), { minLength: 1, maxLength: 30 }), (program) => {
        // Targets are instructions here; their slots are known when all are placed.
        const slots: number[] = [];
        let slot = 0;
        for (const { kind } of program) {
          slots.push(slot);
          slot += kind === 'immediate' || kind === 'map' || kind === 'function' ? 2 : 1;
        }
        const placed = program.map((operation) =>
          'target' in operation ? { ...operation, target: slots[operation.target % program.length] ?? 0 } : operation,
        );
        const assembler = new Assembler();
        for (const [index, operation] of placed.entries()) {
          write(assembler.label(`@${slots[index]}`), operation);
        }
        const decoded = decode(assembler.assemble());
        expect(decoded.map(({ operation }) => operation)).toEqual(placed);
        expect(decoded.map((instruction) => instruction.slot)).toEqual(slots);
      }),
      { numRuns: 500 },
    );
  });

  it('writes any bytes that it can decode back as they were, and never throws', () => {
    const slot = fc.uint8Array({ minLength: 8, maxLength: 8 });
    // Mostly zero fields, else hardly any random slot would be an instruction.
    const likely = fc
      .record({
        opcode: fc.constantFrom(...opcodes),
        registers: fc.tuple(fc.nat(9), fc.constantFrom(0, 0, 1, 10)).map(([dst, src]) => (src << 4) | dst),
        offset: fc.constantFrom(0, 0, 1, 8),
        immediate: fc.constantFrom(0, 0, 1, 16, 0xa1),
      })
      .map(({ opcode, registers, offset, immediate }) =>
        Uint8Array.of(opcode, registers, offset, 0, immediate, 0, 0, 0),
      );
    let known = 0;
    fc.assert(
      fc.property(fc.array(fc.oneof(slot, likely), { maxLength: 20 }), (parts) => {
        const program = Buffer.concat(parts);
        for (const { slot: at, slots, operation } of disassemble(program)) {
          if (operation.kind === 'unknown' || operation.kind === 'call-kernel') continue;
          known++;
          const assembler = new Assembler();
          if ('target' in operation) {
            // Its distance, from slot 0 of a program of its own: only forward ones can be labelled there.
            const distance = operation.target - at;
            if (distance <= 0 || distance > 20) continue;
            write(assembler, { ...operation, target: distance });
            while (assembler.length < distance) assembler.mov('r0', 0);
            assembler.label(`@${distance}`).exit();
          } else write(assembler, operation);
          expect(hex(assembler.assemble().subarray(0, slots * 8))).toBe(
            hex(program.subarray(at * 8, (at + slots) * 8)),
          );
        }
      }),
      { numRuns: 1000 },
    );
    expect(known).toBeGreaterThan(500);
  });

  it('lists a program', () => {
    const program = new Assembler().loadMap('r1', 5).jump('end').label('end').mov('r0', 0).exit().assemble();
    expect(listing(program)).toBe(
      '   0: (18) r1 = map[fd:5]\n   2: (05) goto pc+0\n   3: (b7) r0 = 0\n   4: (95) exit\n',
    );
    expect(() => disassemble(new Uint8Array(7))).toThrow(RangeError);
  });
});

/** Every form once, in an order that the verifier walks through from the top; refused at its last instruction. */
function everything(map: number, value: number): Assembler {
  const assembler = new Assembler().mov('r6', 'r1').mov('r7', -8).mov32('r8', 5).mov32('r9', 'r8');
  for (const operation of operations) {
    assembler.alu(operation, 'r7', 3).alu(operation, 'r7', 'r8').alu32(operation, 'r8', 3).alu32(operation, 'r8', 'r9');
  }
  assembler.signedDivision('div', 'r7', 3).signedDivision('mod', 'r7', 'r8');
  assembler.signedDivision('div', 'r8', -3, 32).signedDivision('mod', 'r8', 'r9', 32);
  for (const from of [8, 16, 32] as const) assembler.movSigned('r7', 'r8', from);
  for (const from of [8, 16] as const) assembler.movSigned32('r7', 'r8', from);
  assembler.neg('r7').neg('r7', 32);
  for (const bits of [16, 32, 64] as const) {
    assembler.toEndian('le', 'r7', bits).toEndian('be', 'r7', bits).byteSwap('r7', bits);
  }
  assembler.loadImmediate('r3', 0x1122334455667788n).loadMap('r1', map).loadMapValue('r2', value, 8);
  assembler.store('r10', -16, -1).store('r10', -24, 0);
  for (const width of [8, 4, 2, 1] as const) {
    assembler.store('r10', -8, 'r7', width).store('r10', -8, 7, width).load('r4', 'r10', -8, width);
  }
  for (const width of [1, 2, 4] as const) assembler.loadSigned('r4', 'r10', -8, width);
  assembler.load('r5', 'r6', 8).mov('r0', 0);
  for (const operation of atomics) assembler.atomic(operation, 'r10', -8, 'r7').atomic(operation, 'r10', -16, 'r7', 4);
  assembler.jump('near').label('near').jumpFar('far').label('far').call('ktime_get_ns').callLocal('sub');
  // A context word is anything, so both ways stay open.
  const unknown = () => assembler.load('r7', 'r6', 8).load('r8', 'r6', 16);
  for (const relation of relations) {
    unknown().jumpIf('r7', relation, -5, 'refused');
    unknown().jumpIf('r7', relation, 'r8', 'refused');
    unknown().jumpIf32('r7', relation, 5, 'refused');
    unknown().jumpIf32('r7', relation, 'r8', 'refused');
  }
  return assembler.label('refused').load('r0', 'r9', 0).exit().label('sub').mov('r0', 0).exit();
}

describe.skipIf(requirement('kernel').missing)('text', () => {
  it('is that of the kernel’s own disassembler', () => {
    const ring = createMap({ type: 'ringbuf', name: 'ring', maxEntries: 65_536 });
    const array = createMap({ type: 'array', name: 'array', valueSize: 16, maxEntries: 1 });
    const program = everything(ring.fd, array.fd).assemble();
    let log = '';
    try {
      loadProgram({ type: 'kprobe', name: 'refused', instructions: program });
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      log = error.log;
    }
    ring.close();
    array.close();
    const kernel = new Map<number, string>();
    for (const [, slot, opcode, text = ''] of log.matchAll(/^(\d+): \(([0-9a-f]{2})\) (.*?)\s*(?:;.*)?$/gm)) {
      kernel.set(Number(slot), `(${opcode}) ${text}`);
    }
    const ours = disassemble(program).filter(({ slot }) => kernel.has(slot));
    // The verifier stops at the refused load, behind which are only its exit and the subprogram.
    const kinds = (all: readonly DisassembledInstruction[]) => new Set(all.map(({ operation: { kind } }) => kind));
    expect(kinds(ours)).toEqual(kinds(disassemble(program)));
    expect(ours.length).toBeGreaterThanOrEqual(disassemble(program).length - 3);
    // Maps have become addresses in the log.
    const same = ours.filter(({ operation: { kind } }) => kind !== 'map');
    expect(same.map(({ slot, opcode, text }) => [slot, `(${opcode.toString(16).padStart(2, '0')}) ${text}`])).toEqual(
      same.map(({ slot }) => [slot, kernel.get(slot)]),
    );
  });

  const bpftool = findProgram('bpftool');
  it.skipIf(bpftool === undefined)('is that of bpftool for a loaded program', () => {
    const assembler = new Assembler().mov('r6', 'r1').call('ktime_get_ns').store('r10', -8, 'r0');
    assembler.loadImmediate('r3', 0x1122334455667788n).atomic('fetch-add', 'r10', -8, 'r3').load('r1', 'r6', 16);
    assembler.jumpIf('r1', 's<=', -7, 'out').add('r0', 'r3').label('out').mov('r0', 0).exit();
    const program = assembler.assemble();
    const loaded = loadProgram({ type: 'kprobe', name: 'dumped', instructions: program });
    const dump = spawnSync(bpftool ?? '', ['prog', 'dump', 'xlated', 'id', `${loaded.id}`], { encoding: 'utf8' });
    loaded.close();
    const lines = dump.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trim());
    // In a loaded program a helper's number is its address: bpftool prints that behind the name.
    const expected = disassemble(program).map(({ slot, opcode, text }) =>
      `${slot}: (${opcode.toString(16).padStart(2, '0')}) ${text}`.replace(/(call \w+)#\d+/, '$1'),
    );
    expect(lines.map((line) => line.replace(/(call \w+)#-?\d+/, '$1'))).toEqual(expected);
  });
});
