/** From the ring buffer to batches of records, in order, no faster than the client takes them. */
import { type BpfMap, RingBuffer, type Watch } from '@probelens/bpf';

/** Bytes of records in one message, but for a single longer one: some thousand records between two looks at the input. */
const BATCH = 128 * 1024;

export interface EventReaderOptions {
  readonly events: BpfMap;
  /** Bytes. */
  readonly longestRecord: number;
  /** Resolves when the records, which lie in the ring until then, have left this process. */
  readonly send: (records: Uint8Array) => Promise<void>;
}

export class EventReader {
  readonly #options: EventReaderOptions;
  readonly #ring: RingBuffer;
  #watch: Watch | undefined;
  #closed = false;
  /** Bytes that were sent so far. */
  #sent = 0;
  /** One batch at a time is on its way: the next begins where it ends. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: EventReaderOptions) {
    this.#options = options;
    this.#ring = new RingBuffer(options.events, { longestRecord: options.longestRecord });
    this.#listen();
  }

  /** Sends everything that is in the ring now. Later records may be among it. */
  async flush(): Promise<void> {
    // Bytes, not records: what arrives meanwhile must not keep this going for ever.
    const target = this.#sent + this.#ring.pending;
    while (this.#sent < target) if ((await this.#next()) === 0) return;
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

  /** Until what waits is less than a batch: the rest gathers until the watch's next call, and goes as one message. */
  async #pump(): Promise<void> {
    do await this.#next();
    while (!this.#closed && this.#ring.pending >= BATCH);
  }

  /** Sends one batch, after those before it; resolves with its bytes. */
  #next(): Promise<number> {
    const next = this.#last.then(() => this.#send());
    this.#last = next;
    return next;
  }

  async #send(): Promise<number> {
    if (this.#closed) return 0;
    const records = this.#ring.peek(BATCH);
    const bytes = records.length;
    if (bytes === 0) return 0;
    await this.#options.send(records);
    this.#ring.release(bytes);
    this.#sent += bytes;
    return bytes;
  }
}
