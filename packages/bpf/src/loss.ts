import type { Assembler } from './assembler.js';
import { type BpfMap, createMap, u32 } from './map.js';

/**
 * The kernel does not say how many records found a ring buffer full: the program that could not reserve one must count
 * it. This is that counter and the code that keeps it.
 */
export class LossCounter {
  readonly map: BpfMap;

  constructor(name = 'lost') {
    this.map = createMap({ type: 'array', name, valueSize: 8, maxEntries: 1 });
  }

  /** Records lost since the counter was made. */
  get lost(): bigint {
    return this.map.sum(u32(0));
  }

  close(): void {
    this.map.close();
  }
}

/**
 * Appends: r0 = a record of `bytes` in the ring, to be submitted or discarded; if the ring is full, counts the loss and
 * jumps to `full`. Uses r0-r5.
 */
export function reserveOrCount(
  assembler: Assembler,
  options: { readonly ring: BpfMap; readonly counter: LossCounter; readonly bytes: number; readonly full: string },
): Assembler {
  const reserved = assembler.freshLabel('reserved');
  return assembler
    .loadMap('r1', options.ring)
    .mov('r2', options.bytes)
    .mov('r3', 0)
    .call('ringbuf_reserve')
    .jumpIf('r0', '!=', 0, reserved)
    .loadMapValue('r1', options.counter.map)
    .mov('r2', 1)
    .atomic('add', 'r1', 0, 'r2')
    .jump(options.full)
    .label(reserved);
}
