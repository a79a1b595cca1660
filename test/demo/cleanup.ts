/** What must be undone however the demo ends: newest first, each once. */
export class Cleanup {
  #work: (() => Promise<void> | void)[] = [];
  readonly #begun = new AbortController();

  /** Aborted when cleaning begins: for children that only have to go. */
  get begun(): AbortSignal {
    return this.#begun.signal;
  }

  add(work: () => Promise<void> | void): void {
    this.#work.push(work);
  }

  /** Errors are printed and do not keep the rest from being done. */
  async run(): Promise<void> {
    this.#begun.abort();
    for (let work = this.#work.pop(); work !== undefined; work = this.#work.pop()) {
      try {
        await work();
      } catch (error) {
        process.stderr.write(`could not clean up: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  }
}
