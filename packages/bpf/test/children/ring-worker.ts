/** Reads a ring buffer in a thread of its own; posts how many records it has seen, and the sum of their numbers. */
import { parentPort, workerData } from 'node:worker_threads';
import { RingBuffer, type RingSource } from '../../src/index.js';

const source = workerData as RingSource;
const ring = new RingBuffer(source);
let records = 0;
let sum = 0;
ring.onReadable(() => {
  records += ring.drain((view, offset) => {
    sum += view.getUint32(offset, true);
  });
  parentPort?.postMessage({ records, sum });
});
parentPort?.postMessage('ready');
