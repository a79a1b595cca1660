/** One pc-value table unfolded into arrays, for repeated look-ups in one function. Reused from function to function. */
import type { PcValues } from './pc-values.js';

export class PcRuns {
  /** Run i holds `values[i]` on [ends[i - 1], ends[i]), bytes from the entry. */
  ends = new Int32Array(64);
  values = new Int32Array(64);
  length = 0;
  private readonly walker: PcValues;

  constructor(walker: PcValues) {
    this.walker = walker;
  }

  /** `offset` 0 means the function has no such table. */
  load(offset: number, span: number): void {
    this.length = 0;
    if (offset === 0) return;
    this.walker.start(offset, span);
    while (this.walker.next()) {
      if (this.length === this.ends.length) this.grow();
      this.ends[this.length] = this.walker.to;
      this.values[this.length] = this.walker.value;
      this.length += 1;
    }
  }

  /** End of the covered code, bytes from the entry. */
  get end(): number {
    return this.length === 0 ? 0 : (this.ends[this.length - 1] ?? 0);
  }

  /** -1 where the table does not reach. */
  at(pc: number): number {
    if (pc < 0 || pc >= this.end) return -1;
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.ends[middle] ?? 0) <= pc) low = middle + 1;
      else high = middle;
    }
    return this.values[low] ?? -1;
  }

  private grow(): void {
    const ends = new Int32Array(this.ends.length * 2);
    const values = new Int32Array(this.ends.length * 2);
    ends.set(this.ends);
    values.set(this.values);
    this.ends = ends;
    this.values = values;
  }
}
