/** Where the programs that make system calls on eBPF keep their goroutine's id: their files are looked at, once each. */
import { statSync } from 'node:fs';
import { openGoBinary } from '@probelens/gosym';
import type { SourceRuntime } from '../protocol.js';
import { guessedOffsets, guessedTls } from './layout.js';
import { isSystemError } from './process-memory.js';
import type { SeenCall } from './records.js';

/** More than a machine runs of those that load eBPF programs. */
const mostPrograms = 256;

/** Undefined for what is no Go program, or does not tell. */
const runtimeOf = async (path: string): Promise<SourceRuntime | undefined> => {
  try {
    const binary = await openGoBinary(path);
    const { goid, tlsG } = binary.runtime;
    binary.close();
    return goid === undefined || tlsG === undefined ? undefined : { goid, tlsG };
  } catch (error) {
    // Not Go, or gone meanwhile: there is no goroutine to be named then.
    if (error instanceof Error) return undefined;
    throw error;
  }
};

export class GoPrograms {
  readonly #runtimes = new Map<string, Promise<SourceRuntime | undefined>>();

  /** Decimal; "0" where nobody can tell. */
  async goroutineOf({ header, guesses }: SeenCall): Promise<string> {
    const runtime = await this.#runtime(header.pid);
    if (runtime === undefined || runtime.tlsG !== guessedTls) return '0';
    const index = guessedOffsets.indexOf(runtime.goid);
    return String(guesses[index] ?? 0n);
  }

  #runtime(pid: number): Promise<SourceRuntime | undefined> {
    const path = `/proc/${pid}/exe`;
    let key: string;
    try {
      const { dev, ino } = statSync(path, { bigint: true });
      key = `${dev}:${ino}`;
    } catch (error) {
      if (isSystemError(error)) return Promise.resolve(undefined);
      throw error;
    }
    const known = this.#runtimes.get(key);
    if (known !== undefined) return known;
    if (this.#runtimes.size >= mostPrograms) this.#runtimes.clear();
    const found = runtimeOf(path);
    this.#runtimes.set(key, found);
    return found;
  }
}
