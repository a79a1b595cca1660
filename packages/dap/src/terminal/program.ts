/** The debugged program as the adapter tells of it: does it run, where does it stand, what is selected. */
import { type Event, type JsonObject, listOf, numberOf, objectOf, stringOf, textOf } from '../core/message.js';
import { AdapterProcess, RequestFailure } from './adapter-process.js';

export interface Frame {
  readonly id: number;
  readonly name: string;
  /** "" where there is no source. */
  readonly file: string;
  readonly line: number;
}

export interface Stop {
  /** DAP's: "breakpoint", "step", "pause", "entry", "exception". */
  readonly reason: string;
  /** What the adapter has to say to the reason; "" mostly. */
  readonly text: string;
  readonly goroutine: number | undefined;
  /** DAP ids. */
  readonly breakpoints: readonly number[];
}

export type ProgramState = 'starting' | 'running' | 'stopped' | 'ended';

export type Start =
  /** `waits`: path of a program that nobody stops at its entry; it begins with the first `continue`. */
  | { readonly kind: 'launch'; readonly arguments: JsonObject; readonly waits?: string }
  | { readonly kind: 'attach'; readonly pid: number; readonly arguments: JsonObject };

export interface ProgramListener {
  readonly onOutput: (text: string, fromProgram: boolean) => void;
  /** Shown before anything else is done with the stop. */
  readonly onStopped: (stop: Stop) => Promise<void>;
  readonly onBreakpoint: (breakpoint: JsonObject) => void;
  readonly onState: () => void;
  /** The adapter died although nobody ended it. */
  readonly onLost: (said: string) => void;
}

const stopOf = (body: unknown): Stop => {
  const { reason, text, description, threadId, hitBreakpointIds } = objectOf(body);
  return {
    reason: stringOf(reason) ?? 'stopped',
    text: textOf(text) ?? textOf(description) ?? '',
    goroutine: numberOf(threadId),
    breakpoints: listOf(hitBreakpointIds).flatMap((id) => numberOf(id) ?? []),
  };
};

const frameOf = (value: unknown): Frame => {
  const { id, name, line, source } = objectOf(value);
  return {
    id: numberOf(id) ?? 0,
    name: stringOf(name) ?? '',
    file: textOf(objectOf(source).path) ?? '',
    line: numberOf(line) ?? 0,
  };
};

export class Program {
  readonly #adapter: AdapterProcess;
  readonly #listener: ProgramListener;
  #state: ProgramState = 'starting';
  /** False from the moment of a stop, when `state` still says "running" until it has been shown. */
  #runs = false;
  #ending = false;
  /** The adapter waits for the end of the configuration before it lets the program begin. */
  #waits = false;
  #waiting: (() => void)[] = [];
  /** The answer to the last resume: a pause that overtook it would be lost. */
  #resumed: Promise<unknown> = Promise.resolve();
  #initialized: () => void = () => undefined;
  readonly #untilInitialized: Promise<void>;
  #frames: readonly Frame[] | undefined;
  /** Path of the executable, once the adapter has told. */
  path: string | undefined;
  pid: number | undefined;
  /** Selected by the last stop or by the person. */
  goroutine: number | undefined;
  frameIndex = 0;

