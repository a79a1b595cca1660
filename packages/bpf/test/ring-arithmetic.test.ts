import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingReader } from '../src/ring-buffer.js';

const page = 4096;
const busy = 0x80000000;
const discard = 0x40000000;

/** The producer's half of kernel/bpf/ringbuf.c, over plain memory: the records' bytes are doubled as the kernel maps them. */
class Producer {
  readonly consumerPage = new ArrayBuffer(page);
  readonly data: ArrayBuffer;
  readonly #view: DataView;
  #position: bigint;

  constructor(
    readonly size: number,
    start: bigint,
  ) {
    this.data = new ArrayBuffer(page + 2 * size);
    this.#view = new DataView(this.data);
    this.#position = start;
    this.#view.setBigUint64(0, start, true);
    new DataView(this.consumerPage).setBigUint64(0, start, true);
  }

  get consumed(): bigint {
    return new DataView(this.consumerPage).getBigUint64(0, true);
  }

  get produced(): bigint {
    return this.#position;
  }

  #at(position: bigint): number {
    return Number(position % BigInt(this.size));
  }

  #write32(at: number, value: number): void {
    for (const copy of [0, this.size]) this.#view.setUint32(page + ((at % this.size) + copy), value, true);
  }

  /** Position of the reserved record, undefined when the ring is full. */
  reserve(payload: readonly number[]): bigint | undefined {
    const bytes = 8 + Math.ceil((payload.length * 4) / 8) * 8;
    const next = BigInt.asUintN(64, this.#position + BigInt(bytes));
    // The kernel refuses a record that would leave less than nothing: size - 1 is its mask.
    if (BigInt.asUintN(64, next - this.consumed) > BigInt(this.size - 1)) return undefined;
    const record = this.#position;
    this.#write32(this.#at(record), (payload.length * 4) | busy);
    payload.forEach((word, index) => {
      this.#write32(this.#at(record + 8n + BigInt(index * 4)), word);
    });
    this.#position = next;
    this.#view.setBigUint64(0, next, true);
    return record;
  }

  commit(record: bigint, discarded: boolean): void {
    const at = this.#at(record);
    const length = this.#view.getUint32(page + at, true) & 0x3fffffff;
    this.#write32(at, length | (discarded ? discard : 0));
  }
}

const words = (view: DataView, offset: number, length: number): readonly number[] =>
  Array.from({ length: length / 4 }, (_, index) => view.getUint32(offset + index * 4, true));

/** The first word of each record behind its header, as `peek` gives them. */
const framed = (bytes: Uint8Array): readonly { readonly word: number; readonly state: 'sent' | 'discarded' }[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: { word: number; state: 'sent' | 'discarded' }[] = [];
  let at = 0;
  while (at < bytes.length) {
    const header = view.getUint32(at, true);
    records.push({ word: view.getUint32(at + 8, true), state: (header & discard) === 0 ? 'sent' : 'discarded' });
    at += 8 + Math.ceil((header & 0x3fffffff) / 8) * 8;
  }
  expect(at).toBe(bytes.length);
  return records;
};

