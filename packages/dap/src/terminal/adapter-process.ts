/** The adapter as the terminal sees it: the same `probelens dap` that editors start, spoken to in DAP on its stdio. */
import { execa } from 'execa';
import { type Event, type JsonObject, type Message, objectOf, type Response, textOf } from '../core/message.js';
import { Decoder, encode } from '../delve/framing.js';
import { sentenceOf } from '../errors.js';

/** The adapter said no; the message is its sentence. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
}

export interface AdapterListener {
  readonly onEvent: (event: Event) => void;
  /** Once, when the process has ended. `said`: the last line that it wrote to stderr. */
  readonly onEnded: (said: string) => void;
}

interface Waiting {
  readonly resolve: (body: JsonObject) => void;
  readonly reject: (error: Error) => void;
}

/** Longer than the adapter's own limit for leaving a program (core/endings.ts). */
const endingLimitMs = 20_000;
const rememberedCharacters = 2_000;

const start = (command: readonly string[]) => {
  const [file = '', ...args] = command;
  // A session of its own: Ctrl-C and Ctrl-\ are for the terminal, which ends the adapter in order.
  return execa(file, args, {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
  });
};

/** Of Delve (service/dap, errors of the build); here there is one place to look at. */
const elsewhere = 'Check the debug console for details.';

const complaint = (response: Response): string => {
  const format = textOf(objectOf(objectOf(response.body).error).format);
  const said = format ?? response.message ?? `The adapter refused "${response.command}".`;
  return said.replace(elsewhere, 'what the compiler said stands above.');
};

export class AdapterProcess {
  readonly #child: ReturnType<typeof start>;
  readonly #listener: AdapterListener;
  readonly #waiting = new Map<number, Waiting>();
  #seq = 0;
  #said = '';
  #over = false;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;

  constructor(command: readonly string[], listener: AdapterListener) {
    this.#listener = listener;
    this.#child = start(command);
    const decoder = new Decoder();
    this.#child.stdout.on('data', (chunk: Buffer) => {
      try {
        for (const message of decoder.push(chunk)) this.#receive(message);
      } catch (error) {
        this.#said = sentenceOf(error);
        this.#child.kill('SIGTERM');
      }
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-rememberedCharacters);
    });
    // A write to an adapter that has just died; `ended` tells.
    this.#child.stdin.on('error', () => undefined);
    this.ended = this.#untilEnd();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async #untilEnd(): Promise<void> {
    await this.#child;
    this.#over = true;
    const said = this.#said.trim().split('\n').at(-1) ?? '';
    const error = new RequestFailure(`The debug adapter has ended${said === '' ? '.' : `: ${said}`}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#listener.onEnded(said);
  }

  #receive(message: Message): void {
    switch (message.type) {
      case 'event':
        this.#listener.onEvent(message);
        return;
      case 'request':
        // Nothing was announced that an adapter could ask for.
        this.#send({ seq: 0, type: 'response', request_seq: message.seq, command: message.command, success: false });
        return;
      case 'response': {
        const waiting = this.#waiting.get(message.request_seq);
        this.#waiting.delete(message.request_seq);
        if (message.success) waiting?.resolve(objectOf(message.body));
        else waiting?.reject(new RequestFailure(complaint(message)));
        return;
      }
    }
  }

  #send(message: Message): number {
    this.#seq += 1;
    this.#child.stdin.write(encode({ ...message, seq: this.#seq }));
    return this.#seq;
  }

  /** Body of the answer. Rejects with RequestFailure. */
  request(command: string, args: JsonObject = {}): Promise<JsonObject> {
    if (this.#over) return Promise.reject(new RequestFailure('The debug adapter has ended.'));
    const seq = this.#send({ seq: 0, type: 'request', command, arguments: args });
    return new Promise((resolve, reject) => this.#waiting.set(seq, { resolve, reject }));
  }

  /** Closes its input, which ends the session in order; kills only what does not end by itself. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endingLimitMs);
    await this.ended;
    clearTimeout(timer);
  }
}
