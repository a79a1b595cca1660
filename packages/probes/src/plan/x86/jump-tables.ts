/**
 * Where the jumps of a `switch` go. Go (>= 1.19, cmd/compile/internal/walk/switch.go) puts the addresses of the cases in
 * read-only data and jumps through `LEAQ table(SB), R; JMP (R)(I*8)`. How long a table is stands nowhere: it is read as
 * long as its words are instructions of the function. What is read too much makes a block look shorter, never longer.
 */
import type { Decoded } from './decode.js';

/** Longer tables than any `switch` that a person writes. */
const mostEntries = 65_536;
const chunk = 64;

export type ReadPointers = (address: number, count: number) => readonly number[];

const isTableJump = (instruction: Decoded): boolean =>
  instruction.memoryBase !== '' && instruction.memoryIndex !== '' && instruction.displacement === 0;

const entriesAt = (
  address: number,
  isInstruction: (address: number) => boolean,
  read: ReadPointers,
): readonly number[] => {
  const found: number[] = [];
  for (let at = 0; at < mostEntries; at += chunk) {
    const words = read(address + at * 8, chunk);
    const end = words.findIndex((word) => !isInstruction(word));
    found.push(...(end < 0 ? words : words.slice(0, end)));
    if (end >= 0 || words.length < chunk) return found;
  }
  return found;
};

/** Every address that an indirect jump of the function may go to; undefined where one of them is of another kind. */
export const tableTargets = (instructions: readonly Decoded[], read: ReadPointers): ReadonlySet<number> | undefined => {
  const jumps = instructions.filter((each) => each.flow === 'jump' && each.target === undefined);
  const targets = new Set<number>();
  if (jumps.length === 0) return targets;
  const starts = new Set(instructions.map((each) => each.address));
  const registers = new Set<string>();
  for (const { mnemonic, pcRelative, displacement, written } of instructions) {
    const [register] = written;
    if (mnemonic !== 'lea' || !pcRelative || register === undefined) continue;
    const entries = entriesAt(displacement, (address) => starts.has(address), read);
    if (entries.length > 0) registers.add(register);
    for (const entry of entries) targets.add(entry);
  }
  const isKnown = (jump: Decoded): boolean => isTableJump(jump) && registers.has(jump.memoryBase);
  return jumps.every(isKnown) ? targets : undefined;
};
