import { refusal } from './refusal.js';
import { closeDescriptor, duplicate, type Mapping, mapShare, pageSize, type Watch, watchReadable } from './syscall.js';

/**
 * Layout and header bits: kernel/bpf/ringbuf.c. The map is mapped as one page with the consumer's position, one page
 * with the producer's, then the data twice in a row, so that a record which wraps is contiguous all the same.
 */
const headerBytes = 8;
const discardBit = 0x40000000;
const lengthMask = 0x3fffffff;

/** What a ring buffer in another thread needs: a descriptor, which all threads of a process share, and its bytes. */
export interface RingSource {
  readonly fd: number;
  /** Bytes of data, the map's maxEntries. */
  readonly maxEntries: number;
}

export interface RingOptions {
  /**
   * Bytes of the longest record that a program may write (default: the whole ring). What is mapped counts as resident
   * memory at once, and only so much of it has to be mapped twice.
   */
  readonly longestRecord?: number;
}

/**
 * One record: `length` bytes at `offset` of `view`, valid until the callback returns (the kernel reuses the place).
 * The view is read-only memory: writing to it ends the process.
 */
export type OnRecord = (view: DataView, offset: number, length: number) => void;

/** The consumer of a "ringbuf" map. A map has one consumer at a time. Works in worker threads too. */
export class RingBuffer {
  readonly #fd: number;
  readonly #consumerPage: Mapping;
  readonly #data: Mapping;
  readonly #reader: RingReader;
  readonly #watches = new Set<Watch>();
  #closed = false;
  /** Clock of performance.now(). */
  #calledAt = Number.NEGATIVE_INFINITY;

  /** Throws KernelError when the map cannot be mapped. */
  constructor(source: RingSource, { longestRecord = source.maxEntries }: RingOptions = {}) {
    // A descriptor of its own: the event loop watches a descriptor once only, and the map may be closed before the ring.
    const fd = duplicate(source.fd);
    if (fd < 0) throw refusal('fcntl', -fd, 'the ring buffer');
    const pageBytes = pageSize();
    const consumer = mapShare(fd, 0, pageBytes, true);
    const twice = Math.min(source.maxEntries, Math.ceil((longestRecord + headerBytes) / pageBytes) * pageBytes);
    const data = mapShare(fd, pageBytes, pageBytes + source.maxEntries + twice, false);
    if (typeof consumer === 'number' || typeof data === 'number') {
      closeDescriptor(fd);
      if (typeof consumer !== 'number') consumer.release();
      if (typeof data !== 'number') data.release();
      throw refusal('mmap', -Number(typeof consumer === 'number' ? consumer : data), 'the ring buffer');
    }
    this.#fd = fd;
    this.#consumerPage = consumer;
    this.#data = data;
    this.#reader = new RingReader(consumer.buffer, data.buffer, source.maxEntries, pageBytes);
  }

  /**
   * Hands over what is complete when it is called, in order, and gives the space back to the kernel. Returns the number
   * of records (discarded ones not counted).
   * @param limit at most this many records; the rest stays.
   */
  drain(onRecord: OnRecord, limit = Number.POSITIVE_INFINITY): number {
    return this.#closed ? 0 : this.#reader.drain(onRecord, limit);
  }

  /**
   * Complete records where they lie in the ring, without a copy, each behind its 8-byte header (struct bpf_ringbuf_hdr: u32
   * length with bit 30 set in discarded ones, u32 of the kernel's own) and padded to 8 bytes; empty when none is complete.
   * They are read-only and stay until `release`, which is told how many bytes of them may go.
   * @param limit bytes at most, but a record that is longer than that comes alone.
   */
  peek(limit: number): Uint8Array {
    return this.#closed ? new Uint8Array(0) : this.#reader.peek(limit);
  }

