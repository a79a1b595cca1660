/** Sites inside a source line, and what has changed by then; those for counting and logging. */
import { isAcceptable } from './acceptable.js';
import { blockFrom, type Code } from './code.js';
import { type Decoded, isEmulated, isNop5 } from './decode.js';

/** Plain integer and vector instructions; the rest (string, locked, system) is not worth finding out about. */
const plain =
  /^(?:mov|movzx|movsxd?|movd|movq|movs[ds]|mov[au]p[ds]|movdq[au]|lea|add|adc|sub|sbb|cmp|test|and|or|xor|inc|dec|neg|not|i?mul|shl|shr|sar|rol|ror|bts?|btr|bs[fr]|set\w+|cmov\w+|nop|(?:add|sub|mul|div)s[ds]|ucomis[ds]|cvt\w+|xorp[ds]|pxor)$/;

export const isPlain = ({ mnemonic }: Decoded): boolean => plain.test(mnemonic);

export interface LineSite {
  readonly index: number;
  readonly tier: 1 | 2 | 'nop5' | 'emulated' | 'stepped';
  /** Between the line's first instruction and the site: registers that are no longer what they were. */
  readonly clobbered: ReadonlySet<string>;
  readonly storesBefore: boolean;
  /** An instruction before it may fail (a nil pointer): the line is then entered, but the site not reached. For stops also its own. */
  readonly mayMiss: boolean;
  /** A debugger's step in the same function needs the place, or the one right behind (yielding-places.ts). */
  readonly yields?: true;
}

/** Reads and writes of the frame, of the current g and of fixed addresses succeed; behind a pointer there may be nothing. */
const fails = ({ memoryBase, memoryIndex, pcRelative, mnemonic }: Decoded): boolean =>
  mnemonic !== 'lea' &&
  mnemonic !== 'nop' &&
  (memoryIndex !== '' || (memoryBase !== '' && !pcRelative && !framed.has(memoryBase)));

const framed: ReadonlySet<string> = new Set(['rsp', 'rbp', 'r14']);

export const mayFail = (code: Code, index: number): boolean => {
  const instruction = code.instructions[index];
  return instruction !== undefined && fails(instruction);
};

/** No register of Go's outlives a call, but for those of frame, stack and current g. */
const callClobbers = [
  ...['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r15'],
] as const;

/** What has changed since the line began; told instruction by instruction, because blocks may be thousands long. */
export class History {
  #clobbered: ReadonlySet<string> = new Set();
  #storesBefore = false;
  #mayMiss = false;

  get mayMiss(): boolean {
    return this.#mayMiss;
  }

  pass(instruction: Decoded): void {
    const written = instruction.flow === 'call' ? callClobbers : instruction.written;
    // Sites share a set until there is more in it.
    if (written.some((register) => !this.#clobbered.has(register)))
      this.#clobbered = new Set([...this.#clobbered, ...written]);
    // A call's own store is the return address, below everything that can be seen.
    this.#storesBefore ||= instruction.writesMemory && instruction.flow !== 'call';
    this.#mayMiss ||= fails(instruction);
  }

  site(index: number, tier: LineSite['tier']): LineSite {
    return {
      index,
      tier,
      clobbered: this.#clobbered,
      storesBefore: this.#storesBefore,
      mayMiss: this.#mayMiss,
    };
  }
}

/** `belongs` says whether the instruction at an address is code of the line. */
export const inLine = (code: Code, start: number, belongs: (address: number) => boolean): readonly number[] => {
  const block = blockFrom(code, start);
  const end = block.findIndex((index) => !belongs(code.instructions[index]?.address ?? -1));
  return end < 0 ? block : block.slice(0, end);
};

/** Debuggers plant breakpoints of their own behind calls. */
export const isBehindCall = (code: Code, index: number): boolean => code.instructions[index - 1]?.flow === 'call';

const logTier = (instruction: Decoded): LineSite['tier'] => {
  if (isNop5(instruction)) return 'nop5';
  return isEmulated(instruction) ? 'emulated' : 'stepped';
};

const logOrder: Readonly<Record<LineSite['tier'], number>> = { nop5: 0, 1: 1, emulated: 1, stepped: 2, 2: 3 };

/**
 * Sites for counting and logging, by price. An emulated instruction behind the line will do as well, as long as nothing
 * before it can fail. Beside a debugger the line's first instruction, and whatever follows a call, is left to it.
 */
export const logSites = (
  code: Code,
  start: number,
  belongs: (address: number) => boolean,
  isStart: (address: number) => boolean,
  besideDebugger: boolean,
): readonly LineSite[] => {
  const block = blockFrom(code, start);
  const own = inLine(code, start, belongs).length;
  const found: LineSite[] = [];
  const history = new History();
  for (const [position, index] of block.entries()) {
    const previous = position === 0 ? undefined : code.instructions[index - 1];
    if (previous !== undefined) history.pass(previous);
    if (position >= own && history.mayMiss) break;
    const instruction = code.instructions[index];
    if (instruction === undefined || instruction.flow === 'other') continue;
    if (besideDebugger && (position === 0 || isStart(instruction.address) || isBehindCall(code, index))) continue;
    const isSimple = isPlain(instruction) || instruction.flow !== 'next';
    if (!isEmulated(instruction) && !(isSimple && isAcceptable(instruction.bytes))) continue;
    const site = history.site(index, logTier(instruction));
    if (position < own || (isEmulated(instruction) && !site.mayMiss)) found.push(site);
  }
  const rank = ({ mayMiss, tier }: LineSite): number => logOrder[tier] + (mayMiss ? 0.5 : 0);
  return found.toSorted((a, b) => rank(a) - rank(b));
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
