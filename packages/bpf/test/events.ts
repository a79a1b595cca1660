/** Programs that write records into a ring buffer, for tests and benchmarks. */
import {
  Assembler,
  type BpfMap,
  createMap,
  type LossCounter,
  loadProgram,
  type Program,
  reserveOrCount,
} from '../src/index.js';

/** What a program submits with: wake as needed, never, always. BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP. */
export const wakeup = { adaptive: 0, never: 1, always: 2 } as const;

/**
 * A raw tracepoint program (run it with testRun) that reserves `bytes`, writes the number from the first word of its
 * context into the first 8 of them, and submits; a reservation that fails is counted, and r0 is 1.
 */
export function writerProgram(
  ring: BpfMap,
  counter: LossCounter,
  bytes: number,
  flags: number = wakeup.adaptive,
): Program {
  const assembler = new Assembler().load('r6', 'r1', 0);
  reserveOrCount(assembler, { ring, counter, bytes, full: 'full' })
    .store('r0', 0, 'r6')
    .mov('r1', 'r0')
    .mov('r2', flags)
    .call('ringbuf_submit')
    .mov('r0', 0)
    .exit()
    .label('full')
    .mov('r0', 1)
    .exit();
  return loadProgram({ type: 'raw-tracepoint', name: 'writer', instructions: assembler.assemble() });
}

/** The context that makes the writer send this number. */
export const context = (number: number): Uint8Array => new Uint8Array(new BigUint64Array([BigInt(number)]).buffer);

export const ringMap = (bytes: number): BpfMap => createMap({ type: 'ringbuf', name: 'events', maxEntries: bytes });
