/** Words of the loaded program by address, read from the file in pages when touched. */
import type { Bytes } from '../bytes.js';
import type { ElfImage } from './image.js';

const PAGE_BYTES = 128 * 1024;
/** A word may begin in one page and end in the next. */
const OVERLAP = 8;

export class ProgramMemory {
  private readonly image: ElfImage;
  private readonly pages = new Map<number, Bytes>();
  private current: Bytes | undefined;
  private currentStart = -1;

  constructor(image: ElfImage) {
    this.image = image;
  }

  u8(address: number): number {
    const page = this.page(address);
    return page.u8(address - this.currentStart);
  }

  i16(address: number): number {
    const page = this.page(address);
    return page.i16(address - this.currentStart);
  }

  u32(address: number): number {
    const page = this.page(address);
    return page.u32(address - this.currentStart);
  }

  i32(address: number): number {
    return this.u32(address) | 0;
  }

  private page(address: number): Bytes {
    const into = address - this.currentStart;
    if (this.current !== undefined && into >= 0 && into < PAGE_BYTES) return this.current;
    const segment = this.image.segmentAt(address);
    // Pages count from their segment's start, so that none straddles two segments.
    const base = segment?.address ?? address;
    const start = base + Math.floor((address - base) / PAGE_BYTES) * PAGE_BYTES;
    let page = this.pages.get(start);
    if (page === undefined) {
      const length = Math.min(PAGE_BYTES + OVERLAP, Math.max(1, this.image.bytesFrom(start)));
      page = this.image.readAt(start, length, 'runtime data');
      this.pages.set(start, page);
    }
    this.current = page;
    this.currentStart = start;
    return page;
  }
}
