/**
 * Processes that a test has started. One that fails half-way ends none of them itself; left alone they disturb the next
 * try, and hold the output of the test's process open, for which vitest then waits in vain.
 */
import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeEach } from 'vitest';

type Ending = 'SIGTERM' | 'SIGKILL';

const living = new Map<ChildProcess, Ending>();
/** Started before the test: they are the file's. */
let shared: ReadonlySet<ChildProcess> = new Set();

/** An adapter takes its gates out of the kernel first, one by one; a loaded machine takes its time. */
const patienceMs = 30_000;

/** From now on `child` does not outlive the test that runs; outside of tests, the file. */
export const owned = <Child extends ChildProcess>(child: Child, ending: Ending = 'SIGTERM'): Child => {
  if (child.pid === undefined) return child;
  living.set(child, ending);
  child.once('exit', () => living.delete(child));
  return child;
};

const end = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    const ending = living.get(child);
    if (ending === undefined) {
      resolve();
      return;
    }
    const kill = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill(ending);
  });

/** The latest first: adapters let go of a program before that is ended. */
const endAll = async (kept: ReadonlySet<ChildProcess>): Promise<void> => {
  for (const child of [...living.keys()].toReversed()) if (!kept.has(child)) await end(child);
};

beforeEach(() => {
  shared = new Set(living.keys());
});
afterEach(() => endAll(shared));
afterAll(() => endAll(new Set()));
