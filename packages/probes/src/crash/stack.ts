/**
 * A goroutine's callers from the bytes of its stack: frame pointers, which Go keeps on amd64, and the return addresses that
 * they leave out where a function was interrupted before it had made its frame, or makes none.
 */
import { type GoBinary, type GoFunction, virtualAddress } from '@probelens/gosym';
import { returnsFrom } from '../trace/symbolise.js';
import type { CrashFrame } from './report.js';

/** Words of user memory; undefined for what was not read. */
export type Memory = (address: bigint) => bigint | undefined;

export interface Registers {
  readonly pc: bigint;
  readonly sp: bigint;
  readonly bp: bigint;
  /** "entry": the function has not made its frame. "return": the address behind a call. "inside": anywhere. */
  readonly at: 'entry' | 'return' | 'inside';
}

export interface Level {
  readonly address: bigint;
  /** The instruction itself; else the one behind a call. */
  readonly exact: boolean;
}

/** Consecutive reads from `base` on as one memory. */
export const memoryOf = (base: bigint, chunks: readonly (Buffer | undefined)[]): Memory => {
  const whole: Buffer[] = [];
  for (const chunk of chunks) {
    if (chunk === undefined) break;
    whole.push(chunk);
  }
  const bytes = Buffer.concat(whole);
  return (address) => {
    const at = address - base;
    return at < 0n || at + 8n > BigInt(bytes.length) ? undefined : bytes.readBigUInt64LE(Number(at));
  };
};

/** Deeper stacks are cut as the runtime cuts them. */
const mostLevels = 100;

/** push %rbp; mov %rsp,%rbp: every frame that Go's compiler makes on amd64 begins so. */
const frameMaking = Buffer.from([0x55, 0x48, 0x89, 0xe5]);

/** call *register, *(register), *disp8(register), *disp32(register): opcode FF /2, with a REX prefix or not. */
const isIndirectCall = (code: Uint8Array, end: number): boolean =>
  [2, 3, 6].some((length) => {
    const mode = code[end - length + 1] ?? 0;
    if (end < length || code[end - length] !== 0xff || (mode & 0x38) !== 0x10) return false;
    const displacement = { 0: 2, 1: 3, 2: 6, 3: 2 }[mode >> 6];
    return displacement === length;
  });

class Walk {
  readonly levels: Level[] = [];
  readonly #binary: GoBinary;
  readonly #memory: Memory;
  readonly #bias: bigint;

  constructor(binary: GoBinary, memory: Memory, bias: bigint) {
    this.#binary = binary;
    this.#memory = memory;
    this.#bias = bias;
  }

  #function(address: bigint): GoFunction | undefined {
    const linked = address - this.#bias;
    return linked > 0n && linked < 2n ** 53n ? this.#binary.functionAt(virtualAddress(Number(linked))) : undefined;
  }

  /** Whether `caller` is where the function at `callee` returns to. */
  #isReturn(caller: bigint, callee: bigint): boolean {
    const fn = this.#function(callee);
    if (fn === undefined) return false;
    const address = Number(caller - this.#bias);
    return returnsFrom(this.#binary, address, fn.entry) || this.#mayReturn(address, fn);
  }

  /** A closure is called through a register: known is then that it has no frame, so its stack begins with where it returns to. */
  #mayReturn(address: number, callee: GoFunction): boolean {
    if (Buffer.from(this.#binary.code(callee)).includes(frameMaking)) return false;
    const fn = this.#function(BigInt(address) + this.#bias);
    return fn !== undefined && isIndirectCall(this.#binary.code(fn), address - fn.entry);
  }

  /** The word at `sp`, where it is a return address that frame pointers do not lead to. */
  #addFrameless(pc: bigint, sp: bigint, bp: bigint): void {
    const top = this.#memory(sp);
    if (top === undefined || this.#memory(bp + 8n) === top || !this.#isReturn(top, pc)) return;
    this.levels.push({ address: top, exact: false });
  }

  /** Go was called by C here. */
  get fromC(): boolean {
    return this.levels.some(({ address }) => this.#function(address)?.name.startsWith('runtime.cgocallback') === true);
  }

  run({ pc, sp, bp, at }: Registers): boolean {
    this.levels.push({ address: pc, exact: at !== 'return' });
    const top = this.#memory(sp);
    if (at === 'entry' && top !== undefined) this.levels.push({ address: top, exact: false });
    else this.#addFrameless(pc, sp, bp);
    let frame = bp;
    while (this.levels.length < mostLevels) {
      const last = this.levels.at(-1);
      if (last !== undefined && this.#function(last.address)?.name === 'runtime.goexit') return true;
      const caller = this.#memory(frame + 8n);
      const next = this.#memory(frame);
      if (frame === 0n || caller === undefined || next === undefined) return frame === 0n;
      if (this.#function(caller) === undefined) return caller === 0n;
      // The signal handler made it look as if the faulting instruction had called sigpanic.
      const faulted = last !== undefined && this.#function(last.address)?.name === 'runtime.sigpanic';
      this.levels.push({ address: caller, exact: faulted });
      if (faulted) this.#addFrameless(caller, frame + 16n, next);
      if (next !== 0n && next <= frame) return false;
      frame = next;
    }
    return false;
  }
}

/** Innermost first; `whole`: down to where the goroutine began. */
export const callers = (
  binary: GoBinary,
  memory: Memory,
  bias: bigint,
  registers: Registers,
): { readonly levels: readonly Level[]; readonly whole: boolean; readonly fromC: boolean } => {
  const walk = new Walk(binary, memory, bias);
  const whole = walk.run(registers);
  return { levels: walk.levels, whole, fromC: walk.fromC };
};

/** What a goroutine of the runtime runs for others: shown, or nothing would say why this runs (showfuncinfo). */
const context: ReadonlySet<string> = new Set(['runtime.runfinq', 'runtime.runFinalizers', 'runtime.runCleanups']);

/** C symbols and what cgo makes have no package. */
export const isHidden = (name: string): boolean =>
  !name.includes('.') || (name.startsWith('runtime.') && !/^runtime\.(?:\(\*)?[A-Z]/.test(name) && !context.has(name));

/**
 * With inlined calls; without what tracebacks leave out (runtime.showframe): the runtime's own functions but exported
 * ones, and a panic in the midst, which divides what panicked from what was deferred.
 */
export const framesOf = (binary: GoBinary, levels: readonly Level[], bias: bigint): readonly CrashFrame[] => {
  const frames: CrashFrame[] = [];
  for (const { address, exact } of levels) {
    const linked = address - bias;
    if (linked <= 0n || linked >= 2n ** 53n) continue;
    const at = virtualAddress(Number(linked) - (exact ? 0 : 1));
    const positions = binary.positionsAt(at);
    // A wrapper is nobody's code; what is inlined into it is.
    const own = binary.functionAt(at)?.wrapper === true ? positions.slice(0, -1) : positions;
    for (const { function: name, file, line } of own) {
      if (isHidden(name) && (name !== 'runtime.gopanic' || frames.length === 0)) continue;
      frames.push({ function: name, file, line, address: `0x${linked.toString(16)}` });
    }
  }
  return frames;
};
