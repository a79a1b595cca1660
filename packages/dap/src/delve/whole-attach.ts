/**
 * Delve 1.27 attaches to the threads that /proc lists at one moment (proc_linux.go, updateThreadList). One that the
 * program starts meanwhile from a thread whose turn has not come is never traced: it runs on while the others stand, and
 * dies of the first breakpoint in its way, and the program with it (measured: about 1 of 100 busy programs, 4 of 15 made for it). So Delve lets
 * go, before anything has been written, and attaches anew.
 */
import { type Message, numberOf, objectOf, type Request } from '../core/message.js';
import { untracedThreads } from '../kernel/target.js';

/** Attempts in all; a program that starts threads all the time may never be had whole. */
const attemptLimit = 6;

export type Heard = 'tell' | 'leave-out' | 'attach-again';

const missedThreads = (count: number): string =>
  `Delve does not have ${count} of the program's threads, which started while it attached: a breakpoint there ends the program.`;

/**
 * Of a Delve that somebody else has started: that one is not ours to attach anew. Where the program is on another machine
 * nothing is known of it. Gates are safe: they never fire in a thread that nobody traces.
 */
export const remoteWarning = (pid: number | undefined): string | undefined => {
  const missed = pid === undefined ? 0 : untracedThreads(pid);
  return missed === 0 ? undefined : `${missedThreads(missed)} End that Delve, and start it again.\n`;
};

export class WholeAttach {
  #initialize: Request | undefined;
  #attach: Request | undefined;
  #attempts = 1;
  #missed = 0;
  /** What the core sends while Delve attaches anew. */
  #waiting: Message[] | undefined;

  /** Requests that wait must not be sent. */
  sends(message: Message): boolean {
    if (this.#waiting !== undefined) {
      this.#waiting.push(message);
      return false;
    }
    if (message.type === 'request' && message.command === 'initialize') this.#initialize = message;
    if (message.type === 'request' && message.command === 'attach') this.#attach = message;
    return true;
  }

  /** Delve's `initialized` says that it has attached; it comes before its answer. `tracee`: what Delve has then. */
  hears(message: Message, tracee: () => number | undefined): Heard {
    if (message.type === 'event' && message.event === 'initialized') {
      const pid = this.#attach === undefined ? undefined : this.#pidOf(this.#attach, tracee);
      const missed = pid === undefined ? 0 : untracedThreads(pid);
      if (missed > 0 && this.#attempts >= attemptLimit) this.#missed = missed;
      if (missed === 0 || this.#attempts >= attemptLimit) return 'tell';
      this.#attempts += 1;
      this.#waiting ??= [];
      return 'attach-again';
    }
    if (this.#waiting === undefined) return 'tell';
    // The client has the other events already, and our own `initialize` is nobody's.
    const refused = message.type === 'response' && message.request_seq === this.#attach?.seq && !message.success;
    return refused ? 'tell' : 'leave-out';
  }

  /** With `waitFor` only Delve knew it; the next one is told which, or it might take another of the same name. */
  #pidOf(attach: Request, tracee: () => number | undefined): number | undefined {
    const args = objectOf(attach.arguments);
    if (args.waitFor === undefined) return numberOf(args.processId);
    const processId = tracee();
    if (processId !== undefined) this.#attach = { ...attach, arguments: { ...args, processId, waitFor: undefined } };
    return processId;
  }

  /** For the person, once: every attempt has missed some. */
  warning(): string | undefined {
    const missed = this.#missed;
    this.#missed = 0;
    return missed === 0
      ? undefined
      : `${missedThreads(missed)} Disconnect, and attach again when it starts fewer threads.\n`;
  }

  /** To be sent to the next Delve when it is there, and again at its answer, until there is nothing more. */
  nextFor(answer: Message | undefined): Request | undefined {
    if (answer === undefined) return this.#initialize;
    const greeted = answer.type === 'response' && answer.request_seq === this.#initialize?.seq;
    return greeted && this.#waiting !== undefined ? this.#attach : undefined;
  }

  /** Delve has the program, or has refused: what waited may go on. */
  release(): readonly Message[] {
    const waited = this.#waiting ?? [];
    this.#waiting = undefined;
    return waited;
  }
}
