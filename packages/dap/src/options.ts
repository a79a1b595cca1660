import type { GoBinary } from '@probelens/gosym';
import type { AgentClient } from '@probelens/probes';
import type { Input } from './core/input.js';
import type { Output } from './core/output.js';
import type { PlannerPort } from './kernel/item-plans.js';

/** What the adapter has to be told by whoever starts it. */
export interface DapOptions {
  /**
   * Command line that becomes the privileged agent, unless the launch arguments name one. Undefined: no kernel probes,
   * everything stays with Delve. A function is asked when the first program is there: what it needs is not loaded before.
   */
  readonly agentCommand: readonly string[] | (() => Promise<readonly string[]>) | undefined;
  /** Command line that runs `runKeeper`; undefined: a SIGKILL of the adapter is not survived by an attached program. */
  readonly keeperCommand?: readonly string[] | undefined;
  /** Path or name of dlv, unless the launch arguments say. */
  readonly delvePath?: string | undefined;
  /** Where the control socket is registered; `false`: there is none. */
  readonly controlDirectory?: string | false | undefined;
  /** Some moments after the kernel's side of a program was opened: what that left in memory may go. */
  readonly onSettled?: (() => void) | undefined;
  /** Every input and output of the core, for those who look for a fault. */
  readonly trace?: ((what: { readonly input: Input } | { readonly output: Output }) => void) | undefined;
  /** Replaceable for tests. */
  readonly openBinary?: ((path: string) => Promise<GoBinary>) | undefined;
  readonly loadPlanner?: (() => Promise<PlannerPort>) | undefined;
  readonly startAgent?: ((command: readonly string[], abandoned: AbortSignal) => Promise<AgentClient>) | undefined;
}