describe('ring-buffer positions', () => {
  const starts = [0n, 2n ** 32n - 64n, 2n ** 32n - 8n, 2n ** 53n - 64n, 2n ** 53n + 8n, 2n ** 64n - 128n];

  it.each(starts)('keeps every record, in order, from position %i on', (start) => {
    const producer = new Producer(4096, start);
    const reader = new RingReader(producer.consumerPage, producer.data, 4096, page);
    const seen: number[] = [];
    let sent = 0;
    for (let round = 0; round < 300; round++) {
      for (let record = 0; record < 7; record++) {
        const position = producer.reserve([sent, ...new Array<number>(sent % 13).fill(sent)]);
        if (position === undefined) throw new Error('the ring is full though it was drained');
        producer.commit(position, false);
        sent++;
      }
      reader.drain((view, offset, length) => {
        const [first = -1, ...rest] = words(view, offset, length);
        seen.push(first);
        expect(rest.every((word) => word === first)).toBe(true);
      }, Number.POSITIVE_INFINITY);
      expect(producer.consumed).toBe(producer.produced);
    }
    expect(seen).toEqual(Array.from({ length: sent }, (_, index) => index));
  });

  it('waits at a record that is reserved and not submitted, and goes on when it is', () => {
    const producer = new Producer(4096, 2n ** 32n - 16n);
    const reader = new RingReader(producer.consumerPage, producer.data, 4096, page);
    const records = [1, 2, 3].map((word) => producer.reserve([word]));
    const [first = 0n, second = 0n, third = 0n] = records;
    producer.commit(first, false);
    producer.commit(third, false);
    const seen: number[] = [];
    const drain = (): number =>
      reader.drain((view, offset) => void seen.push(view.getUint32(offset, true)), Number.POSITIVE_INFINITY);
    expect(drain()).toBe(1);
    expect(reader.pending).toBe(32);
    expect(drain()).toBe(0);
    producer.commit(second, true);
    expect(drain()).toBe(1);
    expect(seen).toEqual([1, 3]);
    expect(reader.pending).toBe(0);
  });

  it('stops at the limit, and counts a record as read when its callback throws', () => {
    const producer = new Producer(4096, 0n);
    const reader = new RingReader(producer.consumerPage, producer.data, 4096, page);
    for (let word = 0; word < 10; word++) producer.commit(producer.reserve([word]) ?? 0n, word % 2 === 1);
    const seen: number[] = [];
    const take = (view: DataView, offset: number): void => void seen.push(view.getUint32(offset, true));
    expect(reader.drain(take, 2)).toBe(2);
    expect(seen).toEqual([0, 2]);
    const fail = (): never => {
      throw new Error('no room');
    };
    expect(() => reader.drain(fail, 5)).toThrow('no room');
    expect(reader.drain(take, 5)).toBe(2);
    expect(seen).toEqual([0, 2, 6, 8]);
  });

  it('ends, even if each record makes another', () => {
    const producer = new Producer(4096, 0n);
    const reader = new RingReader(producer.consumerPage, producer.data, 4096, page);
    const send = (): void => producer.commit(producer.reserve([1]) ?? 0n, false);
    for (let word = 0; word < 3; word++) send();
    expect(reader.drain(send, Number.POSITIVE_INFINITY)).toBe(3);
    expect(reader.drain(send, Number.POSITIVE_INFINITY)).toBe(3);
    expect(reader.pending).toBe(48);
  });

  it('agrees with a plain queue over any order of reserve, commit, discard and drain', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('reserve' as const), words: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant('commit' as const), which: fc.nat(5), discarded: fc.boolean() }),
      fc.record({ kind: fc.constant('drain' as const), limit: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant('peek' as const), bytes: fc.integer({ min: 1, max: 600 }) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.constantFrom(...starts), (actions, start) => {
        const producer = new Producer(1024, start);
        const reader = new RingReader(producer.consumerPage, producer.data, 1024, page);
        const queue: { position: bigint; word: number; state: 'busy' | 'sent' | 'discarded' }[] = [];
        let next = 0;
        for (const step of actions) {
          if (step.kind === 'reserve') {
            const position = producer.reserve(new Array<number>(step.words).fill(next));
            if (position !== undefined) queue.push({ position, word: next++, state: 'busy' });
          } else if (step.kind === 'commit') {
            const entry = queue.filter(({ state }) => state === 'busy').at(step.which);
            if (entry === undefined) continue;
            producer.commit(entry.position, step.discarded);
            entry.state = step.discarded ? 'discarded' : 'sent';
          } else if (step.kind === 'peek') {
            const bytes = reader.peek(step.bytes);
            const seen = framed(bytes);
            const expected = queue.splice(0, seen.length);
            expect(seen).toEqual(expected.map(({ word, state }) => ({ word, state })));
            // A record that is complete never waits behind a limit, only behind one that is not or at the end of the ring.
            if (seen.length === 0) expect(queue[0]?.state ?? 'busy').toBe('busy');
            else if (seen.length > 1) expect(bytes.length).toBeLessThanOrEqual(step.bytes);
            reader.release(bytes.length);
          } else {
            const expected: number[] = [];
            while (queue[0] !== undefined && queue[0].state !== 'busy' && expected.length < step.limit) {
              const entry = queue.shift();
              if (entry?.state === 'sent') expected.push(entry.word);
            }
            const seen: number[] = [];
            reader.drain((view, offset) => void seen.push(view.getUint32(offset, true)), step.limit);
            expect(seen).toEqual(expected);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
