/**
 * A Delve that hangs while it halts its program. It halts by a SIGTRAP to the process, and steps threads over breakpoints
 * one by one while the others stand (Delve 1.27, proc_linux.go, resume): the signal passes for the end of such a step, and
 * halts nothing; and a step over a system call that waits for another thread never ends (measured: futex, after `next` of a
 * goroutine that is parked there). Neither `pause` nor anything behind it is answered then. Another SIGTRAP ends the wait:
 * it is the one that Delve has sent itself, and one too many is left out (target_exec.go, "just repeat").
 */
import type { Message } from '../core/message.js';
import { threadStates, tracerOf, trapPending, untracedThreads } from '../kernel/target.js';

/** Milliseconds; Delve halts within some. */
const lookEveryMs = 1_000;

/** Not `disconnect`: once the program is let go of, a SIGTRAP kills it. */
const halting: ReadonlySet<string> = new Set([
  'pause',
  'setBreakpoints',
  'setFunctionBreakpoints',
  'setInstructionBreakpoints',
]);

/** Whether some of its threads are not halted, and no SIGTRAP is on its way to one; never where one would kill it. */
export const waitsForTrap = (pid: number): boolean => {
  if (tracerOf(pid) === undefined) return false;
  const states = threadStates(pid).filter((state) => state !== 'Z' && state !== 'X');
  if (!states.some((state) => state !== 't') || trapPending(pid)) return false;
  // Last: Delve may have let go of it since the first look.
  return untracedThreads(pid) === 0 && tracerOf(pid) !== undefined;
};

export interface HaltWatchOptions {
  /** The process that Delve has; undefined where nobody can tell. */
  readonly tracee: () => number | undefined;
  readonly waits?: (pid: number) => boolean;
  readonly trap?: (pid: number) => void;
}

export class HaltWatch {
  readonly #options: Required<HaltWatchOptions>;
  readonly #unanswered = new Set<number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HaltWatchOptions) {
    this.#options = { waits: waitsForTrap, trap: sendTrap, ...options };
  }

  sent(message: Message): void {
    if (message.type !== 'request' || !halting.has(message.command)) return;
    this.#unanswered.add(message.seq);
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs);
  }

  /**
   * Delve halts for one request after the other. One that has found debug information to be fetched gives that up and is
   * never answered (server.go, onPauseRequest): what is answered behind it says that it is over.
   */
  heard(message: Message): void {
    if (message.type !== 'response') return;
    for (const seq of this.#unanswered) if (seq <= message.request_seq) this.#unanswered.delete(seq);
    if (this.#unanswered.size === 0) this.close();
  }

  #look(): void {
    const pid = this.#options.tracee();
    if (pid !== undefined && this.#options.waits(pid)) this.#options.trap(pid);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#unanswered.clear();
  }
}

const sendTrap = (pid: number): void => {
  try {
    process.kill(pid, 'SIGTRAP');
  } catch (error) {
    // It has ended, or is somebody else's.
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
};
