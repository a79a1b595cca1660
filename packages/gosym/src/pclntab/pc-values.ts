/**
 * The delta-coded tables that map code to values (runtime/symtab.go, `step`): start with value -1 at the function's entry;
 * then pairs of a zigzag value delta and a pc delta in quanta, as varints of at most 32 bits; a zero value delta ends the
 * table, except in the first pair. The value holds for [from, to).
 */
import { FormatError } from '../errors.js';

/** Walks one table; made once and started again for each function, so that nothing is allocated on the way. */
export class PcValues {
  /** Bytes from the function's entry. */
  from = 0;
  to = 0;
  value = -1;
  private position = 0;
  private limit = 0;
  private readonly data: Uint8Array;
  private readonly base: number;
  private readonly quantum: number;

  /** `base` is what table offsets count from. */
  constructor(data: Uint8Array, base: number, quantum: number) {
    this.data = data;
    this.base = base;
    this.quantum = quantum;
  }

  /** `length` is the distance to the next function: no table reaches further, however damaged. */
  start(offset: number, length: number): void {
    this.position = this.base + offset;
    this.limit = length;
    this.from = 0;
    this.to = 0;
    this.value = -1;
  }

  /** False at the table's end. */
  next(): boolean {
    if (this.to >= this.limit) return false;
    const delta = this.varint();
    if (delta === 0 && this.to !== 0) return false;
    this.value = (this.value + ((delta & 1) !== 0 ? ~(delta >>> 1) : delta >>> 1)) | 0;
    const step = this.varint() * this.quantum;
    if (step === 0) throw damaged(this.position, 'a pc delta above 0', '0');
    this.from = this.to;
    this.to = Math.min(this.from + step, this.limit);
    return true;
  }

  /** Value at `pc` bytes from the entry; -1 where the table does not cover it. */
  at(offset: number, length: number, pc: number): number {
    this.start(offset, length);
    while (this.next()) if (pc < this.to) return this.value;
    return -1;
  }

  private varint(): number {
    const data = this.data;
    let byte = data[this.position] ?? -1;
    this.position += 1;
    if (byte >= 0 && byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      if (byte < 0) break;
      byte = data[this.position] ?? -1;
      this.position += 1;
      value |= (byte & 0x7f) << shift;
      if (byte >= 0 && byte < 0x80) return value >>> 0;
    }
    throw damaged(this.position, 'a varint of at most 5 bytes', byte < 0 ? 'the end of the table' : 'a longer one');
  }
}

const damaged = (at: number, expected: string, found: string): FormatError =>
  new FormatError(
    'bad-pclntab',
    `the function table is damaged at byte ${at}: expected ${expected}, found ${found}; build the program again`,
    { expected, found },
  );
