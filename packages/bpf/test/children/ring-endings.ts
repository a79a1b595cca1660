/** Ends as told by its first argument; its parent checks that it ends at all, and how. */
import { LossCounter, RingBuffer } from '../../src/index.js';
import { context, ringMap, writerProgram } from '../events.js';

const [how] = process.argv.slice(2);
const map = ringMap(65_536);
const ring = new RingBuffer(map);
const writer = writerProgram(map, new LossCounter(), 8);

switch (how) {
  case 'close': {
    const watch = ring.onReadable(() => {
      process.stdout.write(`${ring.drain(() => undefined)} record\n`);
      watch.close();
      ring.close();
    });
    writer.testRun(context(1));
    break;
  }
  case 'unref':
    ring.onReadable(() => undefined).unref();
    break;
  case 'interval': {
    const watch = ring.onReadable(
      () => {
        process.stdout.write(`${ring.drain(() => undefined)} record\n`);
        watch.unref();
      },
      { interval: 60_000 },
    );
    writer.testRun(context(1));
    break;
  }
  case 'exit':
    ring.onReadable(() => undefined);
    process.exit(3);
    break;
  case 'throw':
    ring.onReadable(() => {
      ring.drain(() => {
        throw new Error('thrown while draining');
      });
    });
    writer.testRun(context(1));
    break;
  case 'promise':
    // Promises settle between one callback and the next, as in any other callback of the event loop.
    ring.onReadable(() => {
      ring.drain(() => undefined);
      void Promise.resolve().then(() => {
        process.stdout.write('settled\n');
        ring.close();
      });
    });
    writer.testRun(context(1));
    break;
  default:
    throw new Error(`no such ending: ${how}`);
}
