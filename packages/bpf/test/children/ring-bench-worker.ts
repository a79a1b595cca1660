/**
 * Counts the records of a ring buffer in a thread of its own and adds up a field of each; answers every message with
 * what it has seen since the one before, and the time it spent reading.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type OnRecord, RingBuffer, type RingSource } from '../../src/index.js';

export interface Seen {
  readonly records: number;
  readonly sum: number;
  /** Calls that found something. */
  readonly drains: number;
  readonly readingNs: number;
}

const { source, watch } = workerData as { readonly source: RingSource; readonly watch: { readonly interval: number } };
const ring = new RingBuffer(source);
let [records, sum, drains, reading] = [0, 0, 0, 0n];

const add: OnRecord = (view, offset) => {
  sum += view.getUint32(offset, true);
};

const drain = (): void => {
  const start = process.hrtime.bigint();
  const found = ring.drain(add);
  reading += process.hrtime.bigint() - start;
  records += found;
  if (found > 0) drains++;
};

ring.onReadable(drain, watch);
parentPort?.on('message', (message: 'report' | 'close') => {
  if (message === 'close') {
    ring.close();
    parentPort?.close();
    return;
  }
  drain();
  const seen: Seen = { records, sum, drains, readingNs: Number(reading) };
  [records, sum, drains, reading] = [0, 0, 0, 0n];
  parentPort?.postMessage(seen);
});
parentPort?.postMessage('ready');
