import { statOf } from '../kernel/target.js';

const lookMs = 50;

/** One process, told from a later one of the same number. */
export class ProcessWatch {
  readonly #pid: number;
  readonly #startTime: string | undefined;

  /** 0: none, which has ended. */
  constructor(pid: number) {
    this.#pid = pid;
    this.#startTime = pid === 0 ? undefined : statOf(pid)?.startTime;
  }

  get hasEnded(): boolean {
    const now = this.#startTime === undefined ? undefined : statOf(this.#pid);
    // A zombie waits for its parent only.
    return now === undefined || now.startTime !== this.#startTime || now.state === 'Z';
  }

  async endsWithin(milliseconds: number): Promise<boolean> {
    const latest = performance.now() + milliseconds;
    while (!this.hasEnded && performance.now() < latest) await new Promise((resolve) => setTimeout(resolve, lookMs));
    return this.hasEnded;
  }

  /** SIGKILL, where it is still there. */
  kill(): void {
    if (this.hasEnded) return;
    try {
      process.kill(this.#pid, 'SIGKILL');
    } catch (error) {
      // It ended meanwhile, or it is somebody else's.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
}
