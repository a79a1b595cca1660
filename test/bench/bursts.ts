/** The fixture "bursts": so many calls of main.price when it is told, and quiet in between. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export class Bursts {
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, lines: AsyncIterator<string>) {
    if (child.pid === undefined) throw new Error('the program did not start');
    this.pid = child.pid;
    this.#child = child;
    this.#lines = lines;
  }

  /** On one processor, so that those who read its events have the others. */
  static async start(path: string): Promise<Bursts> {
    const child = spawn(path, [], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, GOMAXPROCS: '1' } });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const bursts = new Bursts(child, lines);
    await lines.next();
    return bursts;
  }

  /** Makes so many calls; resolves when they are made with the program's own nanoseconds for them. */
  async make(calls: number): Promise<number> {
    this.#child.stdin.write(`${calls}\n`);
    const { value } = await this.#lines.next();
    const told = /^done (\d+) (\d+)$/.exec(String(value));
    if (Number(told?.[1]) !== calls) throw new Error(`the program said ${String(value)}`);
    return Number(told?.[2]);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
