/** The desk of one `probelens debug`: the session of the moment, and what outlives it when the program is restarted. */
import type { JsonObject } from '../core/message.js';
import { sentenceOf } from '../errors.js';
import { Breakpoints, breakpointText } from './breakpoints.js';
import { type Desk, frameText, type Leaving, placeOfFrame, showSource } from './desk.js';
import { Listing } from './listing.js';
import { Program, type Start, type Stop } from './program.js';
import type { Screen } from './screen.js';
import { Symbols } from './symbols.js';

/** Of Delve's own console, whose commands are not those that are typed here. */
const delvesHint = "Type 'dlv help'";

const notBegun = 'The program is loaded and has not begun. `break` sets breakpoints, `continue` lets it run.';

export interface DeskOptions {
  /** Command line of the adapter. */
  readonly adapterCommand: readonly string[];
  readonly start: Start;
  readonly stateDirectory: string;
  readonly probes: readonly string[];
  readonly screen: Screen;
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly onState: () => void;
  /** The session is over: by a command, or because the adapter died (then `lost` says so). */
  readonly onLeave: (how: Leaving, lost: boolean) => void;
}

export class SessionDesk implements Desk {
  readonly #options: DeskOptions;
  readonly listing = new Listing();
  readonly breakpoints = new Breakpoints((command, args) => this.program.request(command, args));
  readonly probes = new Map<string, string>();
  program: Program;
  symbols: Symbols | undefined;
  #leaving = false;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.program = this.#newProgram();
  }

  get screen(): Screen {
    return this.#options.screen;
  }

  get attached(): boolean {
    return this.#options.start.kind === 'attach';
  }

  get stateDirectory(): string {
    return this.#options.stateDirectory;
  }

  #newProgram(): Program {
    return new Program(this.#options.adapterCommand, {
      onOutput: (text, fromProgram) => {
        if (fromProgram) this.screen.programText(text);
        else if (!text.startsWith(delvesHint)) this.screen.print(text.replace(/\n$/, ''));
      },
      onStopped: (stop) => this.#showStop(stop),
      onBreakpoint: (news) => this.#onBreakpoint(news),
      onState: this.#options.onState,
      onLost: (said) => {
        this.screen.print(
          `The debug adapter ended unexpectedly${said === '' ? '' : ` (${said})`}; the kernel has taken its probes out.`,
        );
        this.leave('leave', true);
      },
    });
  }

  #onBreakpoint(news: JsonObject): void {
    const changed = this.breakpoints.changed(news);
    if (changed !== undefined) this.screen.print(breakpointText(changed));
  }

  /** Rejects with the adapter's sentence when there is no program to debug. */
  async open(): Promise<void> {
    const { start, probes } = this.#options;
    const again = [...probes, ...this.probes.values()];
    this.probes.clear();
    const args = again.length === 0 ? start.arguments : { ...start.arguments, probes: again };
    await this.program.start({ ...start, arguments: args }, () => this.breakpoints.sendAll());
    // A launched program stops at its entry; that is shown before the first command.
    if (start.arguments.stopOnEntry === true) await this.program.untilHalt();
    if (start.kind === 'launch' && start.waits !== undefined) this.screen.print(notBegun);
    await this.#openSymbols();
  }

  /** Without them names are not completed and listings have no marks: worth a sentence, not the session. */
  async #openSymbols(): Promise<void> {
    const { start } = this.#options;
    const { path } = this.program;
    const pid = start.kind === 'attach' ? start.pid : this.program.pid;
    this.symbols?.close();
    this.symbols = undefined;
    try {
      // A process that waits is not yet what it will be.
      const waits = start.kind === 'launch' ? start.waits : undefined;
      const file = waits ?? (pid === undefined ? path : `/proc/${pid}/exe`);
      if (file !== undefined) this.symbols = await Symbols.open(file);
    } catch (error) {
      this.screen.print(`No names to complete and no costs in listings: ${sentenceOf(error)}`);
    }
  }

  async restart(): Promise<void> {
    await this.program.end(true);
    this.listing.forget();
    this.program = this.#newProgram();
    await this.open();
  }

  ask(question: string): Promise<string | undefined> {
    return this.#options.ask(question);
  }

  leave(how: Leaving, lost = false): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#options.onLeave(how, lost);
  }

  /** Resolves when nothing is left of the session. */
  async end(how: Leaving): Promise<void> {
    this.#leaving = true;
    await this.program.end(how === 'kill');
    this.symbols?.close();
  }

  async #showStop(stop: Stop): Promise<void> {
    try {
      if (stop.reason === 'entry') {
        this.screen.print(notBegun);
        return;
      }
      const frame = await this.program.frame();
      const numbers = stop.breakpoints.flatMap((id) => this.breakpoints.withId(id)?.number ?? []);
      const reason = numbers.length === 0 ? stop.reason : `breakpoint ${numbers.join(', ')}`;
      const where = frame === undefined ? '' : `  ${frameText(frame)}`;
      this.screen.print(`> ${reason}${where}  (goroutine ${stop.goroutine ?? 'unknown'})`);
      if (stop.text !== '' && !stop.reason.endsWith('breakpoint')) this.screen.print(stop.text);
      const place = frame === undefined ? undefined : placeOfFrame(frame);
      if (place !== undefined) showSource(this, place, place);
    } catch (error) {
      this.screen.print(`> ${stop.reason}: ${sentenceOf(error)}`);
    }
  }
}
