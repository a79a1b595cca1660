/** From the ring buffer to batches of events, in order, no faster than the client takes them. */
import { type BpfMap, RingBuffer, type Watch } from '@probelens/bpf';
import type { ProbeEvent } from '../events.js';
import { readRecordHeader, readStack } from '../program/record.js';
import type { Armed } from './armed.js';
import { capturedValue } from './captured-text.js';

/** Events in one notification at most: some 100 kB of JSON, a millisecond of work between two looks at the input. */
const BATCH = 512;
/** struct bpf_ringbuf_hdr, and the alignment of records: kernel/bpf/ringbuf.c. */
const HEADER_BYTES = 8;

export interface EventReaderOptions {
  readonly events: BpfMap;
  readonly probeOf: (id: number) => Armed | undefined;
  /** Resolves when the batch has left this process. */
  readonly send: (batch: readonly ProbeEvent[]) => Promise<void>;
}

export class EventReader {
  readonly #options: EventReaderOptions;
  readonly #ring: RingBuffer;
  #watch: Watch | undefined;
  #closed = false;

  constructor(options: EventReaderOptions) {
    this.#options = options;
    this.#ring = new RingBuffer(options.events);
    this.#listen();
  }

  /** Sends everything that is in the ring now. Later records may be among it. */
  async flush(): Promise<void> {
    // Bytes, not records: what arrives meanwhile must not keep this going for ever.
    const target = this.#ring.pending;
    let read = 0;
    let last: Promise<void> = Promise.resolve();
    while (read < target) {
      const batch = this.#take();
      if (batch.bytes === 0) break;
      read += batch.bytes;
      last = this.#options.send(batch.events);
    }
    await last;
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#watch = undefined;
    this.#ring.close();
  }

  /** The watch is level-triggered, so it is taken away while a batch is on its way to a slow client. */
  #listen(): void {
    if (this.#closed) return;
    this.#watch = this.#ring.onReadable(() => {
      this.#watch?.close();
      this.#watch = undefined;
      void this.#pump().then(() => this.#listen());
    });
  }

  async #pump(): Promise<void> {
    for (;;) {
      if (this.#closed) return;
      const batch = this.#take();
      if (batch.bytes === 0) return;
      await this.#options.send(batch.events);
    }
  }

  #take(): { readonly events: readonly ProbeEvent[]; readonly bytes: number } {
    const events: ProbeEvent[] = [];
    let bytes = 0;
    this.#ring.drain((view, offset, length) => {
      bytes += (length + HEADER_BYTES + 7) & ~7;
      const event = this.#decode(view, offset);
      if (event !== undefined) events.push(event);
    }, BATCH);
    return { events, bytes };
  }

  #decode(view: DataView, offset: number): ProbeEvent | undefined {
    const header = readRecordHeader(view, offset);
    const probe = this.#options.probeOf(header.probe);
    if (probe === undefined) return undefined;
    return {
      probe: header.probe,
      number: header.number,
      time: String(header.time),
      cpu: header.cpu,
      pid: header.pid,
      tid: header.tid,
      goid: String(header.goroutine),
      faulted: header.faulted,
      trapped: header.trapped,
      site: header.site,
      values: probe.captures.map((capture, index) => {
        const at = probe.layout.captures[index];
        const faulted = (header.captureFaults & (1 << index)) !== 0;
        return capturedValue(capture, view, at === undefined ? undefined : offset + at, faulted);
      }),
      ...stackOf(probe, view, offset, header.site),
    };
  }
}

const stackOf = (
  probe: Armed,
  view: DataView,
  offset: number,
  site: number,
): Pick<ProbeEvent, 'stack' | 'stackTop'> => {
  if (probe.layout.stack === undefined) return {};
  const { addresses, top } = readStack(view, offset + probe.layout.stack);
  return probe.stackAt(site, addresses, top);
};
