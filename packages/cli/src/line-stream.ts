import { isSystemError, printBytes } from './output.js';

/** Above this many characters lines are written at once. */
const enough = 1 << 16;

/** Lines for stdout from callbacks that come a million times a second: written in large pieces. */
export class LineStream {
  #text = '';
  #scheduled = false;
  #failure: unknown;
  readonly #onGone: () => void;

  /** `onGone` is called when nobody reads any more, and when the lines cannot be written (`failure`). */
  constructor(onGone: () => void) {
    this.#onGone = onGone;
  }

  /** Why lines were lost, a full disk for example. Undefined when the reader has gone, which is a normal end. */
  get failure(): unknown {
    return this.#failure;
  }

  add(line: string): void {
    if (this.#failure !== undefined) return;
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
      // A throw from here would end the process in the middle, with its probes still in.
      if (!isSystemError(error) || error.code !== 'EPIPE') this.#failure = error;
      this.#onGone();
    }
  }
}
