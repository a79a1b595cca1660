/**
 * A program at a real terminal, driven as a person does: `script` of util-linux, which every Debian has, opens the
 * pseudo-terminal. What the program shows is kept without colours and cursor movements.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

/** CSI sequences; the line editor uses no others. */
const sequences = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

const patienceMs = 45_000;

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export class PseudoTerminal {
  readonly #script: ChildProcessWithoutNullStreams;
  #shown = '';
  /** Behind what the last `until` found. */
  #read = 0;
  #changed: () => void = () => undefined;
  #over = false;
  /** The program's exit code. */
  readonly ended: Promise<number | null>;

  /** `lines` is run by a shell whose standard streams are the terminal. */
  constructor(lines: string, options: { readonly cwd?: string; readonly env: NodeJS.ProcessEnv }) {
    this.#script = spawn('script', ['-q', '-e', '-c', lines, '/dev/null'], {
      ...options,
      env: { ...options.env, TERM: 'xterm', SHELL: '/bin/sh' },
    });
    this.#script.stdout.on('data', (chunk: Buffer) => {
      this.#shown += chunk.toString('utf8').replaceAll(sequences, '');
      this.#changed();
    });
    this.#script.stdin.on('error', () => undefined);
    this.ended = once(this.#script, 'close').then(([code]: (number | null)[]) => {
      this.#over = true;
      this.#changed();
      return code ?? null;
    });
  }

  static command(words: readonly string[]): string {
    return words.map(quoted).join(' ');
  }

  get shown(): string {
    return this.#shown;
  }

  type(text: string): void {
    this.#script.stdin.write(text);
  }

  /** Waits for this text behind everything that was waited for before; gives what was shown up to its end. */
  async until(text: string | RegExp): Promise<string> {
    for (;;) {
      const rest = this.#shown.slice(this.#read);
      const at = typeof text === 'string' ? rest.indexOf(text) : rest.search(text);
      if (at >= 0) {
        const length = typeof text === 'string' ? text.length : (text.exec(rest)?.[0].length ?? 0);
        this.#read += at + length;
        return rest.slice(0, at + length);
      }
      if (this.#over) throw new Error(`the program ended and never showed ${String(text)}; it showed:\n${rest}`);
      await this.#change(`it never showed ${String(text)}; it shows:\n${rest}`);
    }
  }

  /** Anything new. The limit is only there so that a defect is told with what was on the screen. */
  async #change(otherwise: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#changed = resolve;
      timer = setTimeout(() => reject(new Error(otherwise)), patienceMs);
    });
    clearTimeout(timer);
  }

  /** Whatever happened to the test, nothing of it may stay. */
  close(): void {
    if (!this.#over) this.#script.kill('SIGKILL');
  }
}
