/**
 * The prompt: Node's readline with its keys (Ctrl+A, Ctrl+E, Ctrl+W, history), between them the keys of `keys.ts`, and
 * everything that is printed goes above it. Readline reads from a stream of ours, so raw mode is ours too.
 */
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import { PassThrough } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Completion } from './completion.js';
import type { History } from './history.js';
import { type Key, KeyReader } from './keys.js';
import type { Screen } from './screen.js';

export interface EditorListener {
  readonly onLine: (line: string) => void;
  readonly onKey: (key: Key) => void;
  /** Ctrl+C. */
  readonly onInterrupt: () => void;
  /** Ctrl+D on an empty line. */
  readonly onEnd: () => void;
  /** Nothing will be typed any more. */
  readonly onGone: () => void;
  readonly complete: (line: string) => Promise<Completion>;
}

const endByte = '\u0004';
const suspendByte = '\u001a';

export class LineEditor implements Screen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #typed = new PassThrough();
  readonly #reader: Interface;
  readonly #keys = new KeyReader();
  readonly #decoder = new StringDecoder('utf8');
  readonly #listener: EditorListener;
  readonly color: boolean;
  #shown = false;
  #closed = false;
  #question: ((answer: string | undefined) => void) | undefined;
  #partial = '';

  constructor(input: ReadStream, output: WriteStream, history: History, listener: EditorListener) {
    this.#input = input;
    this.#output = output;
    this.#listener = listener;
    this.color = !process.env.NO_COLOR && process.env.TERM !== 'dumb';
    this.#reader = createInterface({
      input: this.#typed,
      output,
      terminal: true,
      history: history.load(),
      historySize: 1_000,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) => {
        void listener.complete(line).then(([names, word]) => done(null, [[...names], word]));
      },
    });
    this.#reader.on('line', (line) => this.#onLine(line, history));
    this.#reader.on('SIGINT', () => this.#onInterrupt());
    this.#reader.on('close', this.#onGone);
    input.setRawMode(true);
    input.on('data', this.#onData);
    input.once('end', this.#onGone);
    input.once('error', this.#onGone);
    process.on('SIGCONT', this.#onContinued);
  }

  get width(): number {
    return this.#output.columns;
  }

  readonly #onData = (chunk: Buffer): void => {
    for (const typed of this.#keys.push(this.#decoder.write(chunk))) {
      if ('key' in typed) this.#listener.onKey(typed.key);
      else this.#onText(typed.text);
    }
  };

  /**
   * One character at a time: of a longer piece readline (Node 20) appends all but the last character to the line, wherever
   * the cursor is.
   */
  #onText(text: string): void {
    for (const character of text) {
      if (character === suspendByte) this.#suspend();
      else if (character === endByte && this.#reader.line === '') this.#onEndKey();
      else this.#typed.write(character);
    }
  }

  #onEndKey(): void {
    if (this.#question === undefined) this.#listener.onEnd();
    else this.#onInterrupt();
  }

  readonly #onGone = (): void => {
    if (this.#closed) return;
    this.#answer(undefined);
    this.#listener.onGone();
  };

  #onLine(line: string, history: History): void {
    this.#shown = false;
    if (this.#question !== undefined) {
      this.#answer(line);
      return;
    }
    if (line.trim() !== '') history.add(line);
    this.#listener.onLine(line);
  }

  #answer(line: string | undefined): void {
    const answer = this.#question;
    this.#question = undefined;
    answer?.(line);
  }

  #onInterrupt(): void {
    if (this.#question !== undefined) {
      this.#output.write('\n');
      this.#answer('');
      return;
    }
    if (this.#reader.line !== '') {
      this.#output.write('^C\n');
      // Ctrl+E, Ctrl+U: the whole line.
      this.#reader.write(null, { ctrl: true, name: 'e' });
      this.#reader.write(null, { ctrl: true, name: 'u' });
      return;
    }
    this.#listener.onInterrupt();
  }

  /** Ctrl+Z, which raw mode takes from the shell. */
  #suspend(): void {
    this.#input.setRawMode(false);
    process.kill(process.pid, 'SIGTSTP');
  }

  readonly #onContinued = (): void => {
    if (this.#closed) return;
    this.#input.setRawMode(true);
    if (this.#shown) this.#reader.prompt(true);
  };

  /** Shows the prompt, with what has been written behind it so far. */
  prompt(text: string): void {
    if (this.#closed) return;
    this.#reader.setPrompt(text);
    if (this.#shown) this.#wipe();
    this.#shown = true;
    this.#reader.prompt(true);
  }

  /** The line is going to be used: what comes is printed below it. */
  hide(): void {
    if (this.#shown) this.#wipe();
    this.#shown = false;
  }

  #wipe(): void {
    const { rows } = this.#reader.getCursorPos();
    cursorTo(this.#output, 0);
    if (rows > 0) moveCursor(this.#output, 0, -rows);
    clearScreenDown(this.#output);
  }

  #write(text: string): void {
    if (this.#closed || !this.#shown) {
      this.#output.write(text);
      return;
    }
    this.#wipe();
    this.#output.write(text);
    this.#reader.prompt(true);
  }

  print(text: string): void {
    this.#flush();
    this.#write(`${text}\n`);
  }

  /** Whole lines at once; the rest waits for its end, or for the next thing that is printed. */
  programText(text: string): void {
    const all = this.#partial + text;
    const end = all.lastIndexOf('\n') + 1;
    this.#partial = all.slice(end);
    if (end > 0) this.#write(all.slice(0, end));
  }

  #flush(): void {
    if (this.#partial === '') return;
    const text = this.#partial;
    this.#partial = '';
    this.#write(`${text}\n`);
  }

  /** Undefined when the terminal goes instead of an answer. */
  ask(question: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#question = resolve;
      this.prompt(question);
    });
  }

  /** The terminal is as it was before. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.hide();
    this.#closed = true;
    process.off('SIGCONT', this.#onContinued);
    this.#input.off('data', this.#onData);
    this.#reader.close();
    this.#input.setRawMode(false);
    this.#input.pause();
  }
}
