/** Source files of the program and the functions that have code from each. */
import type { Pclntab } from './pclntab/pclntab.js';

export class SourceFiles {
  private readonly pclntab: Pclntab;
  private byOffset: Map<number, number[]> | undefined;

  constructor(pclntab: Pclntab) {
    this.pclntab = pclntab;
  }

  /** Offsets (see Pclntab.fileAt) of the files whose path ends in `path`, on whole path elements. */
  matching(path: string): ReadonlySet<number> {
    const wanted = path.replace(/^(\.\/)+/, '');
    const found = new Set<number>();
    if (wanted === '') return found;
    for (const offset of this.functionsByFile().keys()) {
      const name = this.pclntab.fileAt(offset);
      if (name === wanted || (name.endsWith(wanted) && name[name.length - wanted.length - 1] === '/')) {
        found.add(offset);
      }
    }
    return found;
  }

  /** Indexes of functions that contain code of the file, inlined or not, ascending. */
  functionsOf(offset: number): readonly number[] {
    return this.functionsByFile().get(offset) ?? [];
  }

  private functionsByFile(): Map<number, number[]> {
    this.byOffset ??= this.collect();
    return this.byOffset;
  }

  private collect(): Map<number, number[]> {
    const { pclntab } = this;
    const collected = new Map<number, number[]>();
    const walker = pclntab.walker();
    for (let index = 0; index < pclntab.functions.count; index++) {
      const offset = pclntab.pcFile(index);
      if (offset === 0) continue;
      walker.start(offset, pclntab.span(index));
      while (walker.next()) {
        const file = pclntab.fileOffset(index, walker.value);
        if (file < 0) continue;
        const list = collected.get(file);
        if (list === undefined) collected.set(file, [index]);
        else if (list.at(-1) !== index) list.push(index);
      }
    }
    return collected;
  }
}