  /** Gives the first bytes of what `peek` gave last back to the kernel. */
  release(bytes: number): void {
    if (!this.#closed) this.#reader.release(bytes);
  }

  /** Bytes that wait, headers included. */
  get pending(): number {
    return this.#closed ? 0 : this.#reader.pending;
  }

  /**
   * Calls back from the event loop when records are there; drain them then, or it calls again at once. Records that a
   * program submitted with the flag BPF_RB_NO_WAKEUP wait for the next that wakes. Keeps the process alive until
   * closed, or unref'd. The returned watch ends it.
   * @param options by default the first call comes at once and the next ones at most every millisecond: in a storm that
   *   makes a record three times cheaper for the program that is probed (bench/ring-buffer.bench.ts). 0: every wake-up.
   */
  onReadable(callback: () => void, { interval = 1 }: { readonly interval?: number } = {}): Watch {
    if (this.#closed) throw new Error('the ring buffer is closed');
    const fd = duplicate(this.#fd);
    if (fd < 0) throw refusal('fcntl', -fd, 'the ring buffer');
    const deliver = (): void => {
      this.#calledAt = performance.now();
      callback();
    };
    // The interval counts from the last call of any watch: who listens anew after each call gains nothing by it.
    const delay = Math.ceil(interval - (performance.now() - this.#calledAt));
    const inner = watchReadable(fd, deliver, { interval, delay });
    const watch: Watch = {
      ref: () => inner.ref(),
      unref: () => inner.unref(),
      close: () => {
        if (!this.#watches.delete(watch)) return;
        inner.close();
        closeDescriptor(fd);
      },
    };
    this.#watches.add(watch);
    return watch;
  }

  /** Ends watches and mappings. The map stays open. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const watch of [...this.#watches]) watch.close();
    this.#consumerPage.release();
    this.#data.release();
    closeDescriptor(this.#fd);
  }
}

/**
 * The arithmetic of the ring over any two buffers laid out as the kernel lays them out. Positions are unsigned 64-bit
 * and only ever grow; within a batch they are offsets below the ring's size, so nothing is a bigint per record.
 */
export class RingReader {
  readonly #consumer: BigUint64Array;
  readonly #producer: BigUint64Array;
  readonly #headers: Int32Array;
  readonly #view: DataView;
  readonly #mask: number;

  /**
   * @param consumerPage position at byte 0.
   * @param producerAndData position at byte 0, data from byte `pageBytes`, then as much of it again as a record may take.
   * @param size bytes of data, a power of two.
   */
  constructor(
    consumerPage: ArrayBufferLike,
    producerAndData: ArrayBufferLike,
    private readonly size: number,
    pageBytes: number,
  ) {
    this.#consumer = new BigUint64Array(consumerPage, 0, 1);
    this.#producer = new BigUint64Array(producerAndData, 0, 1);
    this.#headers = new Int32Array(producerAndData, pageBytes, size / 4);
    this.#view = new DataView(producerAndData, pageBytes);
    this.#mask = size - 1;
  }

  get pending(): number {
    return Number(BigInt.asUintN(64, Atomics.load(this.#producer, 0) - Atomics.load(this.#consumer, 0)));
  }

  drain(onRecord: OnRecord, limit: number): number {
    let records = 0;
    let start = Atomics.load(this.#consumer, 0);
    // What comes in meanwhile is for the next call: producers as fast as this loop would never let it end.
    let available = Number(BigInt.asUintN(64, Atomics.load(this.#producer, 0) - start));
    while (available > 0 && records < limit) {
      // Space goes back in quarters of the ring, so that a long batch does not starve the producers.
      const span = Math.min(available, this.size >> 2);
      const first = Number(start & BigInt(this.#mask));
      let done = 0;
      try {
        while (done < span && records < limit) {
          const at = (first + done) & this.#mask;
          const header = Atomics.load(this.#headers, at >> 2);
          // Bit 31 (BUSY): reserved and not yet submitted. Order is kept, so everything after it waits too.
          if (header < 0) break;
          const length = header & lengthMask;
          done += (length + headerBytes + 7) & ~7;
          if ((header & discardBit) !== 0) continue;
          records++;
          onRecord(this.#view, at + headerBytes, length);
        }
      } finally {
        // Also when the callback throws: its record counts as read.
        if (done > 0) {
          start = BigInt.asUintN(64, start + BigInt(done));
          Atomics.store(this.#consumer, 0, start);
        }
      }
      if (done === 0) break;
      available -= done;
    }
    return records;
  }

  /** As RingBuffer.peek. */
  peek(limit: number): Uint8Array {
    const start = Atomics.load(this.#consumer, 0);
    const available = Number(BigInt.asUintN(64, Atomics.load(this.#producer, 0) - start));
    const first = Number(start & BigInt(this.#mask));
    // Up to the end of the ring: the record that lies across it is the last.
    const span = Math.min(available, this.size - first);
    let bytes = 0;
    while (bytes < span) {
      const header = Atomics.load(this.#headers, (first + bytes) >> 2);
      if (header < 0) break;
      const record = ((header & lengthMask) + headerBytes + 7) & ~7;
      if (bytes > 0 && bytes + record > limit) break;
      bytes += record;
    }
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + first, bytes);
  }

  release(bytes: number): void {
    Atomics.store(this.#consumer, 0, BigInt.asUintN(64, Atomics.load(this.#consumer, 0) + BigInt(bytes)));
  }
}
