/** Source files of the program and the functions that have code from each. */
import { editDistance } from './names.js';
import type { Pclntab } from './pclntab/pclntab.js';

const lastElement = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

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

  /** Paths of those files, as the compiler wrote them. */
  called(path: string): readonly string[] {
    return [...this.matching(path)].map((offset) => this.pclntab.fileAt(offset));
  }

  /** At most `limit` paths whose last element is that of `path` or close to it, best first. */
  similar(path: string, limit: number): readonly string[] {
    const wanted = lastElement(path).toLowerCase();
    const allowed = Math.max(1, Math.floor(wanted.length / 4));
    const scored = [...this.functionsByFile().keys()].flatMap((offset) => {
      const name = this.pclntab.fileAt(offset);
      const far = editDistance(wanted, lastElement(name).toLowerCase(), allowed);
      return far > allowed ? [] : [{ name, far }];
    });
    const best = scored.sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1));
    return best.slice(0, Math.max(0, limit)).map(({ name }) => name);
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
