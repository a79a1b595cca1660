/** The way to a refused instruction, against what the program's own jumps allow: random programs, by seed. */
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import {
  Assembler,
  decode,
  type Instruction,
  loadProgram,
  type PathPiece,
  pathText,
  summarizeVerifierLog,
  VerifierError,
} from '../src/index.js';

/** mulberry32: the same numbers for the same seed everywhere. */
const random = (seed: number) => {
  let state = seed >>> 0;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
};

const relations = ['==', '!=', '>', '<', 's>', 's<'] as const;

/** Forward jumps on numbers that nobody knows; some ways end well, some at a register that a call has emptied. */
const randomProgram = (seed: number): Uint8Array => {
  const next = random(seed);
  const blocks = 4 + next(8);
  const assembler = new Assembler();
  for (const register of ['r6', 'r7', 'r8'] as const) assembler.call('get_prandom_u32').mov(register, 'r0');
  for (let block = 0; block < blocks; block++) {
    assembler.label(`block${block}`);
    const later = block + 1 + next(blocks - block);
    const register = (['r6', 'r7', 'r8'] as const)[next(3)] ?? 'r6';
    for (let filler = next(3); filler > 0; filler--) assembler.loadImmediate('r9', BigInt(next(1 << 30)) << 8n);
    assembler.jumpIf(register, relations[next(relations.length)] ?? '==', next(100), `block${later}`);
    if (next(6) === 0) assembler.mov('r0', 'r5');
  }
  assembler.label(`block${blocks}`);
  return assembler
    .mov('r0', next(3) === 0 ? 'r4' : 0)
    .exit()
    .assemble();
};

const width = ({ operation }: Instruction): number => (operation.kind === 'immediate' ? 2 : 1);

/** Where the instruction may go on. */
const followers = (instruction: Instruction): readonly number[] => {
  const { operation, slot } = instruction;
  if (operation.kind === 'exit') return [];
  if (operation.kind === 'jump') return [operation.target];
  const ahead = slot + width(instruction);
  return operation.kind === 'jump-if' ? [ahead, operation.target] : [ahead];
};

const slotsOf = (path: readonly PathPiece[], program: ReadonlyMap<number, Instruction>): readonly number[] =>
  path.flatMap(({ from, to }) => [...program.keys()].filter((slot) => slot >= from && slot <= to));

describe.skipIf(requirement('kernel').missing)('the way to a refused instruction', () => {
  it('is one that the program can take, from its first instruction to the refused one', () => {
    let refused = 0;
    let branching = 0;
    for (let seed = 1; seed <= 240; seed++) {
      const instructions = randomProgram(seed);
      try {
        loadProgram({ type: 'socket-filter', name: `random_${seed}`, instructions }).close();
      } catch (error) {
        if (!(error instanceof VerifierError)) throw error;
        refused++;
        const program = new Map(decode(instructions).map((each) => [each.slot, each]));
        const { path, slot } = summarizeVerifierLog(error.log);
        const slots = slotsOf(path, program);
        expect([seed, slots[0], slots.at(-1)]).toEqual([seed, 0, slot]);
        for (const [index, at] of slots.slice(0, -1).entries()) {
          const instruction = program.get(at);
          if (instruction === undefined) throw new Error(`seed ${seed}: no instruction ${at}`);
          expect([seed, at, followers(instruction)]).toEqual([seed, at, expect.arrayContaining([slots[index + 1]])]);
        }
        if (path.length > 1) branching++;
      }
    }
    // Many of each kind, or the test says nothing.
    expect(refused).toBeGreaterThan(40);
    expect(branching).toBeGreaterThan(15);
  });

  it('is told by its end where it is long', () => {
    const long = Array.from({ length: 20 }, (_, index) => ({ from: index * 3, to: index * 3 + 1, by: 'goto pc+1' }));
    expect(pathText(long)).toMatch(/^\(8 earlier pieces\) 24-25 \(goto pc\+1\), then /);
    expect(pathText([{ from: 4, to: 4, by: undefined }])).toBe('4');
    expect(pathText([])).toBeUndefined();
  });
});
