/** The session's keeper: started before the first gate, told what it would have to leave in order, sent away at the end. */
import type { KeepState } from '../core/output.js';
import type { DelveShell } from '../delve/shell.js';
import { type Keeper, startKeeper } from '../keeper/spawn.js';

const nothing: KeepState = {
  live: false,
  pid: undefined,
  sources: [],
  functions: false,
  instructions: false,
  step: false,
};

export class Keeping {
  readonly #command: readonly string[] | undefined;
  readonly #delve: DelveShell;
  #keeper: Keeper | undefined;
  #state: KeepState = nothing;

  constructor(command: readonly string[] | undefined, delve: DelveShell) {
    this.#command = command;
    this.#delve = delve;
  }

  tell(state: KeepState): void {
    this.#state = state;
    this.#keeper?.tell(state);
  }

  /**
   * Before the first gate: from then on nobody may let go of Delve's connection too early. Rejects when there can be none:
   * gates are as safe then, and only a SIGKILL of this process is not survived.
   */
  async ensure(agentOutput: NodeJS.ReadableStream | undefined): Promise<void> {
    const delve = this.#delve.socket;
    if (this.#keeper !== undefined || this.#command === undefined || delve === undefined) return;
    if (agentOutput === undefined) return;
    const { ownOutput: delveOutput, ownPid: delvePid } = this.#delve;
    this.#keeper = startKeeper(this.#command, { delve, agent: agentOutput, delveOutput, delvePid }, this.#state);
    await this.#keeper?.ready;
  }

  async dismiss(): Promise<void> {
    const keeper = this.#keeper;
    this.#keeper = undefined;
    await keeper?.dismiss();
  }
}
