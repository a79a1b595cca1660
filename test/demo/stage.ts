/** What every part of the demo needs. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.js';
import { DebugSession } from './dap-session.js';
import { type MarkedProcess, markedProcesses, markName, processState, userProbeLinks } from './leftovers.js';
import type { Page } from './page.js';

export class Stage {
  readonly page: Page;
  readonly cleanup: Cleanup;
  /** Empty directory for this run; gone afterwards. */
  readonly directory: string;
  /** Root of the checkout. */
  readonly root: string;
  /** Command line of probelens. */
  readonly command: readonly string[];
  readonly mark = randomUUID();
  readonly #env: Readonly<Record<string, string>>;
  /** Undefined where the kernel cannot be used: then there are no links, and none may be looked for. */
  #linksBefore: ReadonlySet<string> | undefined;

  constructor(options: { page: Page; cleanup: Cleanup; directory: string; root: string; bin: string }) {
    this.page = options.page;
    this.cleanup = options.cleanup;
    this.directory = options.directory;
    this.root = options.root;
    this.command = [process.execPath, join(options.root, 'packages/cli/bin/probelens.js')];
    this.#env = {
      [markName]: this.mark,
      PATH: `${options.bin}:${process.env.PATH ?? ''}`,
      // Sessions of this run find each other here and disturb nobody else's.
      XDG_RUNTIME_DIR: options.directory,
      XDG_STATE_HOME: options.directory,
    };
  }

  get env(): Readonly<Record<string, string>> {
    return this.#env;
  }

  /** A debug adapter with an editor's end to it. */
  session(): DebugSession {
    return new DebugSession([...this.command, 'dap'], this.#env, this.cleanup);
  }

  /** Processes of this run other than the demo itself. */
  processes(): readonly MarkedProcess[] {
    return markedProcesses(this.mark);
  }

  /** To be called before anything is probed, and only where the kernel can be used. */
  rememberLinks(): void {
    this.#linksBefore = new Set(userProbeLinks().map(({ id }) => id));
  }

  /** BPF links on programs of this run; where the kernel does not name the file, all that were not there before. */
  newLinks(): number {
    const before = this.#linksBefore;
    if (before === undefined) return 0;
    const links = userProbeLinks().filter(({ id, path }) =>
      path === undefined ? !before.has(id) : path.startsWith(this.directory),
    );
    return new Set(links.map(({ id }) => id)).size;
  }

  /**
   * Waits until nothing of the sessions is left but `expected`; false when something stays. Endings take a moment: the
   * kernel releases links after the last process of theirs.
   */
  async quiet(expected: readonly number[] = []): Promise<boolean> {
    const limit = Date.now() + 10_000;
    do {
      const others = this.processes().filter(({ pid }) => !expected.includes(pid) && processState(pid) !== 'Z');
      if (others.length === 0 && this.newLinks() === 0) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } while (Date.now() < limit);
    return false;
  }

  /** What `quiet` found, in words. */
  leftovers(expected: readonly number[] = []): string {
    const others = this.processes().filter(({ pid }) => !expected.includes(pid));
    return `${this.newLinks()} kernel links, processes: ${others.map(({ pid, command }) => `${pid} ${command.slice(1, 3).join(' ')}`).join(', ') || 'none'}`;
  }
}
