/** Offsets in struct perf_event_mmap_page and struct perf_event_header, include/uapi/linux/perf_event.h. */
const headOffset = 1024;
const tailOffset = 1032;
const headerBytes = 8;
const recordType = { lost: 2, sample: 9 } as const;

/** Where the parts of a sample of TID, TIME, CPU, RAW lie behind its header. */
const part = { pid: 8, tid: 12, time: 16, cpu: 24, rawSize: 32, raw: 36 } as const;
const lostCount = 16;

/** One hit of the tracepoint. The record is valid until the callback returns; its fields are at the format's offsets. */
export interface TracepointSample {
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: bigint;
  readonly cpu: number;
  readonly pid: number;
  readonly tid: number;
  readonly record: DataView;
}

/** The reader's half of one perf ring: a page with both positions, then data, which is not mapped twice. */
export class PerfRing {
  readonly #positions: BigUint64Array;
  readonly #data: Uint8Array;
  readonly #view: DataView;
  /** For a record that wraps. */
  #unwrapped = new Uint8Array(0);
  #lost = 0n;

  constructor(memory: ArrayBufferLike, pageBytes: number, bytes: number) {
    this.#positions = new BigUint64Array(memory, headOffset, 2);
    this.#data = new Uint8Array(memory, pageBytes, bytes);
    this.#view = new DataView(memory, pageBytes, bytes);
  }

  /** What the kernel's records of loss say so far. */
  get lost(): bigint {
    return this.#lost;
  }

  /** Whether records wait, be they samples or losses. */
  get pending(): boolean {
    return Atomics.load(this.#positions, 0) !== Atomics.load(this.#positions, (tailOffset - headOffset) / 8);
  }

  drain(onSample: (sample: TracepointSample) => void): number {
    const head = Atomics.load(this.#positions, 0);
    let tail = Atomics.load(this.#positions, (tailOffset - headOffset) / 8);
    let samples = 0;
    try {
      while (tail !== head) {
        const at = Number(tail & BigInt(this.#data.length - 1));
        // A header is 8 bytes and aligned to 8: it never wraps.
        const type = this.#view.getUint32(at, true);
        const size = this.#view.getUint16(at + 6, true);
        if (size < headerBytes) throw new Error(`a perf record of ${size} bytes: the ring is not what it should be`);
        const record = this.#record(at, size);
        tail = BigInt.asUintN(64, tail + BigInt(size));
        if (type === recordType.lost) this.#lost += record.getBigUint64(lostCount, true);
        if (type !== recordType.sample) continue;
        samples++;
        onSample(sampleOf(record));
      }
    } finally {
      Atomics.store(this.#positions, (tailOffset - headOffset) / 8, tail);
    }
    return samples;
  }

  #record(at: number, size: number): DataView {
    if (at + size <= this.#data.length) return new DataView(this.#data.buffer, this.#data.byteOffset + at, size);
    if (this.#unwrapped.length < size) this.#unwrapped = new Uint8Array(size);
    const first = this.#data.length - at;
    this.#unwrapped.set(this.#data.subarray(at));
    this.#unwrapped.set(this.#data.subarray(0, size - first), first);
    return new DataView(this.#unwrapped.buffer, 0, size);
  }
}

function sampleOf(record: DataView): TracepointSample {
  // The kernel pads raw data; the size names the data with its padding.
  const bytes = Math.min(record.getUint32(part.rawSize, true), record.byteLength - part.raw);
  return {
    pid: record.getUint32(part.pid, true),
    tid: record.getUint32(part.tid, true),
    time: record.getBigUint64(part.time, true),
    cpu: record.getUint32(part.cpu, true),
    record: new DataView(record.buffer, record.byteOffset + part.raw, bytes),
  };
}
