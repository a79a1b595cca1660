import { onlineCpus } from './link/perf-event.js';
import { enableEvent, openPerfEvent } from './link/perf-event-open.js';
import { PerfRing, type TracepointSample } from './perf-ring.js';
import { refusal } from './refusal.js';
import { closeDescriptor, type Mapping, mapShare, pageSize, type Watch, watchReadable } from './syscall.js';
import { readTracepointId } from './tracepoint-format.js';

export type { TracepointSample } from './perf-ring.js';

const perfTypeTracepoint = 2;
/** PERF_SAMPLE_TID | TIME | CPU | RAW: what PerfRing expects, in this order. */
const sampleParts = 2 | 4 | 128 | 1024;

/** A ring and an event for each CPU. */
interface Source {
  readonly event: number;
  readonly mapping: Mapping;
  readonly ring: PerfRing;
}

/**
 * The records of a tracepoint, all fields included, without a BPF program. That is the way to the fields of dynamic
 * tracepoints (TracepointFormat.dynamic), which programs do not see. Costs more per hit than a program with a ring
 * buffer, and counts what was lost in `lost`.
 */
export class TracepointSamples {
  readonly #sources: readonly Source[];
  readonly #watches = new Set<Watch>();
  #closed = false;

  private constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  /**
   * Throws KernelError (ENOENT: there is no such tracepoint).
   * @param options.bytes of each CPU's ring, a power of two (default 256 KiB).
   */
  static open(options: {
    readonly category: string;
    readonly name: string;
    readonly bytes?: number;
  }): TracepointSamples {
    const subject = `tracepoint ${options.category}:${options.name}`;
    const attr = {
      type: perfTypeTracepoint,
      config: readTracepointId(options.category, options.name),
      sample: { period: 1 },
      record: sampleParts,
    };
    const page = pageSize();
    const bytes = Math.max(options.bytes ?? 256 * 1024, page);
    const sources: Source[] = [];
    try {
      for (const cpu of onlineCpus()) {
        const event = openPerfEvent(attr, -1, cpu, subject);
        const mapping = mapShare(event, 0, page + bytes, true);
        if (typeof mapping === 'number') {
          closeDescriptor(event);
          throw refusal('mmap', -mapping, subject);
        }
        sources.push({ event, mapping, ring: new PerfRing(mapping.buffer, page, bytes) });
      }
      for (const { event } of sources) enableEvent(event, subject);
    } catch (error) {
      closeSources(sources);
      throw error;
    }
    return new TracepointSamples(sources);
  }

  /** Hands over what is there: in order within a CPU, one CPU after the other. Returns the number of samples. */
  drain(onSample: (sample: TracepointSample) => void): number {
    if (this.#closed) return 0;
    return this.#sources.reduce((samples, { ring }) => samples + ring.drain(onSample), 0);
  }

  /** Samples that found a ring full, as far as drained. */
  get lost(): bigint {
    return this.#sources.reduce((lost, { ring }) => lost + ring.lost, 0n);
  }

  /** As RingBuffer.onReadable, but for one callback at a time: whoever asks the kernel first is told, nobody else. */
  onReadable(callback: () => void, { interval = 1 }: { readonly interval?: number } = {}): Watch {
    if (this.#closed) throw new Error('the samples are closed');
    let calledAt = Number.NEGATIVE_INFINITY;
    let referenced = true;
    let timer: NodeJS.Timeout | undefined;
    const call = (): void => {
      timer = undefined;
      calledAt = performance.now();
      callback();
    };
    // A perf event says once that it is readable, not as long as it is (perf_poll): a watch that rests for a while, as
    // that of a BPF ring buffer does, would miss it. So these watch on, and only the call waits.
    const woken = (): void => {
      if (timer !== undefined) return;
      const wait = Math.ceil(calledAt + interval - performance.now());
      if (wait <= 0) {
        call();
        return;
      }
      timer = setTimeout(call, wait);
      if (!referenced) timer.unref();
    };
    const inner = this.#sources.map(({ event }) => watchReadable(event, woken));
    // Adding the descriptor to the event loop's epoll set takes what it said so far, and epoll asks again before it tells
    // (ep_insert, ep_send_events): what came before the watch would never be told. The loop adds when it next polls, which
    // may be after the first of these turns (when this runs in the midst of a poll) and is before the second.
    let added: NodeJS.Immediate | undefined = setImmediate(() => {
      added = setImmediate(() => {
        added = undefined;
        if (this.#sources.some(({ ring }) => ring.pending)) woken();
      });
      if (!referenced) added.unref();
    });
    const watch: Watch = {
      ref: () => {
        referenced = true;
        timer?.ref();
        added?.ref();
        for (const one of inner) one.ref();
      },
      unref: () => {
        referenced = false;
        timer?.unref();
        added?.unref();
        for (const one of inner) one.unref();
      },
      close: () => {
        this.#watches.delete(watch);
        clearTimeout(timer);
        clearImmediate(added);
        for (const one of inner) one.close();
      },
    };
    this.#watches.add(watch);
    return watch;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const watch of [...this.#watches]) watch.close();
    closeSources(this.#sources);
  }
}

function closeSources(sources: readonly Source[]): void {
  for (const { event, mapping } of sources) {
    mapping.release();
    closeDescriptor(event);
  }
}