  constructor(command: readonly string[], listener: ProgramListener) {
    this.#listener = listener;
    this.#untilInitialized = new Promise((resolve) => {
      this.#initialized = resolve;
    });
    this.#adapter = new AdapterProcess(command, {
      onEvent: (event) => this.#onEvent(event),
      onEnded: (said) => {
        this.#become('ended');
        if (!this.#ending) listener.onLost(said);
      },
    });
  }

  get state(): ProgramState {
    return this.#state;
  }

  /** For those who watch what becomes of it. */
  get adapterPid(): number | undefined {
    return this.#adapter.pid;
  }

  #become(state: ProgramState): void {
    if (this.#state === 'ended') return;
    this.#state = state;
    if (state !== 'running') for (const resolve of this.#waiting.splice(0)) resolve();
    this.#listener.onState();
  }

  #onEvent({ event, body }: Event): void {
    switch (event) {
      case 'initialized':
        this.#initialized();
        return;
      case 'process': {
        const { name, systemProcessId } = objectOf(body);
        this.path = textOf(name);
        this.pid = numberOf(systemProcessId);
        return;
      }
      case 'output': {
        const { category, output } = objectOf(body);
        this.#listener.onOutput(stringOf(output) ?? '', category === 'stdout' || category === 'stderr');
        return;
      }
      case 'stopped':
        void this.#onStopped(stopOf(body));
        return;
      case 'continued':
        this.#runs = true;
        this.#become('running');
        return;
      case 'breakpoint':
        this.#listener.onBreakpoint(objectOf(objectOf(body).breakpoint));
        return;
      case 'terminated':
        this.#runs = false;
        this.#become('ended');
        return;
      default:
        return;
    }
  }

  async #onStopped(stop: Stop): Promise<void> {
    this.#runs = false;
    this.goroutine = stop.goroutine;
    this.frameIndex = 0;
    this.#frames = undefined;
    await this.#listener.onStopped(stop);
    // A command of the adapter's own may have resumed it meanwhile.
    if (!this.#runs) this.#become('stopped');
  }

  /** Rejects with the adapter's sentence. `configure` sets breakpoints. */
  async start(start: Start, configure: () => Promise<void>): Promise<void> {
    await this.request('initialize', {
      clientID: 'probelens-terminal',
      clientName: 'probelens debug',
      adapterID: 'probelens',
      linesStartAt1: true,
      columnsStartAt1: true,
      pathFormat: 'path',
      // Delve tells types to those only who ask so.
      supportsVariableType: true,
    });
    const started = this.request(start.kind, start.arguments);
    // The answer to a launch that failed comes instead of the event.
    await Promise.race([this.#untilInitialized, started]);
    await Promise.all([started, this.#configure(start, configure)]);
  }

  async #configure(start: Start, configure: () => Promise<void>): Promise<void> {
    await this.#untilInitialized;
    await configure();
    if (start.kind === 'launch' && start.waits !== undefined) {
      this.#waits = true;
      this.#become('stopped');
      return;
    }
    this.#runs = true;
    await this.request('configurationDone');
    if (start.arguments.stopOnEntry !== true && this.#runs) this.#become('running');
  }

  request(command: string, args: JsonObject = {}): Promise<JsonObject> {
    return this.#adapter.request(command, args);
  }

  /** Resolves when it is on its way; `untilHalt` waits for what comes of it. */
  async resume(command: 'continue' | 'next' | 'stepIn' | 'stepOut', args: JsonObject = {}): Promise<void> {
    if (this.#waits && command !== 'continue')
      throw new RequestFailure('The program has not begun; `continue` lets it run.');
    this.#runs = true;
    this.#become('running');
    try {
      const answer = this.#waits
        ? this.request('configurationDone')
        : this.request(command, { threadId: this.goroutine ?? 1, ...args });
      this.#waits = false;
      this.#resumed = answer.catch(() => undefined);
      await answer;
    } catch (error) {
      if (this.#runs) {
        this.#runs = false;
        this.#become('stopped');
      }
      throw error;
    }
  }

  /** Resolves when the program does not run: it stopped and the stop was shown, or it ended. */
  async untilHalt(): Promise<void> {
    if (this.#state !== 'running' && this.#state !== 'starting') return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A stopped program is left alone. */
  async pause(): Promise<void> {
    await this.#resumed;
    if (this.#runs) await this.request('pause', { threadId: this.goroutine ?? 1 });
  }

  /** Frames of the selected goroutine, innermost first. */
  async frames(levels = 50): Promise<readonly Frame[]> {
    const known = this.#frames;
    if (known !== undefined && known.length >= levels) return known;
    if (this.goroutine === undefined) throw new RequestFailure('No goroutine is selected; `goroutine N` selects one.');
    const { stackFrames } = await this.request('stackTrace', { threadId: this.goroutine, startFrame: 0, levels });
    this.#frames = listOf(stackFrames).map(frameOf);
    return this.#frames;
  }

  /** The selected frame; undefined where the goroutine has none. */
  async frame(): Promise<Frame | undefined> {
    return (await this.frames(this.frameIndex + 1))[this.frameIndex];
  }

  selectGoroutine(id: number): void {
    this.goroutine = id;
    this.frameIndex = 0;
    this.#frames = undefined;
  }

  /** Resolves when nothing of the session is left. */
  async end(terminate: boolean | undefined): Promise<void> {
    this.#ending = true;
    if (terminate !== undefined) {
      await this.request('disconnect', { terminateDebuggee: terminate }).catch((error: unknown) => {
        // It ended meanwhile, with the program or by itself.
        if (!(error instanceof RequestFailure)) throw error;
      });
    }
    await this.#adapter.end();
  }
}
