/** Lines of earlier sessions, one a line, oldest first: a private file in XDG_STATE_HOME. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

const kept = 1_000;

/** The specification ignores paths that are not absolute (XDG Base Directory 0.8). */
export const stateDirectory = (env: NodeJS.ProcessEnv): string => {
  const home = env.XDG_STATE_HOME ?? '';
  return join(isAbsolute(home) ? home : join(homedir(), '.local/state'), 'probelens');
};

const isSystemError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && 'code' in error;

export class History {
  readonly #path: string;
  /** A disk that cannot be written to costs the history and nothing else. */
  #broken = false;
  #last: string | undefined;

  constructor(directory: string) {
    this.#path = join(directory, 'debug-history');
  }

  /** Latest first, as readline has them. */
  load(): string[] {
    try {
      const lines = readFileSync(this.#path, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
      const latest = lines.slice(-kept);
      if (lines.length > 2 * kept) writeFileSync(this.#path, `${latest.join('\n')}\n`, { mode: 0o600 });
      this.#last = latest.at(-1);
      return latest.reverse();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return [];
    }
  }

  /** At once, so that a killed session has its history. */
  add(line: string): void {
    if (this.#broken || line === this.#last) return;
    this.#last = line;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      appendFileSync(this.#path, `${line}\n`, { mode: 0o600 });
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#broken = true;
    }
  }
}
