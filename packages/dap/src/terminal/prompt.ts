/** Lines and keys of a person, done one after the other; the prompt says whether the program runs. */
import { sentenceOf } from '../errors.js';
import type { Desk } from './desk.js';
import type { Key } from './keys.js';
import type { LineEditor } from './line-editor.js';
import { isComplaint, perform } from './perform.js';

const prompts = { starting: '(starting) ', running: '(running) ', stopped: '(probelens) ', ended: '(ended) ' } as const;

export class Prompt {
  readonly #desk: Desk;
  readonly #editor: LineEditor;
  readonly #queue: string[] = [];
  #busy = false;
  /** For an empty line. */
  #repeat = '';

  constructor(desk: Desk, editor: LineEditor) {
    this.#desk = desk;
    this.#editor = editor;
  }

  /** Shows the prompt where a line is waited for. */
  refresh(): void {
    if (!this.#busy) this.#editor.prompt(prompts[this.#desk.program.state]);
  }

  take(line: string): void {
    this.#queue.push(line.trim() === '' ? this.#repeat : line);
    if (!this.#busy) void this.#work();
  }

  press(key: Key): void {
    this.#editor.hide();
    for (const line of key.does) {
      this.#editor.print(`${key.name}: ${line}`);
      this.#queue.push(line);
    }
    if (!this.#busy) void this.#work();
  }

  /** Ctrl+C. What was typed ahead is forgotten. */
  interrupt(): void {
    this.#queue.length = 0;
    const { program } = this.#desk;
    if (program.state !== 'running') {
      this.#editor.print('`quit` or Ctrl+D ends the session.');
      this.refresh();
      return;
    }
    void program.pause().catch((error: unknown) => {
      if (!isComplaint(error)) throw error;
      this.#editor.print(error.message);
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let line = this.#queue.shift(); line !== undefined; line = this.#queue.shift()) {
      try {
        const command = await perform(this.#desk, line);
        this.#repeat = command?.repeats === true ? repeated(line) : '';
        // A step is over in no time mostly, and what is typed next is meant for the place behind it.
        if (command?.resumes === true && command.names[0] !== 'continue') await this.#desk.program.untilHalt();
      } catch (error) {
        this.#repeat = '';
        this.#editor.print(isComplaint(error) ? error.message : `A defect of the terminal: ${sentenceOf(error)}`);
      }
    }
    this.#busy = false;
    this.refresh();
  }
}

/** `list main.price` goes on as `list`. */
const repeated = (line: string): string => (/^\s*l(s|ist)?\b/.test(line) ? 'list' : line);
