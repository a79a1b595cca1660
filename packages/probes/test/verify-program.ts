/** The fixture that checks every result of its own, and what a test can see of it from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { processState, sendSignal, threadStates, threadsOf } from '../src/agent/process-state.js';
import { fileBytes } from './hand-plan.js';

export interface Verdict {
  readonly calls: number;
  readonly bad: number;
  readonly code: number | null;
}

export class RunningProgram {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #exit: Promise<number | null>;

  constructor(child: ChildProcess) {
    if (child.pid === undefined || child.stdout === null) throw new Error('the program did not start');
    this.pid = child.pid;
    this.#child = child;
    this.#exit = once(child, 'close').then(([code]) => code);
    createInterface({ input: child.stdout }).on('line', (line) => this.#lines.push(line));
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  get alive(): boolean {
    return processState(this.pid) !== undefined;
  }

  /** Processor time used so far, in clock ticks (proc_pid_stat(5), utime and stime). */
  get ticks(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  }

  get states(): readonly string[] {
    return threadStates(this.pid);
  }

  /** Resolves with the exit code, null after a signal. */
  exited(): Promise<number | null> {
    return this.#exit;
  }

  /** Asks verify for its verdict and waits for its end. */
  async finish(): Promise<Verdict> {
    sendSignal(this.pid, 'SIGTERM');
    const code = await this.#exit;
    const [, calls, bad] = /^calls (\d+) bad (\d+)$/.exec(this.#lines.at(-1) ?? '') ?? [];
    if (calls === undefined || bad === undefined)
      throw new Error(`no verdict (exit code ${code}): ${this.#lines.join(' | ')}`);
    return { calls: Number(calls), bad: Number(bad), code };
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

export const startProgram = async (path: string, args: readonly string[] = []): Promise<RunningProgram> => {
  const child = spawn(path, [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const program = new RunningProgram(child);
  child.stderr?.resume();
  await Promise.race([once(child.stdout ?? child, 'data'), program.exited()]);
  if (!program.alive) throw new Error(`${path} ended at once`);
  return program;
};

/** Bytes of the running program at a file offset, by its memory map. */
export const memoryBytes = (pid: number, path: string, offset: number, length: number): Uint8Array => {
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    if (!line.endsWith(path)) continue;
    const [range = '', permissions = '', start = ''] = line.split(' ');
    const [from = 0, to = 0] = range.split('-').map((part) => Number.parseInt(part, 16));
    const first = Number.parseInt(start, 16);
    if (permissions[2] !== 'x' || offset < first || offset >= first + to - from) continue;
    const memory = openSync(`/proc/${pid}/mem`, 'r');
    try {
      const bytes = new Uint8Array(length);
      readSync(memory, bytes, 0, length, from + offset - first);
      return bytes;
    } finally {
      closeSync(memory);
    }
  }
  throw new Error(`${path} is not mapped in ${pid}`);
};

/** File offsets in `[offset, offset + length)` where the running code differs from the file. */
export const changedBytes = (pid: number, path: string, offset: number, length: number): readonly number[] => {
  const live = memoryBytes(pid, path, offset, length);
  const file = fileBytes(path, offset, length);
  return [...live.keys()].filter((at) => live[at] !== file[at]).map((at) => offset + at);
};

/** Bit 4 of the masks: signal 5, SIGTRAP. */
const TRAP = 1n << 4n;

/** Threads with a SIGTRAP that is still to be delivered. */
export const pendingTraps = (pid: number): readonly number[] =>
  threadsOf(pid).filter((tid) => {
    const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1');
    const masks = [...status.matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm)];
    return masks.some((match) => (BigInt(`0x${match[1] ?? '0'}`) & TRAP) !== 0n);
  });
