/** The inline tree of one function at a time: who was inlined where, and who called it. */
import type { ProgramMemory } from '../elf/memory.js';
import { FormatError } from '../errors.js';
import { PcRuns } from '../pclntab/pc-runs.js';
import type { Pclntab } from '../pclntab/pclntab.js';
import type { InlineLayout } from './layout.js';

/** Deeper nesting is damage: the compiler's own budget ends chains long before. */
const DEEPEST = 256;
const NO_FUNCDATA = 0xffff_ffff;

export class InlineTrees {
  /** Index in the tree by pc; -1 for the function's own code. */
  readonly indexes: PcRuns;
  readonly files: PcRuns;
  readonly lines: PcRuns;
  private readonly pclntab: Pclntab;
  private readonly memory: ProgramMemory;
  readonly layout: InlineLayout | undefined;
  private readonly gofunc: number | undefined;
  private loaded = -1;
  /** Address of the loaded function's records. */
  private tree = 0;
  /** The loaded function is one of those below `isUnmarked`. */
  private unmarked = false;

  constructor(pclntab: Pclntab, memory: ProgramMemory, layout: InlineLayout | undefined, gofunc: number | undefined) {
    this.pclntab = pclntab;
    this.memory = memory;
    this.layout = layout;
    this.gofunc = gofunc;
    this.indexes = new PcRuns(pclntab.walker());
    this.files = new PcRuns(pclntab.walker());
    this.lines = new PcRuns(pclntab.walker());
  }

  get supported(): boolean {
    return this.layout !== undefined;
  }

  /** Highest index of the function's tree that owns code; -1 where nothing was inlined. Does not load the function. */
  lastIndex(index: number): number {
    if (this.treeAddress(index) === undefined || this.layout === undefined) return -1;
    const offset = this.pclntab.pcData(index, this.layout.pcData);
    if (offset === 0) return -1;
    this.loaded = -1;
    this.indexes.load(offset, this.pclntab.span(index));
    return highest(this.indexes);
  }

  /** Makes `index` the function that the methods below speak of. */
  load(index: number): void {
    if (this.loaded === index) return;
    // A damaged tree may throw halfway.
    this.loaded = -1;
    const { pclntab } = this;
    const span = pclntab.span(index);
    this.files.load(pclntab.pcFile(index), span);
    this.lines.load(pclntab.pcLine(index), span);
    const tree = this.treeAddress(index);
    this.indexes.load(tree === undefined ? 0 : pclntab.pcData(index, this.layout?.pcData ?? 0), span);
    this.tree = tree ?? 0;
    this.unmarked = this.isUnmarked();
    this.loaded = index;
  }

  /**
   * Initialisers of package variables whose calls were all inlined hold no instruction of their own that could stand for a
   * call, and the compiler leaves every parentPc 0 (seen from Go 1.21 to 1.26). The code there would call itself.
   */
  private isUnmarked(): boolean {
    const first = this.layout?.records === 'pc' ? this.indexes.at(0) : -1;
    return first >= 0 && this.memory.i32(this.recordAt(first) + 8) === 0;
  }

  /** Name offset (see Pclntab.nameAt) of an inlined function. */
  nameOffset(record: number): number {
    return this.memory.u32(this.recordAt(record) + (this.layout?.nameField ?? 0));
  }

  /** Name offset of a record of a function that need not be loaded. */
  nameOffsetIn(index: number, record: number): number {
    const tree = this.treeAddress(index) ?? 0;
    return this.memory.u32(tree + record * (this.layout?.recordSize ?? 0) + (this.layout?.nameField ?? 0));
  }

  /** Where the call would be, bytes from the entry; -1 where nothing says so. */
  private parentPc(record: number): number {
    const pc = this.memory.i32(this.recordAt(record) + 8);
    return pc === 0 && this.unmarked ? -1 : pc;
  }

  /** Index of the inlined caller; -1 where the physical function itself calls, or nothing says who does. */
  parent(record: number): number {
    const at = this.recordAt(record);
    if (this.layout?.records === 'pc') return this.indexes.at(this.parentPc(record));
    return this.layout?.records === 'short' ? this.memory.i16(at) : this.memory.i32(at);
  }

  /** File number (see Pclntab.fileOffset) of the call; -1 where nothing says it. */
  callFile(record: number): number {
    return this.layout?.records === 'pc'
      ? this.files.at(this.parentPc(record))
      : this.memory.i32(this.recordAt(record) + 4);
  }

  /** -1 where nothing says it. */
  callLine(record: number): number {
    return this.layout?.records === 'pc'
      ? this.lines.at(this.parentPc(record))
      : this.memory.i32(this.recordAt(record) + 8);
  }

  /** `record` and its callers, innermost first, into `into`. Returns how many. */
  chain(record: number, into: number[]): number {
    let depth = 0;
    for (let at = record; at >= 0; at = this.parent(at)) {
      if (depth === DEEPEST) throw tooDeep(this.pclntab.name(this.loaded));
      into[depth] = at;
      depth += 1;
    }
    return depth;
  }

  /** Outermost record whose code stands at the function's entry; -1 when that code is the function's own, or by `isUnmarked`. */
  outermostAtEntry(index: number): number {
    if (this.layout === undefined) return -1;
    const offset = this.pclntab.pcData(index, this.layout.pcData);
    if (offset === 0 || this.pclntab.valueAt(index, offset, 0) < 0) return -1;
    this.load(index);
    if (this.unmarked) return -1;
    const chain: number[] = [];
    const depth = this.chain(this.indexes.at(0), chain);
    return chain[depth - 1] ?? -1;
  }

  private recordAt(record: number): number {
    return this.tree + record * (this.layout?.recordSize ?? 0);
  }

  /** Address of a function's records; undefined where nothing was inlined into it. */
  treeAddress(index: number): number | undefined {
    const { pclntab, layout } = this;
    if (layout === undefined) return undefined;
    const { table, header } = pclntab;
    const record = pclntab.record(index);
    const count = pclntab.layout.wideFuncDataCount
      ? table.u32(record + pclntab.layout.funcDataCount)
      : table.u8(record + pclntab.layout.funcDataCount);
    if (layout.funcData >= count) return undefined;
    const start = record + pclntab.layout.size + table.u32(record + pclntab.layout.pcDataCount) * 4;
    if (header.format >= 18) {
      const offset = table.u32(start + layout.funcData * 4);
      return offset === NO_FUNCDATA || this.gofunc === undefined ? undefined : this.gofunc + offset;
    }
    const p = header.pointerSize;
    const aligned = Math.ceil((pclntab.address + start) / p) * p - pclntab.address;
    const address = table.word(aligned + layout.funcData * p, p);
    return address === 0 ? undefined : address;
  }
}

const highest = (runs: PcRuns): number => {
  let best = -1;
  for (let run = 0; run < runs.length; run++) best = Math.max(best, runs.values[run] ?? -1);
  return best;
};

const tooDeep = (name: string): FormatError =>
  new FormatError(
    'bad-inline-tree',
    `the inline tree of ${name} is nested deeper than ${DEEPEST} calls or runs in a circle; build the program again`,
    { expected: `at most ${DEEPEST} levels`, found: 'more' },
  );
