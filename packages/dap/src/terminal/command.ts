import type { Desk } from './desk.js';

/** What stands behind a command's name, for Tab. */
export type Completes = 'function' | 'place' | 'command' | 'file' | 'breakpoint';

export interface Command {
  /** The full name first, then the short forms; those of Delve where it has the command. */
  readonly names: readonly [string, ...string[]];
  /** What follows the name: "[N]". */
  readonly takes?: string;
  readonly help: string;
  /** "halt": waits until the program stands still. "program": there has to be one. */
  readonly needs: 'nothing' | 'program' | 'halt';
  readonly completes?: Completes;
  /** An empty line does it again. */
  readonly repeats?: true;
  /** What it does goes on after it has returned: a script waits for the program's next halt. */
  readonly resumes?: true;
  /** Rejects with a sentence. */
  readonly run: (desk: Desk, rest: string) => Promise<void>;
}
