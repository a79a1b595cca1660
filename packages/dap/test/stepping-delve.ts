/** What Delve 1.27.2 makes of breakpoints and steps, as far as a session can see it. */
import type { Input, Request } from '../src/index.js';

const resuming = new Set(['continue', 'next', 'stepIn', 'configurationDone']);
export const isStep = (command: string): boolean => command === 'next' || command === 'stepIn';

export type DelveMessage = Input & { readonly kind: 'delve-message' };

interface SetArguments {
  readonly source?: { readonly path: string };
  readonly breakpoints?: readonly { readonly line?: number }[];
}

/** What a request replaces. */
export const groupOf = (command: string, args: unknown): string =>
  `${command} ${((args ?? {}) as SetArguments).source?.path ?? ''}`;

type AddressOf = (file: string, line: number) => number;

/** Whose breakpoints it has, which steps it refuses, and what it says of those it keeps. */
export class SteppingDelve {
  running = false;
  /** The goroutine of the step whose breakpoints are in the text. */
  stepping: number | undefined;
  #refuses = false;
  #kept = false;
  #seq = 0;
  readonly #breakpoints = new Map<string, SetArguments>();

  /**
   * Breakpoints go in at once, and a failure in the answer takes none of them out: the worse case for the core. A second
   * step is refused, and the breakpoints are the first one's still (pkg/proc/target_exec.go, Next: "next while nexting").
   */
  takeStep(goroutine: number): void {
    this.#refuses = this.stepping !== undefined;
    this.stepping ??= goroutine;
  }

  /** As they were sent. */
  breakpoints(command: string, args: unknown): readonly unknown[] {
    return this.#breakpoints.get(groupOf(command, args))?.breakpoints ?? [];
  }

  #placesOf({ source, breakpoints = [] }: SetArguments, addressOf: AddressOf): readonly number[] {
    return breakpoints.flatMap(({ line }) =>
      source === undefined || line === undefined ? [] : [addressOf(source.path, line)],
    );
  }

  /** Addresses of line breakpoints in the text. */
  places(addressOf: AddressOf): readonly number[] {
    return [...this.#breakpoints.values()].flatMap((args) => this.#placesOf(args, addressOf));
  }

  /** Addresses of line breakpoints that a request names. */
  asks({ command, arguments: args }: Request, addressOf: AddressOf): readonly number[] {
    return command === 'setBreakpoints' ? this.#placesOf((args ?? {}) as SetArguments, addressOf) : [];
  }

  /** The program begins anew; a person's breakpoints are in it again (proc.Restart). */
  restart(): DelveMessage {
    this.running = false;
    this.stepping = undefined;
    this.#refuses = false;
    this.#kept = false;
    return this.event('initialized');
  }

  event(event: string, body?: unknown): DelveMessage {
    this.#seq += 1;
    return { kind: 'delve-message', message: { seq: this.#seq, type: 'event', event, body } };
  }

  answer({ seq, command, arguments: args }: Request, success: boolean, choice: number): DelveMessage {
    if (success && resuming.has(command)) this.running = true;
    this.#seq += 1;
    const given = (args ?? {}) as SetArguments;
    if (success && command.startsWith('set')) this.#breakpoints.set(groupOf(command, given), given);
    const placed = (given.breakpoints ?? []).map((_, index) => ({
      id: this.#seq * 10 + index,
      verified: true,
      line: 1,
    }));
    // Behind one of the gates, or elsewhere; and the verdict over a condition.
    const pc = 0x401001 + 0x10 * (choice % 4);
    const stackFrames = [{ id: 1, instructionPointerReference: `0x${pc.toString(16)}` }];
    const body = { breakpoints: placed, stackFrames, result: String(choice % 3 === 0) };
    return {
      kind: 'delve-message',
      message: { seq: this.#seq, type: 'response', request_seq: seq, command, success, body },
    };
  }

  /**
   * A refused step stops as an exception (service/dap/server.go, runUntilStopAndNotify). Else a step that is over clears its
   * breakpoints, and so do a breakpoint in its goroutine (target_exec.go, Continue: onNextGoroutine) and a pause (CancelNext).
   * `keeps`: a pause that met another goroutine's breakpoint is called a pause and clears nothing, and a breakpoint may be
   * told of the stepping goroutine where Continue looked at another one's.
   */
  stop(reason: string, threadId: number, keeps = false, ids?: readonly number[]): DelveMessage | undefined {
    if (!this.running) return undefined;
    this.running = false;
    if (this.#refuses) {
      this.#refuses = false;
      const description = 'invalid command';
      return this.event('stopped', { reason: 'exception', description, threadId, allThreadsStopped: true });
    }
    const ends = reason === 'step' || (!keeps && (reason === 'pause' || threadId === this.stepping));
    if (ends) this.stepping = undefined;
    this.#kept = this.stepping !== undefined;
    return this.event('stopped', {
      reason,
      threadId,
      allThreadsStopped: true,
      ...(ids && { hitBreakpointIds: ids }),
    });
  }

  /** Behind a stop that leaves breakpoints of a step (service/dap/server.go, NextInProgress). */
  wordsOfKept(): DelveMessage | undefined {
    if (!this.#kept) return undefined;
    this.#kept = false;
    const output = "Step interrupted by a breakpoint. Use 'Continue' to resume the original step command.\n";
    return this.event('output', { category: 'console', output });
  }
}
