/** Sites inside a source line that may stop the program, by the rules that keep a debugger's own breakpoints and steps unharmed. */
import { isAcceptable } from './acceptable.js';
import { type Code, endOf } from './code.js';
import { type Decoded, isNop, isNop5, isPushFrame, type X86 } from './decode.js';
import { History, inLine, isBehindCall, isPlain, type LineSite, mayFail } from './line-site.js';

/** A trap instruction, as the kernel writes it over the first byte, and as the sentinel stands on the last one. */
const trap = 0xcc;

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

/** The kernel reads an instruction where the sentinel is, and must accept it too, whatever it makes of it. */
const acceptsSentinel = (code: Code, index: number): boolean => {
  const here = code.instructions.slice(index, index + 4).flatMap((each) => [...each.bytes]);
  const last = (code.instructions[index]?.bytes.length ?? 0) - 1;
  return isAcceptable(Uint8Array.from(here.slice(last)));
};

/** `pop %rbp` right before a return: one byte, so the trap itself stands before the program counter. */
const isLastPop = (code: Code, index: number): boolean => {
  const { bytes } = code.instructions[index] ?? {};
  return bytes?.length === 1 && bytes[0] === 0x5d && code.instructions[index + 1]?.flow === 'return';
};

/**
 * Why an instruction of a line cannot hold a stop, the more hopeless the later: the line's first; a branch or call; the
 * line's last; with a statement or a debugger's breakpoint right behind; a store; none that may be probed twice.
 */
const obstacles = ['bytes', 'instruction', 'store', 'statement', 'last', 'branch', 'first'] as const;

export type StopObstacle = (typeof obstacles)[number];

/** A debugger plants breakpoints of its own on calls whose target it does not know, when it steps into them. */
const isUnknownCall = (instruction: Decoded | undefined): boolean =>
  instruction?.flow === 'call' && instruction.target === undefined;

/** What kind of stop the instruction itself can hold, wherever it is. */
const holds = (x86: X86, code: Code, index: number): 1 | 2 | 'stepped' | StopObstacle => {
  const instruction = code.instructions[index];
  if (instruction === undefined) return 'last';
  if (isNop(instruction) || isPushFrame(instruction)) return 1;
  if (isLastPop(code, index)) return 'stepped';
  if (instruction.flow !== 'next') return 'branch';
  if (instruction.writesMemory) return 'store';
  if (instruction.bytes.length < 2 || isNop5(instruction) || !isPlain(instruction)) return 'instruction';
  if (instruction.written.some((register) => sacred.has(register))) return 'instruction';
  const fits = isAcceptable(instruction.bytes) && acceptsSentinel(code, index) && staysInStep(x86, code, index);
  return fits ? 2 : 'bytes';
};

export interface LineBounds {
  readonly belongs: (address: number) => boolean;
  /** Where a debugger may plant a breakpoint of its own. */
  readonly isStart: (address: number) => boolean;
  /**
   * Of those places: needed by nothing but steps in the same function, so that a site there may be taken out for as long
   * as they last. Left out where nobody does that.
   */
  readonly mayYield?: ((address: number) => boolean) | undefined;
}

interface Held {
  readonly tier: 1 | 2 | 'stepped';
  readonly yields: boolean;
}

/**
 * A trap that is still on its way when the site is taken out finds the debugger's breakpoint on a one-byte instruction:
 * the thread is set back before it. Only a nop may be executed twice.
 */
const mayRepeat = (instruction: Decoded): boolean => instruction.bytes.length > 1 || isNop(instruction);

const judge = (
  x86: X86,
  code: Code,
  index: number,
  isFirst: boolean,
  { belongs, isStart, mayYield }: LineBounds,
): Held | StopObstacle => {
  const instruction = code.instructions[index];
  if (instruction === undefined || (isFirst && mayYield === undefined)) return 'first';
  const held = holds(x86, code, index);
  if (held === 'branch') return held;
  const following = endOf(instruction);
  if (!belongs(following)) return isFirst ? 'first' : 'last';
  if (isBehindCall(code, index)) return isFirst ? 'first' : 'statement';
  const needed = [instruction.address, following].filter(isStart);
  const yields = isFirst || needed.length > 0 || isUnknownCall(code.instructions[index + 1]);
  if (yields && (mayYield === undefined || !needed.every(mayYield) || !mayRepeat(instruction)))
    return isFirst ? 'first' : 'statement';
  return held === 1 || held === 2 || held === 'stepped' ? { tier: held, yields } : held;
};

const stopOrder: Readonly<Record<LineSite['tier'], number>> = { 1: 0, stepped: 1, 2: 2, nop5: 4, emulated: 4 };

export interface StopSites {
  /** Best first. */
  readonly sites: readonly LineSite[];
  /** Without a site: what keeps the most hopeful instruction from being one. */
  readonly obstacle: StopObstacle;
}

/**
 * Sites that may stop: followed by another instruction of the same line, and passed whenever the line's first one is; that
 * one itself only where sites may yield.
 */
export const stopSites = (x86: X86, code: Code, start: number, bounds: LineBounds): StopSites => {
  const block = inLine(code, start, bounds.belongs);
  const sites: LineSite[] = [];
  const found = new Set<StopObstacle>();
  const history = new History();
  for (const [position, index] of block.entries()) {
    const previous = position === 0 ? undefined : code.instructions[index - 1];
    if (previous !== undefined) history.pass(previous);
    const verdict = judge(x86, code, index, position === 0, bounds);
    if (typeof verdict === 'string') found.add(verdict);
    else {
      const site = history.site(index, verdict.tier);
      // When the instruction itself fails, its trap is nobody's: the thread does not get behind it.
      const mayMiss = site.mayMiss || mayFail(code, index);
      sites.push({ ...site, mayMiss, ...(verdict.yields && { yields: true }) });
    }
  }
  // Those whose stops are always seen, that stay during steps, that have no sentinel, that read no memory.
  const rank = ({ index, tier, mayMiss, yields }: LineSite): number =>
    (mayMiss ? 200 : 0) +
    (yields === true ? 100 : 0) +
    stopOrder[tier] +
    (code.instructions[index]?.memoryBase === '' ? 0 : 0.5);
  return {
    sites: sites.toSorted((a, b) => rank(a) - rank(b)),
    obstacle: obstacles.find((each) => found.has(each)) ?? 'first',
  };
};
