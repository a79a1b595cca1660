/** One session's shell: turns what happens into inputs of the core and does what the core says. Decides nothing. */
import type { Readable, Writable } from 'node:stream';
import { ClientEdge } from './client/edge.js';
import { ControlDoor } from './control/door.js';
import type { Input } from './core/input.js';
import type { Output, TimerName } from './core/output.js';
import { initialState, type SessionState } from './core/state/state.js';
import { step } from './core/step.js';
import { DelveShell } from './delve/shell.js';
import { KernelShell } from './kernel/shell.js';
import type { DapOptions } from './options.js';
import { TargetShell } from './target/shell.js';

/** The first breakpoints of a session are planned and armed by then. */
const settledMs = 2_000;

export class Session {
  #state: SessionState = initialState;
  readonly #inbox: Input[] = [];
  #stepping = false;
  readonly #client: ClientEdge;
  readonly #delve: DelveShell;
  readonly #kernel: KernelShell;
  readonly #target: TargetShell;
  readonly #door: ControlDoor;
  readonly #timers = new Map<TimerName, NodeJS.Timeout>();
  readonly #options: DapOptions;
  #finish: () => void = () => undefined;
  /** Resolves when every stream is closed and every process of this session has ended. */
  readonly finished: Promise<void>;

  constructor(input: Readable, output: Writable, options: DapOptions) {
    this.#options = options;
    // Node's hrtime is CLOCK_MONOTONIC on Linux, the clock of the kernel's events.
    const tell = (next: Input): void =>
      this.#take(next.kind === 'delve-message' ? { ...next, time: process.hrtime.bigint() } : next);
    this.#client = new ClientEdge(input, output, {
      onMessage: (message) => tell({ kind: 'client-message', message }),
      onPace: (pace) => tell({ kind: 'client-pace', pace }),
      onUnreadable: (sentence) => {
        const body = { category: 'stderr', output: `${sentence}\n` };
        tell({ kind: 'delve-message', message: { seq: 0, type: 'event', event: 'output', body } });
      },
      onClosed: () => tell({ kind: 'client-closed' }),
    });
    this.#delve = new DelveShell(options, tell);
    this.#kernel = new KernelShell(options, this.#delve, tell);
    this.#target = new TargetShell(this.#kernel, tell);
    this.#door = new ControlDoor(options, tell);
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** The system asks this process to end: as if the client had gone. */
  end(): void {
    this.#take({ kind: 'client-closed' });
  }

  /** One input at a time, also when an output brings the next one at once. */
  #take(input: Input): void {
    this.#inbox.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        this.#options.trace?.({ input: next });
        const { state, outputs } = step(this.#state, next);
        this.#state = state;
        for (const output of outputs) this.#do(output);
      }
    } finally {
      this.#stepping = false;
    }
  }

  #do(output: Output): void {
    this.#options.trace?.({ output });
    switch (output.kind) {
      case 'to-client':
        this.#client.send(output.message);
        return;
      case 'to-delve':
        this.#delve.send(output.message);
        return;
      case 'start-delve':
        void this.#delve.start(output.path, output.flags);
        return;
      case 'connect-delve':
        void this.#delve.connect(output.host, output.port);
        return;
      case 'close-delve':
        this.#delve.close();
        return;
      case 'check-kernel':
        void this.#kernel.check(output.agent);
        return;
      case 'prepare-kernel':
        this.#kernel.prepare(output.agent);
        return;
      case 'open-kernel':
        void this.#kernel.open(output.pid, output.kernel).then((path) => this.#opened(path, output.pid));
        return;
      case 'plan':
        this.#kernel.plan(output.ticket, output.items, output.avoid);
        return;
      case 'inspect-text':
        this.#kernel.inspect(output.places, output.held, output.own);
        return;
      case 'compare-text':
        this.#kernel.compareText(output.ticket, output.pid, output.places);
        return;
      case 'mend-text':
        void this.#kernel.mendText(output.ticket, output.pid, output.offsets);
        return;
      case 'arm':
        void this.#kernel.arm(output.ticket, output.plans);
        return;
      case 'disarm':
        void this.#kernel.disarm(output.ticket, output.probes);
        return;
      case 'end-agent':
        void this.#kernel.endAgent();
        return;
      case 'drain':
        void this.#kernel.drain(output.ticket);
        return;
      case 'focus':
        void this.#kernel.focus(output.ticket, output.goroutine);
        return;
      case 'complete':
        this.#kernel.complete(output.ticket, output.prefix);
        return;
      case 'describe-load':
        void this.#kernel.describeLoad(output.ticket, output.at, output.verify);
        return;
      case 'count':
        void this.#kernel.count();
        return;
      case 'find-go-statements':
        this.#kernel.findGoStatements(output.ticket, output.pc);
        return;
      case 'symbolise':
        this.#kernel.symbolise(output.ticket, output.stack, output.top);
        return;
      case 'open-target':
        void this.#target.open(output.start, output.kernel).then((path) => this.#opened(path, this.#target.pid));
        return;
      case 'release-target':
        this.#target.release();
        return;
      case 'await-halt':
        void this.#target.awaitHalt(output.ticket);
        return;
      case 'go-on':
        void this.#target.goOn(output.focus);
        return;
      case 'end-target':
        void this.#target.end();
        return;
      case 'read-signals':
        this.#kernel.readSignals(output.ticket, output.pid);
        return;
      case 'start-timer':
        this.#startTimer(output.name, output.milliseconds);
        return;
      case 'stop-timer':
        clearTimeout(this.#timers.get(output.name));
        return;
      case 'keep':
        this.#kernel.keep(output.state);
        return;
      case 'control-answer':
        this.#door.answer(output.ticket, output.probes);
        return;
      case 'control-timeline':
        this.#door.showTimeline(output.ticket, output.timeline);
        return;
      case 'control-refusal':
        this.#door.refuse(output.ticket, output.message);
        return;
      case 'control-changed':
        this.#door.changed(output.probes);
        return;
      case 'finish':
        void this.#end();
        return;
    }
  }

  #opened(path: string | undefined, pid: number | undefined): Promise<void> {
    const { onSettled } = this.#options;
    if (path !== undefined && onSettled !== undefined) setTimeout(onSettled, settledMs).unref();
    return this.#door.open(path, pid);
  }

  #startTimer(name: TimerName, milliseconds: number): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(
      name,
      setTimeout(() => this.#take({ kind: 'timer', name }), milliseconds),
    );
  }

  #ending = false;

  /** Gates first, Delve after them, the keeper last: it has nothing to keep then. */
  async #end(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await this.#door.close();
    await this.#kernel.closeAgent();
    await this.#target.close(this.#state.probeOnly?.leaving?.terminate === true);
    await this.#delve.end();
    await this.#kernel.dismissKeeper();
    this.#finish();
  }
}
