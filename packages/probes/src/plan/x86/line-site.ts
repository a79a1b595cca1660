/** Sites inside a source line, by the rules that keep a debugger's own breakpoints and steps unharmed. */
import { isAcceptable } from './acceptable.js';
import { blockFrom, type Code, endOf } from './code.js';
import { type Decoded, isEmulated, isNop, isNop5, isPushFrame, type X86 } from './decode.js';

/** A trap instruction, as the kernel writes it over the first byte, and as the sentinel stands on the last one. */
const trap = 0xcc;

/** Plain integer and vector instructions; the rest (string, locked, system) is not worth finding out about. */
const plain = new Set([
  'mov',
  'movzx',
  'movsx',
  'movsxd',
  'lea',
  'add',
  'sub',
  'cmp',
  'test',
  'and',
  'or',
  'xor',
  'inc',
  'dec',
  'neg',
  'not',
  'imul',
  'shl',
  'shr',
  'sar',
  'movsd',
  'movss',
  'movups',
  'movq',
  'ucomisd',
  'ucomiss',
]);

/** Registers that hold the frame, the stack and the current g. */
const sacred = new Set(['rsp', 'rbp', 'r14']);

/**
 * Whether who reads the function's code with both trap bytes in it is back in step after the instruction: Delve
 * disassembles memory for its steps and repairs only its own breakpoints.
 */
const staysInStep = (x86: X86, code: Code, index: number): boolean => {
  const instruction = code.instructions[index];
  const next = code.instructions[index + 1];
  if (instruction === undefined || next === undefined) return false;
  const seen = Uint8Array.from([...instruction.bytes, ...next.bytes]);
  seen[0] = trap;
  seen[instruction.bytes.length - 1] = trap;
  return x86.decode(seen, instruction.address).some((each) => each.address === next.address);
};

/** The kernel reads an instruction where the sentinel is, and must accept it too. */
const acceptsSentinel = (x86: X86, code: Code, index: number): boolean => {
  const here = code.instructions.slice(index, index + 4).flatMap((each) => [...each.bytes]);
  const last = (code.instructions[index]?.bytes.length ?? 0) - 1;
  const seen = Uint8Array.from(here.slice(last));
  const [first] = x86.decode(seen, 0);
  return first !== undefined && isAcceptable(first.bytes);
};

/** Whether a two-trap site can be at this instruction, which is in the middle of its line. */
const canHoldSentinel = (x86: X86, code: Code, index: number): boolean => {
  const instruction = code.instructions[index];
  const before = code.instructions[index - 1];
  if (instruction === undefined || before === undefined || before.flow === 'call') return false;
  if (instruction.flow !== 'next' || instruction.writesMemory || instruction.bytes.length < 2) return false;
  if (!plain.has(instruction.mnemonic) || instruction.written.some((register) => sacred.has(register))) return false;
  return isAcceptable(instruction.bytes) && acceptsSentinel(x86, code, index) && staysInStep(x86, code, index);
};

export interface LineSite {
  readonly index: number;
  readonly tier: 1 | 2 | 'nop5' | 'emulated' | 'stepped';
  /** Between the line's first instruction and the site: registers that are no longer what they were. */
  readonly clobbered: ReadonlySet<string>;
  readonly storesBefore: boolean;
}

const withHistory = (code: Code, block: readonly number[], index: number, tier: LineSite['tier']): LineSite => {
  const before = block.filter((each) => each < index).map((each) => code.instructions[each]);
  const present = before.filter((each): each is Decoded => each !== undefined);
  return {
    index,
    tier,
    clobbered: new Set(present.flatMap((each) => each.written)),
    storesBefore: present.some((each) => each.writesMemory),
  };
};

/** `belongs` says whether the instruction at an address is code of the line. */
const inLine = (code: Code, start: number, belongs: (address: number) => boolean): readonly number[] => {
  const block = blockFrom(code, start);
  const end = block.findIndex((index) => !belongs(code.instructions[index]?.address ?? -1));
  return end < 0 ? block : block.slice(0, end);
};

/**
 * Sites that may stop, best first: not the line's first instruction, followed by another of the same line, and passed
 * whenever the first one is. `isStart` says where a debugger may plant a breakpoint of its own.
 */
export const stopSites = (
  x86: X86,
  code: Code,
  start: number,
  belongs: (address: number) => boolean,
  isStart: (address: number) => boolean,
): readonly LineSite[] => {
  const block = inLine(code, start, belongs);
  const found: LineSite[] = [];
  for (const [position, index] of block.entries()) {
    const instruction = code.instructions[index];
    if (instruction === undefined || position === 0) continue;
    const following = endOf(instruction);
    if (!belongs(following) || isStart(following) || isStart(instruction.address)) continue;
    const oneByte = isNop(instruction) || isPushFrame(instruction);
    if (oneByte) found.push(withHistory(code, block, index, 1));
    else if (canHoldSentinel(x86, code, index)) found.push(withHistory(code, block, index, 2));
  }
  // Among the two-trap sites those that cannot fault themselves come first.
  const rank = (site: LineSite): number =>
    Number(site.tier) + (code.instructions[site.index]?.memoryBase === '' ? 0 : 0.5);
  return found.toSorted((a, b) => rank(a) - rank(b));
};

const logTier = (instruction: Decoded): LineSite['tier'] => {
  if (isNop5(instruction)) return 'nop5';
  return isEmulated(instruction) ? 'emulated' : 'stepped';
};

const logOrder: Readonly<Record<LineSite['tier'], number>> = { nop5: 0, 1: 1, emulated: 1, stepped: 2, 2: 3 };

/**
 * Sites for counting and logging, cheapest first. Beside a debugger the line's first instruction, and whatever follows a
 * call, is left to it.
 */
export const logSites = (
  code: Code,
  start: number,
  belongs: (address: number) => boolean,
  isStart: (address: number) => boolean,
  besideDebugger: boolean,
): readonly LineSite[] => {
  const block = inLine(code, start, belongs);
  const found: LineSite[] = [];
  for (const [position, index] of block.entries()) {
    const instruction = code.instructions[index];
    if (instruction === undefined || instruction.flow === 'other') continue;
    if (besideDebugger && (position === 0 || isStart(instruction.address))) continue;
    const isPlain = plain.has(instruction.mnemonic) || instruction.flow !== 'next';
    if (isEmulated(instruction) || (isPlain && isAcceptable(instruction.bytes)))
      found.push(withHistory(code, block, index, logTier(instruction)));
  }
  return found.toSorted((a, b) => logOrder[a.tier] - logOrder[b.tier]);
};

/** The first site before which nothing that is needed was changed. */
export const firstUnharmed = (
  sites: readonly LineSite[],
  needs: { readonly registers: ReadonlySet<string>; readonly memory: boolean },
): LineSite | undefined =>
  sites.find(
    (site) =>
      !(needs.memory && site.storesBefore) && [...needs.registers].every((register) => !site.clobbered.has(register)),
  );
