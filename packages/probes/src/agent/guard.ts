/**
 * The guard: a process of its own, in a session of its own, that outlives the agent by as long as somebody may be left
 * stopped by what the agent did, or with a breakpoint in its code.
 *
 * While the agent lives it does everything itself and the guard only listens. After the agent's death the kernel takes
 * the probes out; the guard continues a target that the agent's probes had stopped, and one that Delve, dying too,
 * left in state T. What the kernel could not take out, since the agent was killed while it did so itself, the guard
 * lets it take out then (leaked-breakpoints.ts); only for that does it load anything into the kernel.
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type GuardOrder, parseOrder } from './guard-protocol.js';
import { removeNote } from './journal.js';
import { isAlive, isStopped, type ProcessIdentity, processStatus, sendSignal } from './process-state.js';

type Watched = Extract<GuardOrder, { kind: 'watch' }>;

/** Often enough that nobody sees the pause, seldom enough to cost nothing. */
const LOOK_EVERY_MS = 100;
/**
 * A stop that was on its way when the agent died shows within a few milliseconds: signals are delivered on the way back
 * to user mode. One second covers a machine that is short of processors.
 */
const SETTLE_MS = 1_000;

export interface GuardOptions {
  readonly input: Readable;
}

/** Resolves with the exit code when there is nothing left to guard. */
export const runGuard = async (options: GuardOptions): Promise<number> => {
  // The terminal's signals are for the agent; what it leaves behind is exactly what the guard waits for.
  const ignored: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const ignore = (): void => undefined;
  for (const signal of ignored) process.on(signal, ignore);
  try {
    const left = await listenToAgent(options.input);
    await Promise.all(
      left.map(async (watched) => {
        await mend(watched);
        await mendCode(watched);
        if (watched.note !== undefined) removeNote(watched.note);
      }),
    );
    return 0;
  } finally {
    for (const signal of ignored) process.off(signal, ignore);
  }
};

/** Everything the agent had not taken back when its input ended. */
const listenToAgent = async (input: Readable): Promise<readonly Watched[]> => {
  const watched = new Map<number, Watched>();
  for await (const line of createInterface({ input })) {
    const order = parseOrder(line);
    if (order === undefined) continue;
    if (order.kind === 'goodbye') return [];
    if (order.kind === 'forget') watched.delete(order.pid);
    else watched.set(order.target.pid, order);
  }
  return [...watched.values()];
};

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));

/** Waits for the tracer's end, then keeps the target running until everything that was on its way has arrived. */
const mend = async (watched: Watched): Promise<void> => {
  const { target, tracer } = watched;
  if (tracer !== undefined && !(await tracerIsGone(target, tracer))) return;
  if (tracer === undefined && !watched.stops) return;
  const settled = Date.now() + SETTLE_MS;
  do {
    if (!isAlive(target)) return;
    if (isStopped(target.pid)) sendSignal(target.pid, 'SIGCONT');
    await pause();
  } while (Date.now() < settled);
};

/** A dying agent's links may still be on their way out: what they explain is not taken out by the first try. */
const MEND_TRIES = 20;

/** While somebody debugs the target its code is that one's business; `mend` has waited for it. */
const mendCode = async ({ target, text }: Watched): Promise<void> => {
  if (text.length === 0) return;
  // Loaded now: a guard that has nothing to do stays small.
  const { mendText } = await import('./leaked-breakpoints.js');
  let left = text;
  for (let tries = 0; tries < MEND_TRIES && left.length > 0; tries++) {
    if (tries > 0) await pause();
    if ((processStatus(target.pid)?.tracer ?? 0) !== 0) return;
    left = left.filter((changed) => !mendText(target, changed));
  }
};

/**
 * A traced process is the tracer's business: a stop is what its user sees, not an accident. True when the tracer died,
 * false when it let go in good order and nothing is left to mend.
 */
const tracerIsGone = async (target: ProcessIdentity, tracer: ProcessIdentity): Promise<boolean> => {
  // A dying tracer lets go some moments before its process is seen to be gone.
  let untraced = 0;
  while (isAlive(tracer) && isAlive(target)) {
    untraced = processStatus(target.pid)?.tracer === 0 ? untraced + 1 : 0;
    if (untraced * LOOK_EVERY_MS >= SETTLE_MS) return false;
    await pause();
  }
  return true;
};
