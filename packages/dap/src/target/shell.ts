/** The program of a session without a debugger: started or found here, watched, halted and continued. */
import type { HeldProgram } from '@probelens/probes';
import type { Input } from '../core/input.js';
import type { KernelWish, TargetStart } from '../core/output.js';
import { sentenceOf } from '../errors.js';
import type { KernelShell } from '../kernel/shell.js';
import { threadStates } from '../kernel/target.js';
import { pumpOutput } from './output.js';

/** Looks at a process that somebody else is the parent of. Milliseconds. */
const watchEveryMs = 250;
/** A stop reaches threads within milliseconds; between looks at them. */
const haltLookMs = 2;
/** Not one thread has stopped: the signal was taken back. A loaded machine may take seconds to let threads run at all. */
const noHaltMs = 10_000;
/** Some threads stand and others do not: they wait inside the kernel, and stop when they leave it. */
const partlyHaltedMs = 2_000;
/** From SIGTERM to SIGKILL. */
const graceMs = 3_000;

/** Number of a signal by its name, for exit codes as a shell makes them; linux/signal.h. */
const signals: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

const isGone = (states: readonly string[]): boolean => states.every((state) => state === 'Z' || state === 'X');
const stands = (state: string): boolean => state === 'T' || state === 't' || state === 'Z' || state === 'X';

export class TargetShell {
  readonly #kernel: KernelShell;
  readonly #tell: (input: Input) => void;
  #held: HeldProgram | undefined;
  #pid: number | undefined;
  #watch: NodeJS.Timeout | undefined;
  /** The core has been told. */
  #ended = false;
  /** Its number may be another process's. */
  #reaped = false;
  #opening: Promise<unknown> = Promise.resolve();

  constructor(kernel: KernelShell, tell: (input: Input) => void) {
    this.#kernel = kernel;
    this.#tell = tell;
  }

  /** Of the program, once it is there. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Resolves with the path of the program, or undefined when the kernel side stays closed. */
  open(start: TargetStart, kernel: KernelWish): Promise<string | undefined> {
    const opening = this.#open(start, kernel);
    this.#opening = opening;
    return opening;
  }

  async #open(start: TargetStart, kernel: KernelWish): Promise<string | undefined> {
    this.#ended = false;
    this.#reaped = false;
    try {
      this.#pid = start.kind === 'attach' ? start.pid : await this.#launch(start);
    } catch (error) {
      this.#tell({ kind: 'kernel-unavailable', reason: sentenceOf(error) });
      return undefined;
    }
    this.#tell({ kind: 'target-found', pid: this.#pid });
    const path = start.kind === 'launch' ? start.program : undefined;
    const opened = await this.#kernel.openAlone({ pid: this.#pid, path }, kernel);
    if (opened !== undefined && start.kind === 'attach') this.#watchFor(start.pid);
    return opened;
  }

  async #launch(start: TargetStart & { readonly kind: 'launch' }): Promise<number> {
    const { launchHeld } = await import('@probelens/probes');
    const { program, args, cwd, stdin, env } = start;
    const held = await launchHeld({
      path: program,
      args,
      stdio: 'pipe',
      env,
      ...(cwd === undefined ? {} : { cwd }),
      ...(stdin === undefined ? {} : { stdin }),
    });
    this.#held = held;
    const printed = pumpOutput(held.output, (category, text) => this.#tell({ kind: 'target-output', category, text }));
    void held.ended.then(async ({ code, signal }) => {
      this.#reaped = true;
      // What it printed last comes before its end.
      await printed;
      this.#gone(code ?? 128 + (signals[signal ?? ''] ?? 0));
    });
    return held.pid;
  }

  #watchFor(pid: number): void {
    this.#watch = setInterval(() => {
      if (isGone(threadStates(pid))) this.#gone(undefined);
    }, watchEveryMs);
  }

  #gone(code: number | undefined): void {
    clearInterval(this.#watch);
    if (this.#ended) return;
    this.#ended = true;
    this.#tell({ kind: 'target-ended', code });
  }

  release(): void {
    this.#held?.release();
  }

  /** Resolves when it has told. */
  async awaitHalt(ticket: number): Promise<void> {
    const resumed = this.#kernel.halting();
    const state = await this.#haltState();
    await this.#kernel.drained();
    if (state !== 'halted') resumed();
    this.#tell({ kind: 'halted', ticket, state });
  }

  async #haltState(): Promise<'halted' | 'running' | 'gone'> {
    const since = Date.now();
    for (;;) {
      const states = this.#pid === undefined ? [] : threadStates(this.#pid);
      if (this.#ended || isGone(states)) return 'gone';
      if (states.every(stands)) return 'halted';
      const waited = Date.now() - since;
      const some = states.includes('T');
      // A thread that is only waiting for a processor has not been asked yet.
      const inKernel = states.every((state) => stands(state) || state === 'D');
      if (some && waited > (inKernel ? partlyHaltedMs : noHaltMs)) return 'halted';
      if (!some && waited > noHaltMs) return 'running';
      await pause(haltLookMs);
    }
  }

  async goOn(focus: number | undefined): Promise<void> {
    if (!(await this.#kernel.goOn(focus))) this.#continue();
  }

  /** The agent is gone and its guard does the same: whoever comes first. */
  #continue(): void {
    if (this.#pid === undefined || this.#ended || !threadStates(this.#pid).includes('T')) return;
    this.#signal('SIGCONT');
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL' | 'SIGCONT'): void {
    if (this.#pid === undefined || this.#ended || this.#reaped) return;
    try {
      process.kill(this.#pid, signal);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return;
      const body = { category: 'stderr', output: `The program was not sent ${signal}: ${sentenceOf(error)}\n` };
      this.#tell({ kind: 'delve-message', message: { seq: 0, type: 'event', event: 'output', body } });
    }
  }

  /** Asks the program to end, and makes it end when it does not. */
  async end(): Promise<void> {
    this.#signal('SIGTERM');
    const until = Date.now() + graceMs;
    while (!this.#ended && Date.now() < until) await pause(10);
    this.#signal('SIGKILL');
  }

  /** Nothing of this session holds the program any more. A program that waits to begin never does. */
  async close(terminated: boolean): Promise<void> {
    await this.#opening;
    clearInterval(this.#watch);
    if (terminated && !this.#ended) this.#signal('SIGKILL');
    else this.#continue();
    // A child of the program may hold its output open for ever.
    if (terminated) await Promise.race([this.#held?.ended, pause(graceMs)]);
  }
}
