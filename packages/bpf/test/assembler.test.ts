import { describe, expect, it } from 'vitest';
import { Assembler, AssemblyError } from '../src/index.js';

const words = (assembler: Assembler): readonly string[] => {
  const program = Buffer.from(assembler.assemble());
  return Array.from({ length: program.length / 8 }, (_, slot) => program.toString('hex', slot * 8, slot * 8 + 8));
};

/**
 * Opcode, registers, offset, immediate. Encoded by LLVM 14 (llvm-mc -triple bpfel) but for what came later (s/=, s%=,
 * sign extension, bswap, from the instruction-set document).
 */
const encodings: readonly (readonly [string, Assembler, string])[] = [
  ['r6 = r1', new Assembler().mov('r6', 'r1'), 'bf16000000000000'],
  ['r2 = -8', new Assembler().mov('r2', -8), 'b7020000f8ffffff'],
  ['w0 = 4294967295', new Assembler().mov32('r0', 0xffffffff), 'b4000000ffffffff'],
  ['r2 += -8', new Assembler().add('r2', -8), '07020000f8ffffff'],
  ['r1 -= r2', new Assembler().sub('r1', 'r2'), '1f21000000000000'],
  ['r3 <<= 32', new Assembler().lsh('r3', 32), '6703000020000000'],
  ['r3 >>= 32', new Assembler().rsh('r3', 32), '7703000020000000'],
  ['r3 s>>= 32', new Assembler().arsh('r3', 32), 'c703000020000000'],
  ['w3 s>>= 5', new Assembler().alu32('arsh', 'r3', 5), 'c403000005000000'],
  ['r4 *= r5', new Assembler().mul('r4', 'r5'), '2f54000000000000'],
  ['r4 /= 10', new Assembler().div('r4', 10), '370400000a000000'],
  ['r4 %= r5', new Assembler().mod('r4', 'r5'), '9f54000000000000'],
  ['r4 s/= r5', new Assembler().signedDivision('div', 'r4', 'r5'), '3f54010000000000'],
  ['w4 s%= 7', new Assembler().signedDivision('mod', 'r4', 7, 32), '9404010007000000'],
  ['r7 |= 1', new Assembler().or('r7', 1), '4707000001000000'],
  ['r7 &= r8', new Assembler().and('r7', 'r8'), '5f87000000000000'],
  ['r7 ^= -1', new Assembler().xor('r7', -1), 'a7070000ffffffff'],
  ['r9 = -r9', new Assembler().neg('r9'), '8709000000000000'],
  ['w9 = -w9', new Assembler().neg('r9', 32), '8409000000000000'],
  ['r1 = be16 r1', new Assembler().toEndian('be', 'r1', 16), 'dc01000010000000'],
  ['r1 = le32 r1', new Assembler().toEndian('le', 'r1', 32), 'd401000020000000'],
  ['r1 = bswap64 r1', new Assembler().byteSwap('r1', 64), 'd701000040000000'],
  ['r1 = (s8)r2', new Assembler().movSigned('r1', 'r2', 8), 'bf21080000000000'],
  ['w1 = (s16)w2', new Assembler().movSigned32('r1', 'r2', 16), 'bc21100000000000'],
  ['r0 = *(u8 *)(r1 + 0)', new Assembler().load('r0', 'r1', 0, 1), '7110000000000000'],
  ['r0 = *(u16 *)(r1 + 2)', new Assembler().load('r0', 'r1', 2, 2), '6910020000000000'],
  ['w0 = *(u32 *)(r10 - 4)', new Assembler().load('r0', 'r10', -4, 4), '61a0fcff00000000'],
  ['r3 = *(u64 *)(r1 + 80)', new Assembler().load('r3', 'r1', 80), '7913500000000000'],
  ['r3 = *(s32 *)(r1 + 4)', new Assembler().loadSigned('r3', 'r1', 4, 4), '8113040000000000'],
  ['*(u64 *)(r10 - 8) = r0', new Assembler().store('r10', -8, 'r0'), '7b0af8ff00000000'],
  ['*(u8 *)(r10 - 1) = w0', new Assembler().store('r10', -1, 'r0', 1), '730affff00000000'],
  ['*(u32 *)(r10 - 4) = 5', new Assembler().store('r10', -4, 5, 4), '620afcff05000000'],
  ['*(u64 *)(r10 - 8) = -1', new Assembler().store('r10', -8, -1), '7a0af8ffffffffff'],
  ['lock *(u64 *)(r1 + 0) += r2', new Assembler().atomic('add', 'r1', 0, 'r2'), 'db21000000000000'],
  ['w2 = atomic_fetch_or(r1 + 4, w2)', new Assembler().atomic('fetch-or', 'r1', 4, 'r2', 4), 'c321040041000000'],
  ['r2 = xchg_64(r1 + 0, r2)', new Assembler().atomic('xchg', 'r1', 0, 'r2'), 'db210000e1000000'],
  ['r0 = cmpxchg_64(r1 + 0, r0, r2)', new Assembler().atomic('cmpxchg', 'r1', 0, 'r2'), 'db210000f1000000'],
  ['call 131', new Assembler().call('ringbuf_reserve'), '8500000083000000'],
  ['call 148', new Assembler().call('copy_from_user'), '8500000094000000'],
  ['exit', new Assembler().exit(), '9500000000000000'],
];

