import { isSystemError, printBytes } from './output.js';

/** Above this many characters lines are written at once. */
const enough = 1 << 16;

/** Lines for stdout from callbacks that come a million times a second: written in large pieces. */
export class LineStream {
  #text = '';
  #scheduled = false;
  readonly #onGone: () => void;

  /** `onGone` is called once when nobody reads any more. */
  constructor(onGone: () => void) {
    this.#onGone = onGone;
  }

  add(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length >= enough) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
  }

  flush(): void {
    this.#scheduled = false;
    const text = this.#text;
    this.#text = '';
    try {
      printBytes(Buffer.from(text));
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EPIPE') throw error;
      this.#onGone();
    }
  }
}