describe('assembler', () => {
  it.each(encodings)('%s', (_, assembler, expected) => {
    expect(words(assembler)).toEqual([expected]);
  });

  it('splits 64-bit immediates and map references over two slots', () => {
    expect(words(new Assembler().loadImmediate('r1', 0x1122334455667788n))).toEqual([
      '1801000088776655',
      '0000000044332211',
    ]);
    expect(words(new Assembler().loadImmediate('r1', -1))).toEqual(['18010000ffffffff', '00000000ffffffff']);
    expect(words(new Assembler().loadImmediate('r1', 2n ** 64n - 1n))).toEqual([
      '18010000ffffffff',
      '00000000ffffffff',
    ]);
    expect(words(new Assembler().loadMap('r1', 9))).toEqual(['1811000009000000', '0000000000000000']);
    expect(words(new Assembler().loadMapValue('r1', { fd: 9 }, 24))).toEqual(['1821000009000000', '0000000018000000']);
  });

  it('counts jumps from the next instruction, forward and back, over wide immediates', () => {
    const assembler = new Assembler()
      .label('start')
      .jumpIf('r1', 's<', 'r2', 'end')
      .loadImmediate('r3', 1)
      .jumpIf32('r3', '&', 0x80000000, 'start')
      .jump('start')
      .label('end')
      .mov('r0', 0)
      .exit();
    expect(words(assembler)).toEqual([
      'cd21040000000000',
      '1803000001000000',
      '0000000000000000',
      '4603fcff00000080',
      '0500fbff00000000',
      'b700000000000000',
      '9500000000000000',
    ]);
  });

  it('calls subprograms, refers to them, and jumps far, by 32-bit distances', () => {
    const assembler = new Assembler().callLocal('sub').loadFunction('r2', 'sub').jumpFar('sub').label('sub').exit();
    expect(words(assembler)).toEqual([
      '8510000003000000',
      '1842000002000000',
      '0000000000000000',
      '0600000000000000',
      '9500000000000000',
    ]);
  });

  it('reaches 32,767 instructions and not one more', () => {
    const far = (between: number): Assembler => {
      const assembler = new Assembler().jump('end');
      for (let count = 0; count < between; count++) assembler.mov('r0', 0);
      return assembler.label('end').exit();
    };
    expect(words(far(32_767))[0]).toBe('0500ff7f00000000');
    expect(() => far(32_768).assemble()).toThrow(/"end" is 32768 instructions away, a jump reaches 32767/);
  });

  it.each<readonly [string, () => unknown]>([
    ['an immediate of 33 bits', () => new Assembler().mov('r0', 2 ** 31)],
    ['a fraction', () => new Assembler().add('r0', 0.5)],
    ['an immediate that only fits unsigned, in 64 bits', () => new Assembler().jumpIf('r0', '==', 0xffffffff, 'x')],
    ['an offset of 17 bits', () => new Assembler().load('r0', 'r1', 32_768)],
    ['a shift by the register’s width', () => new Assembler().lsh('r0', 64)],
    ['a 32-bit shift by 32', () => new Assembler().alu32('rsh', 'r0', 32)],
    ['a negative shift', () => new Assembler().rsh('r0', -1)],
    ['division by the constant 0', () => new Assembler().div('r0', 0)],
    ['a byte store of 256', () => new Assembler().store('r10', -1, 256, 1)],
    ['a 4-byte store of 33 bits', () => new Assembler().store('r10', -4, 2 ** 32, 4)],
    ['an 8-byte store that would be sign extended wrongly', () => new Assembler().store('r10', -8, 2 ** 31)],
    ['a 64-bit immediate of 65 bits', () => new Assembler().loadImmediate('r0', 2n ** 64n)],
    ['an unsafe number', () => new Assembler().loadImmediate('r0', 2 ** 53)],
    ['a negative descriptor', () => new Assembler().loadMap('r1', -1)],
    ['a write to the frame pointer', () => new Assembler().mov('r10', 0)],
    ['a load into the frame pointer', () => new Assembler().load('r10', 'r1', 0)],
    ['a label twice', () => new Assembler().label('a').exit().label('a')],
    ['a label nowhere', () => new Assembler().jump('nowhere').exit().assemble()],
    ['a label behind the end', () => new Assembler().jump('end').label('end').assemble()],
    ['half an instruction', () => new Assembler().raw(new Uint8Array(12))],
  ])('refuses %s', (_, action) => {
    expect(action).toThrow(AssemblyError);
  });

  it('refuses a helper that does not exist', () => {
    expect(() => new Assembler().call('no_such_helper' as 'loop')).toThrow(/no BPF helper is called "no_such_helper"/);
  });
});
